import { describe, expect, test } from 'vitest';
import { withoutConnectionBound } from './challenges.ts';

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
