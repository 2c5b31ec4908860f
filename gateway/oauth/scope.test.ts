// Scopes and resources, from each kind of client to each kind of identity provider: what is replaced, and that nothing else is.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileAudience, type Protocol } from './audience.ts';
import { rewriteAudience, rewriteDeviceForm, rewriteTokenForm } from './rewrite.ts';

const TOKEN_PATHS: Readonly<Record<Protocol, string>> = {
  V1: 'https://login.microsoftonline.com/common/oauth2/token',
  V2: 'https://login.microsoftonline.com/common/oauth2/v2.0/token',
  ADFS: 'https://adfs.contoso.com/adfs/oauth2/token',
};

function towards(protocol: Protocol, change: Partial<Parameters<typeof compileAudience>[0]> = {}) {
  return compileAudience({
    authorizationEndpoint: TOKEN_PATHS[protocol].replace('token', 'authorize'),
    tokenEndpoint: TOKEN_PATHS[protocol],
    gatewayResource: 'https://sentry.example.com',
    destinationResource: protocol === 'ADFS' ? 'https://mail.contoso.com/' : 'https://outlook.office365.com/',
    allowPasswordGrant: false,
    otherResources: 'Refuse',
    ...change,
  });
}

const ONLINE = 'https%3A%2F%2Foutlook.office365.com';
const ON_PREMISES = 'https%3A%2F%2Fmail.contoso.com%2F';

/** Spellings of the gateway's resource before the slash and the permission of a scope. */
const gateway = fc.constantFrom(
  'https://sentry.example.com',
  'https%3A%2F%2Fsentry.example.com',
  'HTTPS%3a%2f%2fSENTRY.example.com',
  'https://sentry.example.com/',
  'https%3A%2F%2Fsentry.example.com%2F',
);
const slash = fc.constantFrom('/', '%2F', '%2f');
const permission = fc.constantFrom('EAS.AccessAsUser.All', '.default', 'EAS%2EAccessAsUser.All', 'x');
const blank = fc.constantFrom('+', '%20');
const signIn = fc.constantFrom('openid', 'offline_access', 'profile', '%6Fpenid', 'email');
const other = fc
  .tuple(
    fc.constantFrom('client_id', 'state', 'claims', 'redirect_uri', 'x-client-SKU', 'nonce', ''),
    fc.string({ unit: fc.constantFrom(...'aZ09-._~%+,;:@/?{}"ü'.split('')), maxLength: 12 }),
  )
  .map(([name, value]) => `${name}=${value}`);
const others = fc.array(other, { maxLength: 5 });

/** A scope parameter's value with one scope for the gateway between others. */
const scopes = fc.record({
  before: fc.array(fc.tuple(signIn, blank), { maxLength: 2 }).map((list) => list.flat().join('')),
  audience: gateway,
  permission: fc.tuple(slash, permission).map((pair) => pair.join('')),
  behind: fc.array(fc.tuple(blank, signIn), { maxLength: 2 }).map((list) => list.flat().join('')),
});

const query = (before: readonly string[], parameter: string, behind: readonly string[]): string =>
  [...before, parameter, ...behind].join('&');

