import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenPolicy, type TokenPolicySettings } from './token-policy.ts';
import { parseToken, TokenReader } from './token.ts';

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (claims: unknown, header: object = { alg: 'RS256', typ: 'JWT' }): string =>
  `${part(header)}.${part(claims)}.c2ln`;

const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const IOS = 'f8d98a96-0999-43f5-8af3-69971c7bb423';
const NOW = 1_800_000_000_000;
const ANN = {
  upn: 'ann@example.com',
  tid: TENANT,
  appid: IOS,
  scp: 'EAS.AccessAsUser.All',
  exp: NOW / 1000 + 60,
};

describe('a token', () => {
  test('of Entra ID v1 tells its user, tenant, client, scopes and expiry', () => {
    expect(
      parseToken(token({ ...ANN, tid: TENANT.toUpperCase(), scp: 'EAS.AccessAsUser.All  Mail.Read' })),
    ).toEqual({
      kind: 'Readable',
      user: { canonical: 'ann@example.com', local: 'ann', domain: 'example.com' },
      tenant: TENANT,
      clientId: IOS,
      scopes: ['EAS.AccessAsUser.All', 'Mail.Read'],
      expiresAt: NOW + 60_000,
    });
  });

  test('of Entra ID v2 names its client in another claim', () => {
    expect(parseToken(token({ preferred_username: 'ann@example.com', azp: IOS }))).toMatchObject({
      clientId: IOS,
      user: { canonical: 'ann@example.com' },
    });
  });

  test('of AD FS has no tenant, and a down-level name', () => {
    expect(parseToken(token({ unique_name: 'EXAMPLE\\ann', appid: IOS }))).toMatchObject({
      tenant: '',
      user: { local: 'ann', domain: 'example' },
    });
  });

  test('of a service names nobody and has no scopes', () => {
    const claims = {
      appid: IOS,
      idtyp: 'app',
      roles: ['full_access_as_app'],
      oid: 'x',
      sub: 'ann@example.com',
    };
    expect(parseToken(token(claims))).toMatchObject({ kind: 'Readable', user: undefined, scopes: [] });
  });

  test('with a nonce in its header is as readable as another', () => {
    const nonce = token(ANN, { alg: 'RS256', typ: 'JWT', nonce: 'AQABAAAAAAD', x5t: 'x', kid: 'x' });
    expect(parseToken(nonce)).toMatchObject({ kind: 'Readable', tenant: TENANT });
  });

  test.each(['EwBAA8l6BAAUO9chh8cJscQLmU', 'a.b.c.d.e', 'a.b', 'a.b.c.', ''])('%j is unreadable', (text) => {
    expect(parseToken(text)).toEqual({ kind: 'Unreadable' });
  });

  test.each([
    ['is padded', `${part({})}.${Buffer.from(JSON.stringify(ANN)).toString('base64')}==.c2ln`],
    ['is no base64url', 'a.!.c'],
    ['is empty', 'a..c'],
    ['is no JSON', `a.${Buffer.from('{').toString('base64url')}.c`],
    ['is no object', `a.${part(null)}.c`],
    ['is a list', `a.${part([ANN])}.c`],
  ])('whose payload %s is malformed, so that no spelling slips past a policy', (_, text) => {
    expect(parseToken(text)).toEqual({ kind: 'Malformed' });
  });

  test('with claims of wrong types is read without them', () => {
    const claims = { upn: 7, tid: {}, appid: [], scp: ['EAS.AccessAsUser.All'], exp: '99' };
    expect(parseToken(token(claims))).toEqual({
      kind: 'Readable',
      user: undefined,
      tenant: '',
      clientId: '',
      scopes: [],
      expiresAt: Infinity,
    });
  });

  test('never breaks the reader', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.jsonValue().map((claims) => token(claims)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(parseToken(text).kind).toMatch(/^(Unreadable|Malformed|Readable)$/);
      }),
    );
  });
});

