import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readRequests, readResponses } from '../../test/gateway/http/recorder.ts';
import { CHUNKED, UNTIL_CLOSE } from './exchange.ts';
import type { UpstreamRequest } from './exchange.ts';
import { HeaderList } from './headers.ts';
import { allowsBody, formatRequestHead, formatResponseHead } from './write-head.ts';

const request: UpstreamRequest = {
  method: 'POST',
  target: '/Microsoft-Server-ActiveSync?Cmd=Ping',
  host: 'mbx1.example.com:444',
  headers: HeaderList.of(['User-Agent', 'x'], ['Cookie', 'a'], ['cookie', 'b']),
  body: 3,
  hasContentLength: true,
  firstByteTimeoutMs: 1,
};

test('a request with a body', () => {
  expect(formatRequestHead(request)).toBe(
    'POST /Microsoft-Server-ActiveSync?Cmd=Ping HTTP/1.1\r\nHost: mbx1.example.com:444\r\nUser-Agent: x\r\nCookie: a\r\ncookie: b\r\nContent-Length: 3\r\n\r\n',
  );
});

test.each([
  ['chunked', { body: CHUNKED, hasContentLength: false }, 'Transfer-Encoding: chunked'],
  ['an empty POST, with its length', { body: 0, hasContentLength: true }, 'Content-Length: 0'],
  ['an empty POST without a length gets one', { body: 0, hasContentLength: false }, 'Content-Length: 0'],
  ['GET has none', { method: 'GET', body: 0, hasContentLength: false }, undefined],
])('framing of a request: %s', (_name, change, line) => {
  const lines = formatRequestHead({ ...request, headers: new HeaderList(), ...change })
    .split('\r\n')
    .slice(2, -2);
  expect(lines).toEqual(line === undefined ? [] : [line]);
});

test.each([
  ['method', 'POST /'],
  ['method', ''],
  ['target', '/ HTTP/1.1\r\nX:'],
  ['target', '/a b'],
  ['target', ''],
  ['host', 'a\r\nX: 1'],
  ['host', ''],
])('a %s of %j cannot be written', (field, value) => {
  expect(() => formatRequestHead({ ...request, [field]: value })).toThrow(TypeError);
});

test.each([Number.NaN, 1.5, -3])('a body of length %s cannot be written', (body) => {
  expect(() => formatRequestHead({ ...request, body })).toThrow(TypeError);
  expect(() =>
    formatResponseHead(
      { status: 200, reason: '', headers: new HeaderList(), body },
      { close: false, body, allowsBody: true },
    ),
  ).toThrow(TypeError);
});

describe('answers', () => {
  const head = {
    status: 449,
    reason: 'Retry after sending a PROVISION command',
    headers: HeaderList.of(['X', '1']),
    body: 0,
  };
  const start = 'HTTP/1.1 449 Retry after sending a PROVISION command\r\nX: 1\r\n';

  test.each([
    ['a length', { close: false, body: 5, allowsBody: true }, 'Content-Length: 5\r\n\r\n'],
    ['a length of 0', { close: false, body: 0, allowsBody: true }, 'Content-Length: 0\r\n\r\n'],
    ['chunks', { close: false, body: CHUNKED, allowsBody: true }, 'Transfer-Encoding: chunked\r\n\r\n'],
    [
      'the end of the connection',
      { close: true, body: UNTIL_CLOSE, allowsBody: true },
      'Connection: close\r\n\r\n',
    ],
    [
      'a last answer',
      { close: true, body: 5, allowsBody: true },
      'Content-Length: 5\r\nConnection: close\r\n\r\n',
    ],
    ['no body allowed', { close: false, body: 0, allowsBody: false }, '\r\n'],
  ])('framed by %s', (_name, framing, end) => {
    expect(formatResponseHead(head, framing)).toBe(start + end);
  });

  test.each([
    [100, ''],
    [600, ''],
    [Number.NaN, ''],
    [200, 'a\r\nb'],
    [200, '\u20ac'],
  ])('status %s with reason %j cannot be written', (status, reason) => {
    expect(() =>
      formatResponseHead({ ...head, status, reason }, { close: false, body: 0, allowsBody: true }),
    ).toThrow(TypeError);
  });

  test('no body with 204, 304 and HEAD', () => {
    expect([
      allowsBody('POST', 200),
      allowsBody('POST', 204),
      allowsBody('GET', 304),
      allowsBody('HEAD', 200),
    ]).toEqual([true, false, false, false]);
  });
});

// ——— what is written is read as it was meant ———

const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,20}$/);
const value = fc
  .array(
    fc.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f),
    { maxLength: 40 },
  )
  .map((codes) => String.fromCharCode(...codes).trim());
const ownNames =
  /^(?:host|expect|connection|keep-alive|te|trailer|upgrade|content-length|transfer-encoding|authorization|proxy-.*)$/i;
const headers = fc
  .array(
    fc.tuple(
      token.filter((name) => !ownNames.test(name)),
      value,
    ),
    { maxLength: 12 },
  )
  .map((pairs) => HeaderList.of(...pairs));
const target = fc.stringMatching(/^\/[!-"$-~]{0,60}$/);
const method = token.filter((name) => name !== 'CONNECT' && name !== 'TRACE');

test('parse(write(request head)) = request head', () => {
  fc.assert(
    fc.property(method, target, headers, fc.constantFrom(CHUNKED, 1, 77), (method, target, headers, body) => {
      const raw = formatRequestHead({ ...request, method, target, headers, body });
      const { messages, error } = readRequests(raw);
      expect(error).toBeUndefined();
      expect(messages[0]?.head).toMatchObject({ method, target, host: request.host, body });
      expect(messages[0]?.headers).toEqual(headers.lines);
    }),
  );
});

test('parse(write(response head)) = response head', () => {
  const status = fc.integer({ min: 200, max: 599 }).filter((code) => allowsBody('POST', code));
  fc.assert(
    fc.property(status, value, headers, fc.constantFrom(CHUNKED, 0, 77), (status, reason, headers, body) => {
      const raw = formatResponseHead(
        { status, reason, headers, body },
        { close: false, body, allowsBody: true },
      );
      const { messages, error } = readResponses(raw, { closes: false });
      expect(error).toBeUndefined();
      expect(messages[0]?.head).toEqual({ status, reason, body });
      expect(messages[0]?.headers).toEqual(headers.lines);
    }),
  );
});