describe('a v2 client', () => {
  test.each<[Protocol, string]>([
    ['V2', ONLINE],
    ['ADFS', ON_PREMISES],
  ])('towards %s gets the audience of its scope replaced, and every other byte stays', (protocol, to) => {
    fc.assert(
      fc.property(others, scopes, others, (before, scope, behind) => {
        const value = (audience: string): string =>
          `scope=${scope.before}${audience}${scope.permission}${scope.behind}`;
        const text = query(before, value(scope.audience), behind);
        expect(rewriteAudience(text, towards(protocol))).toEqual({
          ok: true,
          text: query(before, value(to), behind),
        });
      }),
      { numRuns: 1000 },
    );
  });

  test('towards V1 asks for the resource, and keeps its other scopes and every other byte', () => {
    fc.assert(
      fc.property(others, scopes, others, (before, scope, behind) => {
        const value = `scope=${scope.before}${scope.audience}${scope.permission}${scope.behind}`;
        const rewritten = rewriteAudience(query(before, value, behind), towards('V1'));
        const rest =
          scope.before === '' ? scope.behind.replace(/^(\+|%20)/, '') : scope.before + scope.behind;
        const kept = scope.before === '' ? rest : rest.replace(/(\+|%20)(?=$|\+|%20)/, '');
        const resource = `resource=${ONLINE}%2F`;
        expect(rewritten).toEqual({
          ok: true,
          text: query(before, kept === '' ? resource : `${resource}&scope=${kept}`, behind),
        });
      }),
      { numRuns: 1000 },
    );
  });

  test.each<[string, Protocol, string, string]>([
    [
      'MSAL',
      'V2',
      'https%3A%2F%2Fsentry.example.com%2FEAS.AccessAsUser.All%20openid%20profile%20offline_access',
      `${ONLINE}%2FEAS.AccessAsUser.All%20openid%20profile%20offline_access`,
    ],
    [
      'a double slash, as AD FS writes it',
      'ADFS',
      'openid+https%3A%2F%2Fsentry.example.com%2F%2FEAS.AccessAsUser.All',
      `openid+${ON_PREMISES}%2FEAS.AccessAsUser.All`,
    ],
    [
      'a double slash towards Entra ID',
      'V2',
      'openid https://sentry.example.com//EAS.AccessAsUser.All',
      `openid ${ONLINE}/EAS.AccessAsUser.All`,
    ],
    [
      'two permissions',
      'V2',
      'https://sentry.example.com/a+https://sentry.example.com/b',
      `${ONLINE}/a+${ONLINE}/b`,
    ],
    ['no resource at all', 'V2', 'openid+offline_access', 'openid+offline_access'],
    ['nothing', 'V2', '', ''],
    ['a scope of AD FS', 'ADFS', 'openid+allatclaims', 'openid+allatclaims'],
  ])('%s, towards %s: %s', (_, protocol, from, to) => {
    expect(rewriteAudience(`a=b&scope=${from}&c`, towards(protocol))).toEqual({
      ok: true,
      text: `a=b&scope=${to}&c`,
    });
  });

  test.each<[string, Protocol, string]>([
    ['another resource', 'V2', 'https://graph.microsoft.com/Mail.Read'],
    ['the gateway and another resource', 'V2', 'https://sentry.example.com/x+https://graph.microsoft.com/y'],
    ['another resource', 'V1', 'https://graph.microsoft.com/Mail.Read'],
    ['another resource', 'ADFS', 'https://graph.microsoft.com/Mail.Read'],
    ['a permission of Graph, which Entra ID means by a bare name', 'V2', 'openid+Mail.Read'],
    ['a host that begins like the gateway', 'V2', 'https://sentry.example.com.evil.net/x'],
    ['a path below the gateway', 'V2', 'https://sentry.example.com/path/x'],
    ['three slashes', 'V2', 'https://sentry.example.com///x'],
    ['no permission', 'V2', 'https://sentry.example.com/'],
    ['no permission behind two slashes', 'V2', 'https://sentry.example.com//'],
    ['the resource alone', 'V2', 'https://sentry.example.com'],
    ['an application', 'V2', 'api://f8d98a96-0999-43f5-8af3-69971c7bb423/.default'],
    ['an application by its id', 'V2', 'f8d98a96-0999-43f5-8af3-69971c7bb423/.default'],
    ['a tab between scopes', 'V2', 'https://sentry.example.com/x%09https://graph.microsoft.com/y'],
    ['a line break between scopes', 'V2', 'openid%0Ahttps://sentry.example.com/x'],
    ['an encoded percent sign', 'V2', 'https:%252F%252Fsentry.example.com/x'],
    ['a byte above ASCII', 'V2', 'https://sentry.example.com/%C3%BC'],
  ])('with a scope for %s towards %s is refused unless the route says otherwise', (_, protocol, scope) => {
    const text = `client_id=a&scope=${scope}`;
    expect(rewriteAudience(text, towards(protocol))).toMatchObject({ ok: false, error: 'invalid_target' });
    const passed = rewriteAudience(text, towards(protocol, { otherResources: 'Pass' }));
    const kept = text.replace(/(?<=[=+])https:\/\/sentry[.]example[.]com(?=\/x(\+|$))/, ONLINE);
    expect(passed).toEqual({ ok: true, text: kept });
  });
});

describe('a v1 client', () => {
  test('towards V2 asks for the scope in place of its resource, and every other byte stays', () => {
    fc.assert(
      fc.property(others, gateway, others, (before, resource, behind) => {
        const scope = `scope=${ONLINE}%2FEAS.AccessAsUser.All%20offline_access%20openid`;
        expect(rewriteAudience(query(before, `resource=${resource}`, behind), towards('V2'))).toEqual({
          ok: true,
          text: query(before, scope, behind),
        });
      }),
      { numRuns: 1000 },
    );
  });

  test.each<[Protocol, string]>([
    ['V1', `${ONLINE}%2F`],
    ['ADFS', ON_PREMISES],
  ])('towards %s keeps speaking of a resource', (protocol, to) => {
    expect(rewriteAudience('x&resource=https://sentry.example.com/&y', towards(protocol))).toEqual({
      ok: true,
      text: `x&resource=${to}&y`,
    });
  });

  test('is understood by what its identity provider is said to speak, whatever the path', () => {
    const paths = { tokenEndpoint: 'https://idp.example.com/token' };
    const text = 'resource=https://sentry.example.com';
    expect(rewriteAudience(text, towards('V1', { ...paths, protocol: 'V2' }))).toMatchObject({
      text: expect.stringMatching(/^scope=/) as string,
    });
    expect(rewriteAudience(text, towards('V2', { ...paths }))).toEqual({
      ok: true,
      text: `resource=${ONLINE}%2F`,
    });
  });
});

