import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readResponses } from '../../test/gateway/http/recorder.ts';
import { CHUNKED, UNTIL_CLOSE } from './exchange.ts';

function answer(lines: readonly string[], body = '', status = '200 OK'): string {
  return [`HTTP/1.1 ${status}`, ...lines, '', body].join('\r\n');
}

function only(raw: string, method = 'GET') {
  const { messages, error } = readResponses(raw, { methods: [method] });
  expect(error).toBeUndefined();
  expect(messages).toHaveLength(1);
  const [message] = messages;
  if (message === undefined) throw new Error('no message');
  return message;
}

describe('what is refused', () => {
  const cases: readonly (readonly [name: string, raw: string, code: string])[] = [
    [
      'Content-Length beside Transfer-Encoding',
      answer(['Content-Length: 1', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
      'AmbiguousLength',
    ],
    ['Content-Length twice', answer(['Content-Length: 1', 'Content-Length: 1'], 'a'), 'BadContentLength'],
    ['a list in Content-Length', answer(['Content-Length: 1, 1'], 'a'), 'BadContentLength'],
    ['a negative Content-Length', answer(['Content-Length: -1']), 'BadContentLength'],
    ['gzip before chunked', answer(['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'), 'BadTransferEncoding'],
    ['identity', answer(['Transfer-Encoding: identity'], 'a'), 'UnknownTransferCoding'],
    [
      'chunked in HTTP/1.0',
      'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'BadTransferEncoding',
    ],
    ['a body with 204', answer(['Content-Length: 1'], 'a', '204 No Content'), 'BodyNotAllowed'],
    [
      'chunks with 204',
      answer(['Transfer-Encoding: chunked'], '0\r\n\r\n', '204 No Content'),
      'BodyNotAllowed',
    ],
    ['a malformed chunk', answer(['Transfer-Encoding: chunked'], '4\r\nabcde\r\n'), 'BadChunk'],
    [
      'a framing field in a trailer',
      answer(['Transfer-Encoding: chunked'], '0\r\nContent-Length: 1\r\n\r\n'),
      'BadChunk',
    ],
    [
      'a trailer without a colon',
      answer(['Transfer-Encoding: chunked'], '0\r\nnonsense\r\n\r\n'),
      'BadChunk',
    ],
    ['a malformed trailer', answer(['Transfer-Encoding: chunked'], '0\r\nX: \0\r\n\r\n'), 'BadChunk'],
    [
      'trailers without end',
      answer(['Transfer-Encoding: chunked'], `0\r\n${'X: 1\r\n'.repeat(2000)}`),
      'BadChunk',
    ],
    ['a switch of protocols', answer(['Upgrade: x'], '', '101 Switching Protocols'), 'BadInterim'],
    [
      'an interim answer that ends the connection',
      answer(['Connection: close'], '', '100 Continue'),
      'BadInterim',
    ],
    ['an interim answer with a body', answer(['Content-Length: 5'], '', '100 Continue'), 'BadInterim'],
    [
      'an interim answer in chunks',
      answer(['Transfer-Encoding: chunked'], '', '102 Processing'),
      'BadInterim',
    ],
    ['interim answers without end', answer([], '', '102 Processing').repeat(17), 'BadInterim'],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n', 'BadLineEnd'],
    ['a folded line', answer(['X: 1', ' 2', 'Content-Length: 0']), 'FoldedHeader'],
    ['a blank before the colon', answer(['Content-Length : 0']), 'BadHeaderName'],
    ['a NUL in a value', answer(['X: \0', 'Content-Length: 0']), 'BadHeaderValue'],
    ['an empty line before the answer', `\r\n${answer(['Content-Length: 0'])}`, 'BadLineEnd'],
    ['another protocol', 'ICY 200 OK\r\n\r\n', 'BadStatusLine'],
    ['HTTP/2.0', 'HTTP/2.0 200 OK\r\n\r\n', 'BadStatusLine'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', 'BadStatusLine'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', 'BadStatusLine'],
    ['a status beyond 599', 'HTTP/1.1 600 OK\r\n\r\n', 'BadStatusLine'],
    ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n', 'BadStatusLine'],
    ['two blanks before the status', 'HTTP/1.1  200 OK\r\n\r\n', 'BadStatusLine'],
    ['a body without a head', 'just text\r\n\r\n', 'BadStatusLine'],
    [
      'a Connection that names Set-Cookie',
      answer(['Connection: Set-Cookie', 'Set-Cookie: a=1', 'Content-Length: 0']),
      'BadConnection',
    ],
    ['a head over 64 KB', answer([`X: ${'x'.repeat(65_536)}`]), 'HeadTooLarge'],
    ['the end in the middle of the head', 'HTTP/1.1 200 OK\r\nX', 'Truncated'],
    ['the end before the answer', '', 'Truncated'],
    ['the end in the middle of a body', answer(['Content-Length: 5'], 'abc'), 'Truncated'],
    [
      'the end in the middle of the chunks',
      answer(['Transfer-Encoding: chunked'], '3\r\nabc\r\n'),
      'Truncated',
    ],
  ];

  test.each(cases)('%s', (_name, raw, code) => {
    expect(readResponses(raw).error).toBe(code);
  });

  test.each(cases)('%s, byte by byte', (_name, raw, code) => {
    const everywhere = Array.from({ length: Math.min(raw.length, 4000) }, (_, i) => i);
    expect(readResponses(raw, { cuts: everywhere }).error).toBe(code);
  });

  test('bytes that nobody asked for', () => {
    const raw = answer(['Content-Length: 0']);
    const reading = readResponses(raw + raw, { cuts: [raw.length] });
    expect(reading).toMatchObject({ messages: [{ complete: true }], error: 'Unsolicited' });
  });
});

describe('what is read', () => {
  test('a real answer: duplicates, order and case of lines stay', () => {
    const lines = [
      'Set-Cookie: a=1; path=/',
      'WWW-Authenticate: Bearer claims="e30="',
      'set-cookie: b=2',
      'Www-Authenticate: Basic realm="x"',
      'Content-Length: 2',
    ];
    const message = only(answer(lines, 'no', '401 Unauthorized'));
    expect(message.head).toEqual({ status: 401, reason: 'Unauthorized', body: 2 });
    expect(message.headers).toEqual(lines.slice(0, 4).flatMap((line) => line.split(': ')));
    expect(message).toMatchObject({ body: 'no', complete: true, keepAlive: true });
  });

  test.each([
    ['449 Retry after sending a PROVISION command', 449, 'Retry after sending a PROVISION command'],
    ['456 ', 456, ''],
    ['457', 457, ''],
    ['200 \xe9', 200, '\xe9'],
  ])('status line %j', (line, status, reason) => {
    expect(only(answer(['Content-Length: 0'], '', line)).head).toMatchObject({ status, reason });
  });

  test('chunks, with trailers that are dropped', () => {
    const message = only(
      answer(['Transfer-Encoding: chunked', 'Trailer: X'], '3\r\nabc\r\n0\r\nX: 1\r\nY: 2\r\n\r\n'),
    );
    expect(message.head.body).toBe(CHUNKED);
    expect(message).toMatchObject({ headers: [], body: 'abc', complete: true, keepAlive: true });
  });

  test('a body that ends with the connection, which is not used again', () => {
    const message = only(answer([], 'abc'));
    expect(message.head.body).toBe(UNTIL_CLOSE);
    expect(message).toMatchObject({ body: 'abc', complete: true, keepAlive: false });
  });

  test('interim answers are skipped', () => {
    const raw =
      answer([], '', '100 Continue') +
      answer(['Link: x'], '', '103 Early Hints') +
      answer(['Content-Length: 1'], 'a');
    expect(only(raw)).toMatchObject({ head: { status: 200 }, headers: [], body: 'a' });
  });

  test.each([
    ['204', answer([], '', '204 No Content'), 'POST'],
    ['204 with a length of 0', answer(['Content-Length: 0'], '', '204 No Content'), 'POST'],
    ['304 with a length', answer(['Content-Length: 9'], '', '304 Not Modified'), 'GET'],
    ['HEAD with a length', answer(['Content-Length: 9']), 'HEAD'],
    ['HEAD with chunked', answer(['Transfer-Encoding: chunked']), 'HEAD'],
  ])('no body with %s', (_name, raw, method) => {
    expect(only(raw, method)).toMatchObject({ head: { body: 0 }, body: '', complete: true, keepAlive: true });
  });

  test('answers to one request after another on one connection', () => {
    const first = answer(['Content-Length: 1'], 'a');
    const { messages } = readResponses(first + answer(['Content-Length: 1'], 'b'), {
      methods: ['POST', 'POST'],
      cuts: [first.length],
    });
    expect(messages.map(({ body }) => body)).toEqual(['a', 'b']);
  });

  test.each([
    ['Connection: close', answer(['Connection: close', 'Content-Length: 0'])],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n'],
    ['bytes behind the body', answer(['Content-Length: 1'], 'ab')],
    ['bytes behind the last chunk', answer(['Transfer-Encoding: chunked'], '0\r\n\r\nx')],
    ['bytes behind an answer without a body', answer([], 'x', '204 No Content')],
  ])('%s: not used again', (_name, raw) => {
    expect(only(raw)).toMatchObject({ complete: true, keepAlive: false });
  });
});

test('however the bytes are cut, the same is read', () => {
  const raw = fc.constantFrom(
    answer(['Content-Length: 11'], 'hello world'),
    answer(['Transfer-Encoding: chunked'], '5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX: 1\r\n\r\n'),
    answer([], 'hello world'),
    answer([], '', '100 Continue') + answer(['Content-Length: 5'], 'hello'),
    answer(['Content-Length: 5'], 'hel'),
    answer(['X: 1\n']),
    answer([], '', '204 No Content'),
  );
  fc.assert(
    fc.property(raw, fc.array(fc.nat(200), { maxLength: 40 }), (bytes, cuts) => {
      expect(readResponses(bytes, { cuts })).toEqual(readResponses(bytes));
    }),
  );
});
