import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileAudience } from './audience.ts';
import { rewriteAudience, rewriteTokenForm } from './rewrite.ts';

const oauth = compileAudience({
  authorizationEndpoint: 'https://idp.example.com/authorize',
  tokenEndpoint: 'https://idp.example.com/token',
  gatewayResource: 'https://sentry.example.com',
  destinationResource: 'https://outlook.office365.com/',
  allowPasswordGrant: false,
  otherResources: 'Refuse',
});
const destination = 'https%3A%2F%2Foutlook.office365.com%2F';

/** Text of a query as clients may send it: encoded, half encoded, empty, repeated, without `=`. */
const piece = fc.string({
  unit: fc.constantFrom(...'abcXYZ019-._~!*\'()+%,;:@/?[]{}"<>|\\^`ü\x7f'.split('')),
  maxLength: 12,
});
const otherParameter = fc
  .tuple(piece, fc.option(piece, { nil: null }))
  .map(([name, value]) => (value === null ? name : `${name}=${value}`))
  .filter((text) => !/^(resource|scope|grant_type)/i.test(decodeURIComponentLoosely(text)));
const audience = fc.constantFrom(
  'https://sentry.example.com',
  'https://sentry.example.com/',
  'https%3A%2F%2Fsentry.example.com',
  'https%3a%2f%2fSENTRY.example.com%2f',
  'HTTPS://Sentry.Example.COM/',
  '%68ttps://sentry.example.com',
);
const audienceName = fc.constantFrom('resource', 'res%6Furce', 'Resource');

function decodeURIComponentLoosely(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCodePoint(Number.parseInt(hex, 16)),
  );
}

describe('the audience of an authorization request', () => {
  test('is replaced, and every byte before and behind it stays', () => {
    fc.assert(
      fc.property(
        fc.array(otherParameter, { maxLength: 6 }),
        audienceName,
        audience,
        fc.array(otherParameter, { maxLength: 6 }),
        (before, name, value, behind) => {
          const text = [...before, `${name}=${value}`, ...behind].join('&');
          const expected = [...before, `${name}=${destination}`, ...behind].join('&');
          expect(rewriteAudience(text, oauth)).toEqual({ ok: true, text: expected });
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('may be absent: then nothing changes', () => {
    fc.assert(
      fc.property(fc.array(otherParameter), (parameters) => {
        const text = parameters.join('&');
        expect(rewriteAudience(text, oauth)).toEqual({ ok: true, text });
      }),
    );
  });

  test('is refused when it is any other, whatever surrounds it', () => {
    fc.assert(
      fc.property(
        fc.array(otherParameter),
        fc.constantFrom(
          '',
          'https://graph.microsoft.com',
          'https://sentry.example.com//',
          'https://sentry.example.com.evil.net',
          'http://sentry.example.com',
          'https://sentry.example.com/path',
          'https://sentry.example.com/?x',
        ),
        (parameters, value) => {
          const text = [...parameters, `resource=${value}`].join('&');
          expect(rewriteAudience(text, oauth)).toMatchObject({ ok: false, error: 'invalid_target' });
          expect(rewriteAudience(text, { ...oauth, otherResources: 'Pass' })).toEqual({ ok: true, text });
        },
      ),
    );
  });

  test.each([
    ['twice', 'resource=https://sentry.example.com&a=b&resource=https://sentry.example.com'],
    ['twice, once encoded', 'resource=https://sentry.example.com&%72esource=https://graph.microsoft.com'],
    [
      'twice, once in another case',
      'RESOURCE=https://graph.microsoft.com&resource=https://sentry.example.com',
    ],
    ['with a scope', 'resource=https://sentry.example.com&scope=openid'],
    ['with an encoded scope', 's%63ope=openid&resource=https://sentry.example.com'],
  ])('is refused %s', (_, text) => {
    expect(rewriteAudience(text, { ...oauth, otherResources: 'Pass' })).toMatchObject({
      ok: false,
      error: 'invalid_request',
    });
  });

  test('keeps the request that iOS sends as it is but for the audience', () => {
    const query =
      'response_type=code&client_id=f8d98a96-0999-43f5-8af3-69971c7bb423&redirect_uri=com.apple.Preferences%3A%2F%2Foauth-redirect' +
      '&resource=https%3A%2F%2Fsentry.example.com%2F&display=ios&state=6F1C2B2A-0000-4000-8000-000000000001' +
      '&claims=%7B%22access_token%22%3A%7B%22xms_cc%22%3A%7B%22values%22%3A%5B%22cp1%22%5D%7D%7D%7D&login_hint=anna%40example.com';
    expect(rewriteAudience(query, oauth)).toEqual({
      ok: true,
      text: query.replace('https%3A%2F%2Fsentry.example.com%2F', destination),
    });
  });
});

describe('a token request', () => {
  test.each([
    'authorization_code',
    'refresh_token',
    'device_code',
    'urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code',
  ])('with grant %s passes, its audience replaced', (grant) => {
    const text = `grant_type=${grant}&code=a+b%20c&resource=https://sentry.example.com/&client_id=x`;
    expect(rewriteTokenForm(text, null, oauth)).toEqual({
      ok: true,
      text: `grant_type=${grant}&code=a+b%20c&resource=${destination}&client_id=x`,
    });
  });

  test.each(['password', 'client_credentials', 'urn:ietf:params:oauth:grant-type:jwt-bearer', ''])(
    'with grant "%s" is refused',
    (grant) => {
      expect(rewriteTokenForm(`grant_type=${grant}`, null, oauth)).toMatchObject({
        ok: false,
        error: 'unsupported_grant_type',
      });
    },
  );

  test('with a password passes only where the route allows it', () => {
    const text = 'grant_type=password&username=anna&password=x';
    expect(rewriteTokenForm(text, null, { ...oauth, allowPasswordGrant: true })).toEqual({ ok: true, text });
  });

  test.each([
    ['without a grant', 'code=1', null],
    ['with two grants', 'grant_type=refresh_token&grant_type=password', null],
    ['with its audience in the query', 'grant_type=refresh_token', 'resource=https://graph.microsoft.com'],
    ['with its grant in the query', 'grant_type=refresh_token', 'grant%5Ftype=password'],
  ])('%s is refused', (_, text, query) => {
    expect(rewriteTokenForm(text, query, oauth)).toMatchObject({ ok: false, error: 'invalid_request' });
  });
});