describe('every request', () => {
  const forms: [string, (text: string) => ReturnType<typeof rewriteAudience>][] = [
    ['authorization', (text) => rewriteAudience(text, towards('V2'))],
    ['device authorization', (text) => rewriteDeviceForm(text, null, towards('V2'))],
    ['token', (text) => rewriteTokenForm(`grant_type=refresh_token&${text}`, null, towards('V2'))],
  ];

  test.each(forms)('for %s with an ambiguous audience is refused', (_, rewrite) => {
    const ours = 'https://sentry.example.com';
    for (const text of [
      `scope=${ours}/x&scope=openid`,
      `scope=${ours}/x&%73cope=https://graph.microsoft.com/y`,
      `Scope=${ours}/x&scope=${ours}/x`,
      `resource=${ours}&resource=${ours}`,
      `resource=${ours}&scope=openid`,
      `scope=${ours}/x&res%6Furce=https://graph.microsoft.com`,
      'scope&scope',
    ]) {
      expect([text, rewrite(text)]).toMatchObject([text, { ok: false, error: 'invalid_request' }]);
    }
  });

  test('with CAE claims keeps them byte for byte', () => {
    const claims =
      'claims=%7B%22access_token%22%3A%7B%22nbf%22%3A%7B%22essential%22%3Atrue%2C%22value%22%3A%221700000000%22%7D%2C%22xms_cc%22%3A%7B%22values%22%3A%5B%22cp1%22%5D%7D%7D%7D';
    const text = `grant_type=refresh_token&${claims}&scope=https://sentry.example.com/x`;
    expect(rewriteTokenForm(text, null, towards('V2'))).toEqual({
      ok: true,
      text: `grant_type=refresh_token&${claims}&scope=${ONLINE}/x`,
    });
  });

  test.each(['request=ey.J.x', 'request_uri=urn:a', '%72equest=ey'])(
    'with a request object (%s) is refused: nobody can replace what is in it',
    (parameter) => {
      const text = `client_id=a&${parameter}`;
      expect(rewriteAudience(text, towards('V1'))).toMatchObject({ ok: false, error: 'invalid_request' });
      expect(rewriteAudience(text, towards('V1', { otherResources: 'Pass' }))).toEqual({ ok: true, text });
    },
  );

  test.each(['scope=a', 'resource=a', 'grant_type=a'])(
    'for a device with %s in its URL is refused',
    (parameter) => {
      expect(rewriteDeviceForm('client_id=a', `x&${parameter}`, towards('V2'))).toMatchObject({
        error: 'invalid_request',
      });
      expect(rewriteDeviceForm('client_id=a', 'x', towards('V2'))).toEqual({
        ok: true,
        text: 'client_id=a',
      });
    },
  );

  test.each([
    ['parameters', '&'],
    ['named parameters', '&a=b'],
    ['scopes', '+'],
    ['long scopes', '%20x'],
    ['slashes', '/'],
    ['percent signs', '%'],
  ])('with 64 KiB of %s is refused', (_, text) => {
    const hostile = `scope=https://sentry.example.com/x${text.repeat(65_000 / text.length)}`;
    for (const protocol of ['V1', 'V2', 'ADFS'] as const) {
      const audience = towards(protocol, { otherResources: 'Pass' });
      expect(rewriteAudience(hostile, audience)).toMatchObject({ ok: false, error: 'invalid_request' });
      const form = `grant_type=refresh_token&${hostile}`;
      expect(rewriteTokenForm(form, null, audience)).toMatchObject({ error: 'invalid_request' });
    }
  });

  test('may have a thousand parameters, and a scope of 8 KiB', () => {
    const scope = `scope=${`${ONLINE}/x+`.repeat(400).slice(0, 8192)}`;
    const text = ['a=b&'.repeat(999), scope].join('');
    const audience = towards('V2', { otherResources: 'Pass' });
    expect(rewriteAudience(text, audience)).toEqual({ ok: true, text });
    expect(rewriteAudience(`a&${text}`, audience)).toMatchObject({ error: 'invalid_request' });
    expect(rewriteAudience(`${text}x`, audience)).toMatchObject({ error: 'invalid_request' });
  });
});
