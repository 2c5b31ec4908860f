// Which bytes of an identity provider's answer change, and that no others do.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeaderList } from '../http/headers.ts';
import { mapAnsweredResource } from './answered-resource.ts';
import { compileAudience } from './audience.ts';

const audience = compileAudience({
  authorizationEndpoint: 'https://login.example.com/common/oauth2/authorize',
  tokenEndpoint: 'https://login.example.com/common/oauth2/token',
  gatewayResource: 'https://sentry.example.com',
  destinationResource: 'https://outlook.office365.com/',
  allowPasswordGrant: false,
  otherResources: 'Refuse',
  answeredResource: 'Gateway',
});

const answer = (text: string, change: { status?: number; headers?: HeaderList } = {}) => ({
  status: change.status ?? 200,
  headers: change.headers ?? HeaderList.of(['Content-Type', 'application/json; charset=utf-8']),
  body: Buffer.from(text),
});
const mapped = (text: string): string => mapAnsweredResource(answer(text), audience).body.toString();

describe('a token answer', () => {
  test('names the gateway; every byte before and behind stays', () => {
    const member = fc
      .tuple(fc.string({ maxLength: 8 }), fc.jsonValue())
      .filter(([name]) => name !== 'resource' && name !== 'scope')
      .map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
    const spelling = fc.constantFrom(
      '"https://outlook.office365.com/"',
      '"https://outlook.office365.com"',
      '"https:\\/\\/outlook.office365.com\\/"',
      '"https://OUTLOOK.office365.com/"',
      '"\\u0068ttps://outlook.office365.com/"',
    );
    fc.assert(
      fc.property(fc.array(member), spelling, fc.array(member), (before, value, behind) => {
        const text = (resource: string): string =>
          `\r\n{ ${[...before, `"resource"\t: ${resource}`, ...behind].join(' ,\n')} } `;
        expect(mapped(text(value))).toBe(text('"https://sentry.example.com"'));
      }),
      { numRuns: 500 },
    );
  });

  test('of v2 names it in its scopes', () => {
    expect(
      mapped(
        '{"scope":"openid https://outlook.office365.com/EAS.AccessAsUser.All https:\\/\\/outlook.office365.com\\/x y"}',
      ),
    ).toBe(
      '{"scope":"openid https://sentry.example.com/EAS.AccessAsUser.All https://sentry.example.com\\/x y"}',
    );
  });

  test.each([
    ['another resource', '{"resource":"https://graph.microsoft.com"}'],
    ['a resource within something else', '{"a":{"resource":"https://outlook.office365.com/"}}'],
    ['a resource that is no text', '{"resource":["https://outlook.office365.com/"]}'],
    [
      'two resources',
      '{"resource":"https://outlook.office365.com/","resource":"https://outlook.office365.com/"}',
    ],
    ['text that looks like it', '{"x":"\\"resource\\":\\"https://outlook.office365.com/\\""}'],
    [
      'another scope',
      '{"scope":"https://graph.microsoft.com/Mail.Read https:\\u002f\\u002foutlook.office365.com\\u002fx"}',
    ],
    ['no JSON', '{"resource":"https://outlook.office365.com/"'],
    ['an array', '["resource","https://outlook.office365.com/"]'],
    ['nothing', ''],
  ])('with %s stays byte for byte', (_, text) => {
    expect(mapped(text)).toBe(text);
  });

  const named = '{"resource":"https://outlook.office365.com/"}';
  const json = ['Content-Type', 'application/json'] as const;
  test.each([
    ['a failure', answer(named, { status: 400 })],
    ['another type', answer(named, { headers: HeaderList.of(['Content-Type', 'text/html']) })],
    ['no type', answer(named, { headers: new HeaderList() })],
    ['an encoded one', answer(named, { headers: HeaderList.of(json, ['Content-Encoding', 'gzip']) })],
    ['one over 64 KiB', answer(named.padEnd(65_537))],
    ['one that is not UTF-8', { ...answer(''), body: Buffer.from([0x7b, 0xff, 0x7d]) }],
  ])('%s stays as it is', (_, one) => {
    expect(mapAnsweredResource(one, audience)).toBe(one);
  });

  test('of exactly 64 KiB is mapped', () => {
    expect(mapped(named.padEnd(65_536))).toContain('sentry');
  });
});
