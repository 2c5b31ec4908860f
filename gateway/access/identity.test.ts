import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Credential, parseAuthorization } from './credential.ts';
import { identify } from './identity.ts';
import { isOtherUser, parseUserName } from './user-name.ts';

const basic = (user: string, encoding: BufferEncoding = 'utf8'): string =>
  `Basic ${Buffer.from(`${user}:secret:with:colons`, encoding).toString('base64')}`;
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const bearer = (claims: unknown): string =>
  `Bearer ${part({ alg: 'RS256', nonce: 'x' })}.${part(claims)}.c2ln`;
const userOf = (credential: Credential): string | undefined =>
  credential.kind === 'Named' ? credential.user.canonical : undefined;

const other = (a: string, b: string): boolean => {
  const [one, two] = [parseUserName(a), parseUserName(b)];
  if (one === undefined || two === undefined) throw new Error('not a user name');
  return isOtherUser(one, two);
};

describe('a user name', () => {
  test.each([
    ['ann', 'ann', ''],
    ['Ann@Example.COM', 'ann', 'example.com'],
    ['EXAMPLE\\Ann', 'ann', 'example'],
    ['example.com\\ann', 'ann', 'example.com'],
    ['\\ann', 'ann', ''],
    ['\\ann@example.com', 'ann', 'example.com'],
    ['EXAMPLE\\ann@example.com', 'ann', 'example.com'],
    [' ann ', 'ann', ''],
    ['first.last+tag@example.com', 'first.last+tag', 'example.com'],
    ['odd@local@example.com', 'odd@local', 'example.com'],
    ['MÜLLER@EXAMPLE.COM', 'müller', 'example.com'],
  ])('%s is read', (text, local, domain) => {
    expect(parseUserName(text)).toMatchObject({ local, domain });
  });

  test.each(['', ' ', '\\', 'EXAMPLE\\', '@example.com', 'ann@', 'a\\b\\c', 'ann\r\n', 'a'.repeat(321)])(
    '%j is none',
    (text) => {
      expect(parseUserName(text)).toBeUndefined();
    },
  );

  test('in its spellings is one user as far as they can be compared', () => {
    expect(other('EXAMPLE\\ann', 'ann@example.com')).toBe(false);
    expect(other('ann', 'ann@example.com')).toBe(false);
    expect(other('ann@example.com', 'ANN@Example.com')).toBe(false);
    expect(other('ann@example.com', 'ann@other.com')).toBe(true);
    expect(other('bob@example.com', 'ann@example.com')).toBe(true);
  });

  test('never breaks the reader', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const user = parseUserName(text);
        expect(user === undefined || user.local !== '').toBe(true);
      }),
    );
  });
});

describe('an Authorization header', () => {
  test.each([
    ['Basic with a UPN', basic('ann@example.com'), 'ann@example.com'],
    ['Basic with a down-level name', basic('EXAMPLE\\ann'), 'ann@example'],
    ['Basic with a bare name', basic('ann'), 'ann'],
    ['Basic in another case', basic('ann').replace('Basic', 'bASIC'), 'ann'],
    ['Basic in UTF-8', basic('müller@example.com'), 'müller@example.com'],
    ['Basic in latin1', basic('müller@example.com', 'latin1'), 'müller@example.com'],
    ['a token with upn', bearer({ upn: 'Ann@example.com', preferred_username: 'x@y.z' }), 'ann@example.com'],
    [
      'a v2 token',
      bearer({ preferred_username: 'ann@example.com', unique_name: 'x@y.z' }),
      'ann@example.com',
    ],
    ['a v1 token without upn', bearer({ unique_name: 'ann@example.com' }), 'ann@example.com'],
    ['a token whose upn is no text', bearer({ upn: 7, unique_name: 'ann@example.com' }), 'ann@example.com'],
  ])('of %s names the user', (_, value, user) => {
    expect(userOf(parseAuthorization(value))).toBe(user);
  });

  test.each([
    ['no header', undefined, 'None'],
    ['an empty one', '', 'None'],
    ['an empty Bearer', 'Bearer', 'None'],
    ['an empty Bearer with a space', 'Bearer ', 'None'],
    ['an empty Basic', 'Basic', 'None'],
    ['NTLM', 'NTLM TlRMTVNTUAABAAAA', 'ConnectionBound'],
    ['Negotiate', 'negotiate YIIabc==', 'ConnectionBound'],
    ['NTLM without a message', 'NTLM', 'ConnectionBound'],
    ['Basic that is no base64', 'Basic %%%', 'Opaque'],
    ['Basic without a colon', `Basic ${Buffer.from('ann').toString('base64')}`, 'Opaque'],
    ['Basic without a user', basic(''), 'Opaque'],
    ['an opaque token', 'Bearer EwBAA8l6BAAU', 'Opaque'],
    ['an encrypted token', 'Bearer a.b.c.d.e', 'Opaque'],
    ['a token without claims', 'Bearer a.!.c', 'Opaque'],
    ['a token whose claims are null', bearer(null), 'Opaque'],
    ['a token of a service', bearer({ appid: 'x' }), 'Opaque'],
    ['another scheme', 'Digest username="ann"', 'Opaque'],
  ])('of %s', (_, value, kind) => {
    expect(parseAuthorization(value).kind).toBe(kind);
  });

  test('never breaks the reader', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.jsonValue().map((claims) => bearer(claims)),
      fc.uint8Array({ maxLength: 80 }).map((bytes) => `Basic ${Buffer.from(bytes).toString('base64')}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(parseAuthorization(text).kind).toMatch(/^(None|ConnectionBound|Opaque|Named)$/);
      }),
    );
  });
});

describe('the identity of a request', () => {
  const ANN = parseAuthorization(basic('ann@example.com'));
  const NONE = parseAuthorization('Bearer');
  const OPAQUE = parseAuthorization('Bearer EwBAA8l6BAAU');

  test('is that of the credential, whatever the query says, and a difference is noticed', () => {
    expect(identify(ANN, 'bob@example.com', undefined)).toMatchObject({
      user: { local: 'ann' },
      mismatch: true,
    });
    expect(identify(ANN, '', 'bob@example.com')).toMatchObject({ user: { local: 'ann' }, mismatch: true });
    expect(identify(ANN, 'EXAMPLE\\ann', undefined)).toMatchObject({
      user: { local: 'ann' },
      mismatch: false,
    });
    expect(identify(ANN, '', undefined)).toMatchObject({ user: { local: 'ann' }, mismatch: false });
  });

  test('is what the request says where there is no credential, the query before the header', () => {
    expect(identify(NONE, 'bob', 'eve@example.com')).toMatchObject({
      user: { canonical: 'bob' },
      anonymous: false,
    });
    expect(identify(NONE, '', 'eve@example.com')).toMatchObject({ user: { local: 'eve' }, anonymous: false });
  });

  test('is what the request says where a token names nobody', () => {
    expect(identify(OPAQUE, 'bob@example.com', undefined)).toMatchObject({
      user: { local: 'bob' },
      mismatch: false,
    });
  });

  test('is unknown where nothing names anybody, and anonymous only without a credential', () => {
    expect(identify(NONE, '', undefined)).toEqual({ user: undefined, anonymous: true, mismatch: false });
    expect(identify(OPAQUE, '', undefined)).toEqual({ user: undefined, anonymous: false, mismatch: false });
  });
});
