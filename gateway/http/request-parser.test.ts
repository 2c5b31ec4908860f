import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PATH, REFUSED, post } from '../../test/gateway/http/corpus.ts';
import { readRequests } from '../../test/gateway/http/recorder.ts';
import { CHUNKED } from './exchange.ts';
import { RequestParser } from './request-parser.ts';

function only(raw: string) {
  const { messages, error } = readRequests(raw);
  expect(error).toBeUndefined();
  expect(messages).toHaveLength(1);
  const [message] = messages;
  if (message === undefined) throw new Error('no message');
  return message;
}

describe('what is refused', () => {
  test.each(REFUSED)('%s', (_name, raw, code) => {
    expect(readRequests(raw).error).toBe(code);
  });

  test.each(REFUSED)('%s, byte by byte', (_name, raw, code) => {
    const everywhere = Array.from({ length: Math.min(raw.length, 4000) }, (_, i) => i);
    expect(readRequests(raw, everywhere).error).toBe(code);
  });

  test('nothing is read behind a refused head', () => {
    const reading = readRequests(`GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n${post([])}`);
    expect(reading).toEqual({ messages: [], error: 'BadTarget' });
  });
});

describe('what is read', () => {
  test('the head of a real Ping, its lines in order, without what frames it', () => {
    const message = only(
      post(
        [
          'User-Agent: Apple-iPhone14C2/2103',
          'Cookie: a=1',
          'cookie: b=2',
          'Connection: keep-alive',
          'Content-Length: 3',
          'X-Empty:',
        ],
        'abc',
      ),
    );
    expect(message.head).toEqual({
      method: 'POST',
      target: PATH,
      minorVersion: 1,
      host: 'sentry.example.com',
      body: 3,
      hasContentLength: true,
      expectContinue: false,
    });
    expect(message.headers).toEqual([
      'User-Agent',
      'Apple-iPhone14C2/2103',
      'Cookie',
      'a=1',
      'cookie',
      'b=2',
      'X-Empty',
      '',
    ]);
    expect(message).toMatchObject({ body: 'abc', complete: true, keepAlive: true });
  });

  test('a chunked body with extensions and capital digits', () => {
    const message = only(
      post(['Transfer-Encoding: Chunked'], `A;x="y"\r\n0123456789\r\n0b\r\nabcdefghijk\r\n000;end\r\n\r\n`),
    );
    expect(message.head.body).toBe(CHUNKED);
    expect(message).toMatchObject({ body: '0123456789abcdefghijk', complete: true });
  });

  test.each([
    ['blanks around a value', ['X:  \t a b\t '], ['X', 'a b']],
    ['bytes above ASCII in a value', ['X: \xe9\xff'], ['X', '\xe9\xff']],
    [
      'hop-by-hop fields are gone',
      [
        'Keep-Alive: 1',
        'TE: trailers',
        'Upgrade: h2c',
        'Trailer: X',
        'Proxy-Connection: x',
        'Proxy-Authorization: Basic x',
        'A: 1',
      ],
      ['A', '1'],
    ],
    [
      'what Connection names is gone',
      ['X-One: 1', 'Connection: upgrade, X-ONE ,, x-two', 'x-Two: 2', 'X-Three: 3'],
      ['X-Three', '3'],
    ],
    ['an empty Bearer stays', ['Authorization: Bearer'], ['Authorization', 'Bearer']],
  ])('%s', (_name, lines, expected) => {
    expect(only(post(lines)).headers).toEqual(expected);
  });

  test.each([
    'a',
    'sentry.example.com',
    'sentry_1.example.com:8443',
    '192.0.2.1',
    '[2001:db8::1]',
    '[::1]:443',
    'a:0',
  ])('Host %s', (host) => {
    expect(only(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).head.host).toBe(host);
  });

  test.each(['PROPFIND', 'get', 'M-SEARCH', "!#$%&'*+-.^_`|~"])(
    'the well-formed method %s is delivered',
    (method) => {
      expect(only(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`).head.method).toBe(method);
    },
  );

  test('a query stays as it is, with what other readers would escape', () => {
    const target = `/a?b="<>\\^\`{|}'%zz&c=%2F&&=;?/:@[]`;
    expect(only(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`).head.target).toBe(target);
  });

  test('OPTIONS *', () => {
    expect(only('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n').head.target).toBe('*');
  });

  test('one empty line before a request is skipped', () => {
    expect(only('\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n').head.method).toBe('GET');
  });

  test('requests behind each other', () => {
    const { messages } = readRequests(
      post(['Content-Length: 1'], 'a') + post(['Transfer-Encoding: chunked'], '0\r\n\r\n') + post([]),
    );
    expect(messages.map(({ body, complete }) => [body, complete])).toEqual([
      ['a', true],
      ['', true],
      ['', true],
    ]);
  });

  test.each([
    ['HTTP/1.1', '', true],
    ['HTTP/1.1', 'Connection: close\r\n', false],
    ['HTTP/1.1', 'Connection: X-One\r\nConnection: keep-alive, Close\r\n', false],
    ['HTTP/1.1', 'Connection: Upgrade\r\nUpgrade: h2c\r\n', false],
    ['HTTP/1.0', '', false],
    ['HTTP/1.0', 'Connection: keep-alive\r\n', false],
  ])('%s with %j keeps the connection: %s', (version, line, keepAlive) => {
    expect(only(`GET / ${version}\r\nHost: a\r\n${line}\r\n`).keepAlive).toBe(keepAlive);
  });

  test.each([
    ['with a body', 'HTTP/1.1', 'Content-Length: 1\r\n\r\na', true],
    ['with a chunked body', 'HTTP/1.1', 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', true],
    ['without a body', 'HTTP/1.1', '\r\n', false],
    ['with an empty body', 'HTTP/1.1', 'Content-Length: 0\r\n\r\n', false],
    ['in HTTP/1.0, which does not know it', 'HTTP/1.0', 'Content-Length: 1\r\n\r\na', false],
  ])('an expectation %s', (_name, version, rest, expected) => {
    const { head } = only(`POST / ${version}\r\nHost: a\r\nExpect: 100-Continue\r\n${rest}`);
    expect(head.expectContinue).toBe(expected);
  });

  test('Content-Length: 0 is told apart from none', () => {
    expect(only(post(['Content-Length: 0'])).head).toMatchObject({ body: 0, hasContentLength: true });
    expect(only(post([])).head).toMatchObject({ body: 0, hasContentLength: false });
  });

  test('a head of exactly 64 KB', () => {
    const empty = post(['X: ']);
    expect(only(post([`X: ${'x'.repeat(65_536 - empty.length)}`])).complete).toBe(true);
    expect(readRequests(post([`X: ${'x'.repeat(65_537 - empty.length)}`])).error).toBe('HeadTooLarge');
  });

  test('an incomplete message is neither complete nor an error', () => {
    expect(readRequests('GET / HTTP/1.1\r\nHost: a\r\n')).toEqual({ messages: [], error: undefined });
    expect(readRequests(post(['Content-Length: 3'], 'ab')).messages).toMatchObject([
      { body: 'ab', complete: false },
    ]);
  });
});

function parserWith(onHead: (parser: RequestParser) => void) {
  const seen: string[] = [];
  const parser: RequestParser = new RequestParser({
    onHead() {
      seen.push('head');
      onHead(parser);
    },
    onData: (bytes) => seen.push(bytes.toString('latin1')),
    onEnd: () => seen.push('end'),
    onError: (error) => seen.push(error.code),
  });
  return { parser, seen };
}

describe('limits and stops', () => {
  test.each([
    ['by its length', post(['Content-Length: 5'], 'abcde'), ['head', 'BodyTooLarge']],
    [
      'by its chunks',
      post(['Transfer-Encoding: chunked'], '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'),
      ['head', 'abc', 'BodyTooLarge'],
    ],
  ])('a body over the limit is refused %s', (_name, raw, expected) => {
    const { parser, seen } = parserWith((self) => self.limitBody(4));
    parser.push(Buffer.from(raw));
    expect(seen).toEqual(expected);
  });

  test('a body of exactly the limit is read, and the limit is of one message', () => {
    const { parser, seen } = parserWith((self) => {
      if (seen.length === 1) self.limitBody(4);
    });
    parser.push(Buffer.from(post(['Content-Length: 4'], 'abcd')));
    parser.next();
    parser.push(Buffer.from(post(['Content-Length: 5'], 'abcde')));
    expect(seen).toEqual(['head', 'abcd', 'end', 'head', 'abcde', 'end']);
  });

  test('stopped at the head it goes on with the rest when asked', () => {
    const { parser, seen } = parserWith((self) => self.stop());
    const raw = Buffer.from(post(['Content-Length: 4'], 'abcd'));
    const index = parser.push(raw);
    expect(seen).toEqual(['head']);
    expect(parser.push(raw, index)).toBe(raw.length);
    expect(seen).toEqual(['head', 'abcd', 'end']);
  });

  test('stopped at the head of a request without a body it ends when asked', () => {
    const { parser, seen } = parserWith((self) => self.stop());
    const raw = Buffer.from(post([]));
    const index = parser.push(raw);
    expect(seen).toEqual(['head']);
    parser.push(raw, index);
    expect(seen).toEqual(['head', 'end']);
  });

  test('it is idle between messages, also behind a lone empty line', () => {
    const { parser } = parserWith(() => undefined);
    expect(parser.idle).toBe(true);
    parser.push(Buffer.from('\r\n'));
    expect(parser.idle).toBe(true);
    parser.push(Buffer.from('G'));
    expect(parser.idle).toBe(false);
  });
});

test('however the bytes are cut, the same is read', () => {
  const part = fc.constantFrom(
    post(['Content-Length: 11', 'X: y'], 'hello world'),
    post(['Transfer-Encoding: chunked'], '5;x=y\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n'),
    post([]),
    '\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX: 1\n\r\n',
    'GET /#',
    post(['Transfer-Encoding: chunked'], '5\r\nhello!'),
    '\r',
    '\n',
    ' ',
    'x',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), fc.array(fc.nat(600), { maxLength: 40 }), (parts, cuts) => {
      const raw = parts.join('');
      expect(readRequests(raw, cuts)).toEqual(readRequests(raw));
    }),
  );
});
