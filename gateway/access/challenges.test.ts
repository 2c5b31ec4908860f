import { describe, expect, test } from 'vitest';
import { withAuthorizationURI, withoutConnectionBound } from './challenges.ts';

const BEARER =
  'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", trusted_issuers="a,b", token_types="app_asserted_user_v1", ' +
  'authorization_uri="https://login.windows.net/common/oauth2/authorize",error="insufficient_claims", claims="eyJhIjoxfQ=="';

describe('a WWW-Authenticate line', () => {
  test.each([
    'Basic realm="mail"',
    'Bearer',
    BEARER,
    'Basic realm="we negotiate, NTLM too"',
    'Basic realm="a \\" NTLM"',
    'Digest realm = "x", qop="auth"',
  ])('%s stays byte for byte', (value) => {
    expect(withoutConnectionBound(value)).toBe(value);
  });

  test.each([
    'NTLM',
    'Negotiate',
    'negotiate',
    'NTLM TlRMTVNTUAACAAAA==',
    'Negotiate YII=, NTLM',
    'Negotiate,NTLM',
  ])('%s disappears', (value) => {
    expect(withoutConnectionBound(value)).toBeUndefined();
  });

  test.each([
    ['Negotiate, NTLM, Basic realm="mail"', 'Basic realm="mail"'],
    ['Basic realm="mail, NTLM", Negotiate', 'Basic realm="mail, NTLM"'],
    [`NTLM, ${BEARER}`, BEARER],
    [`${BEARER}, Negotiate`, BEARER],
    ['Basic realm="a", NTLM TlRM=, Bearer x="y"', 'Basic realm="a", Bearer x="y"'],
  ])('%s loses what authenticates a connection, and nothing else', (value, rest) => {
    expect(withoutConnectionBound(value)).toBe(rest);
  });
});

describe('where to sign in', () => {
  const GATEWAY = 'https://sentry.example.com:8443/proxyservice/default/online/oauth2/authorize';

  test.each([
    'Basic realm="mail"',
    'Bearer',
    'Bearer client_id="a", trusted_issuers="authorization_uri=b"',
    'Basic realm="x", authorization_uri="https://login.windows.net/common/oauth2/authorize"',
    'Digest authorization_uri="a"',
    'Bearer x_authorization_uri="a"',
    'Bearer realm="authorization_uri=\\"a\\""',
    'Bearer authorization_uri="without an end',
    '',
  ])('%s stays byte for byte', (value) => {
    expect(withAuthorizationURI(value, GATEWAY)).toBe(value);
  });

  test.each([
    ['Bearer authorization_uri="https://a/authorize"', `Bearer authorization_uri="${GATEWAY}"`],
    ['bearer  Authorization_URI = "a" ,x="y"', `bearer  Authorization_URI = "${GATEWAY}" ,x="y"`],
    ['Bearer authorization_uri=token68, error="x"', `Bearer authorization_uri="${GATEWAY}", error="x"`],
    ['Bearer authorization_uri="a\\"b", c="d"', `Bearer authorization_uri="${GATEWAY}", c="d"`],
    [
      'Basic realm="a, Bearer", Bearer client_id="1",authorization_uri="https://a/b?c=d", claims="eyJ9"',
      `Basic realm="a, Bearer", Bearer client_id="1",authorization_uri="${GATEWAY}", claims="eyJ9"`,
    ],
    [
      'Bearer authorization_uri="a", Basic realm="b", Bearer authorization_uri="c"',
      `Bearer authorization_uri="${GATEWAY}", Basic realm="b", Bearer authorization_uri="${GATEWAY}"`,
    ],
    [BEARER, BEARER.replace('https://login.windows.net/common/oauth2/authorize', GATEWAY)],
  ])('%s names the gateway, and everything else stays byte for byte', (value, expected) => {
    expect(withAuthorizationURI(value, GATEWAY)).toBe(expected);
  });
});