describe('a reader of tokens', () => {
  test('remembers what a token says', () => {
    const reader = new TokenReader();
    const first = reader.read(token(ANN));
    expect(reader.read(`${token(ANN)} `.trim())).toBe(first);
    expect(reader.read(token({ ...ANN, upn: 'bob@example.com' }))).not.toBe(first);
  });

  test('tells tokens apart that differ in their payload alone, whatever their signature', () => {
    const reader = new TokenReader();
    expect(reader.read(token({ ...ANN, tid: 'good' }))).toMatchObject({ tenant: 'good' });
    expect(reader.read(token({ ...ANN, tid: 'evil' }))).toMatchObject({ tenant: 'evil' });
  });

  test('forgets what was not used for long, and never holds more than it may', () => {
    const reader = new TokenReader(4);
    const used = reader.read(token({ tid: 'used' }));
    const unused = reader.read(token({ tid: 'unused' }));
    for (let i = 0; i < 100; i++) {
      reader.read(token({ tid: `t${i}` }));
      expect(reader.read(token({ tid: 'used' }))).toBe(used);
      expect(reader.size).toBeLessThanOrEqual(4);
    }
    expect(reader.read(token({ tid: 'unused' }))).not.toBe(unused);
  });

  test('does not remember what is too long', () => {
    const reader = new TokenReader();
    expect(reader.read(token({ ...ANN, groups: 'g'.repeat(9_000) }))).toMatchObject({ tenant: TENANT });
    expect(reader.size).toBe(0);
  });
});

describe('a token policy', () => {
  const judge = (claims: object, settings: TokenPolicySettings, now = NOW) =>
    new TokenPolicy(settings).judge(parseToken(token(claims)), now);
  const ACCEPTED = { denial: undefined, until: ANN.exp * 1000 + 300_000 };

  test('accepts what it allows, until the token expires', () => {
    const settings = {
      allowedTenants: ['other', TENANT],
      allowedClientIds: [IOS.toUpperCase()],
      requiredScopes: ['EAS.AccessAsUser.All'],
    };
    expect(judge(ANN, settings)).toEqual(ACCEPTED);
    expect(judge(ANN, {})).toEqual(ACCEPTED);
    expect(judge({ ...ANN, exp: undefined }, {})).toEqual({ denial: undefined, until: Infinity });
  });

  test.each([
    ['another tenant', { ...ANN, tid: 'other' }, { allowedTenants: [TENANT] }, 'Tenant'],
    ['no tenant', { ...ANN, tid: undefined }, { allowedTenants: [TENANT] }, 'Tenant'],
    ['another client', { ...ANN, appid: 'x' }, { allowedClientIds: [IOS] }, 'ClientId'],
    ['no client', { ...ANN, appid: undefined }, { allowedClientIds: [IOS] }, 'ClientId'],
    [
      'a client in the claim of the other version',
      { ...ANN, appid: 'x', azp: IOS },
      { allowedClientIds: [IOS] },
      'ClientId',
    ],
    ['a missing scope', ANN, { requiredScopes: ['EAS.AccessAsUser.All', 'Mail.Read'] }, 'Scope'],
    [
      'a scope in another case',
      { ...ANN, scp: 'eas.accessasuser.all' },
      { requiredScopes: ['EAS.AccessAsUser.All'] },
      'Scope',
    ],
    [
      'roles instead of scopes',
      { roles: ['EAS.AccessAsUser.All'] },
      { requiredScopes: ['EAS.AccessAsUser.All'] },
      'Scope',
    ],
  ])('denies %s', (_, claims, settings, denial) => {
    expect(judge(claims, settings)).toEqual({ denial });
  });

  test('denies an expired token, five minutes late because clocks differ', () => {
    expect(judge(ANN, {}, ANN.exp * 1000 + 299_999)).toEqual(ACCEPTED);
    expect(judge(ANN, {}, ANN.exp * 1000 + 300_000)).toEqual({ denial: 'Expired' });
  });

  test('names what a new token would not cure before the expiry', () => {
    expect(judge({ ...ANN, tid: 'other' }, { allowedTenants: [TENANT] }, NOW * 2)).toEqual({
      denial: 'Tenant',
    });
  });

  test('lets unreadable tokens pass unless it says otherwise, and never malformed ones', () => {
    const opaque = parseToken('EwBAA8l6BAAU');
    const malformed = parseToken('a.!.c');
    const settings = { allowedTenants: [TENANT] };
    const strict = { ...settings, unreadableTokens: 'Refuse' as const };
    expect(new TokenPolicy(settings).judge(opaque, NOW)).toEqual({ denial: undefined, until: Infinity });
    expect(new TokenPolicy(strict).judge(opaque, NOW)).toEqual({ denial: 'Unreadable' });
    expect(new TokenPolicy(settings).judge(malformed, NOW)).toEqual({ denial: 'Malformed' });
  });
});
