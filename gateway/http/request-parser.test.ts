import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readRequests } from '../../test/gateway/http/recorder.ts';
import { CHUNKED } from './exchange.ts';
import { RequestParser } from './request-parser.ts';

const PATH = '/Microsoft-Server-ActiveSync?Cmd=Ping';

/** A request of these lines, with Host and a body. */
function post(lines: readonly string[], body = ''): string {
  return [`POST ${PATH} HTTP/1.1`, 'Host: sentry.example.com', ...lines, '', body].join('\r\n');
}

function only(raw: string) {
  const { messages, error } = readRequests(raw);
  expect(error).toBeUndefined();
  expect(messages).toHaveLength(1);
  const [message] = messages;
  if (message === undefined) throw new Error('no message');
  return message;
}

describe('what is refused', () => {
  const cases: readonly (readonly [name: string, raw: string, code: string])[] = [
    // framing
    [
      'Content-Length beside Transfer-Encoding',
      post(['Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
      'AmbiguousLength',
    ],
    [
      'Transfer-Encoding beside Content-Length',
      post(['Transfer-Encoding: chunked', 'Content-Length: 4'], '0\r\n\r\n'),
      'AmbiguousLength',
    ],
    ['Content-Length twice', post(['Content-Length: 4', 'Content-Length: 5'], 'abcd'), 'BadContentLength'],
    [
      'Content-Length twice with the same value',
      post(['Content-Length: 4', 'Content-Length: 4'], 'abcd'),
      'BadContentLength',
    ],
    [
      'Content-Length twice in different case',
      post(['Content-Length: 4', 'CONTENT-LENGTH: 4'], 'abcd'),
      'BadContentLength',
    ],
    ['a list in Content-Length', post(['Content-Length: 4, 4'], 'abcd'), 'BadContentLength'],
    ['a sign in Content-Length', post(['Content-Length: +4'], 'abcd'), 'BadContentLength'],
    ['a negative Content-Length', post(['Content-Length: -1']), 'BadContentLength'],
    ['a hexadecimal Content-Length', post(['Content-Length: 0x4'], 'abcd'), 'BadContentLength'],
    ['a Content-Length with leading zeros', post(['Content-Length: 0004'], 'abcd'), 'BadContentLength'],
    ['a Content-Length with an exponent', post(['Content-Length: 4e0'], 'abcd'), 'BadContentLength'],
    ['an empty Content-Length', post(['Content-Length:']), 'BadContentLength'],
    ['a blank in Content-Length', post(['Content-Length: 4 0'], 'abcd'), 'BadContentLength'],
    ['a Content-Length beyond 15 digits', post(['Content-Length: 1000000000000000']), 'BadContentLength'],
    ['gzip before chunked', post(['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'), 'BadTransferEncoding'],
    [
      'chunked twice in one line',
      post(['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'),
      'BadTransferEncoding',
    ],
    [
      'chunked on two lines',
      post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
      'BadTransferEncoding',
    ],
    [
      'gzip and chunked on two lines',
      post(['Transfer-Encoding: gzip', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
      'BadTransferEncoding',
    ],
    ['an empty Transfer-Encoding', post(['Transfer-Encoding:']), 'BadTransferEncoding'],
    ['a parameter of chunked', post(['Transfer-Encoding: chunked;q=1'], '0\r\n\r\n'), 'BadTransferEncoding'],
    ['a quoted chunked', post(['Transfer-Encoding: "chunked"'], '0\r\n\r\n'), 'BadTransferEncoding'],
    [
      'chunked behind a vertical tab',
      post(['Transfer-Encoding: \x0bchunked'], '0\r\n\r\n'),
      'BadHeaderValue',
    ],
    [
      'chunked behind a no-break space',
      post(['Transfer-Encoding: \xa0chunked'], '0\r\n\r\n'),
      'BadTransferEncoding',
    ],
    ['identity', post(['Transfer-Encoding: identity']), 'UnknownTransferCoding'],
    ['gzip alone', post(['Transfer-Encoding: gzip']), 'UnknownTransferCoding'],
    [
      'chunked in HTTP/1.0',
      'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'BadTransferEncoding',
    ],
    // chunks
    ['a chunk size that is no number', post(['Transfer-Encoding: chunked'], 'x\r\n'), 'BadChunk'],
    ['an empty chunk size', post(['Transfer-Encoding: chunked'], '\r\n'), 'BadChunk'],
    ['a chunk size with 0x', post(['Transfer-Encoding: chunked'], '0x4\r\nabcd\r\n0\r\n\r\n'), 'BadChunk'],
    ['a chunk size with a sign', post(['Transfer-Encoding: chunked'], '+4\r\nabcd\r\n0\r\n\r\n'), 'BadChunk'],
    [
      'a chunk size of nine digits',
      post(['Transfer-Encoding: chunked'], '000000004\r\nabcd\r\n'),
      'BadChunk',
    ],
    ['a blank behind the chunk size', post(['Transfer-Encoding: chunked'], '4 \r\nabcd\r\n'), 'BadChunk'],
    ['a blank before the chunk size', post(['Transfer-Encoding: chunked'], ' 4\r\nabcd\r\n'), 'BadChunk'],
    ['a bare LF behind the chunk size', post(['Transfer-Encoding: chunked'], '4\nabcd\r\n'), 'BadChunk'],
    ['a bare CR behind the chunk size', post(['Transfer-Encoding: chunked'], '4\rabcd\r\n'), 'BadChunk'],
    [
      'a chunk that is longer than its size',
      post(['Transfer-Encoding: chunked'], '4\r\nabcde\r\n'),
      'BadChunk',
    ],
    ['a bare LF behind the chunk', post(['Transfer-Encoding: chunked'], '4\r\nabcd\n0\r\n\r\n'), 'BadChunk'],
    ['a bare LF in a chunk extension', post(['Transfer-Encoding: chunked'], '4;a\nabcd\r\n'), 'BadChunk'],
    ['a blank in a chunk extension', post(['Transfer-Encoding: chunked'], '4; a\r\nabcd\r\n'), 'BadChunk'],
    ['a NUL in a chunk extension', post(['Transfer-Encoding: chunked'], '4;\0\r\nabcd\r\n'), 'BadChunk'],
    [
      'chunk extensions without end',
      post(['Transfer-Encoding: chunked'], `4;${'x'.repeat(5000)}`),
      'ChunkExtensionTooLong',
    ],
    [
      'many small chunk extensions',
      post(['Transfer-Encoding: chunked'], `1;${'x'.repeat(99)}\r\na\r\n`.repeat(50)),
      'ChunkExtensionTooLong',
    ],
    ['a trailer', post(['Transfer-Encoding: chunked'], '0\r\nX-Evil: 1\r\n\r\n'), 'TrailerRefused'],
    ['a bare LF in place of the last line', post(['Transfer-Encoding: chunked'], '0\r\n\n'), 'BadChunk'],
    ['a bare CR in place of the last line', post(['Transfer-Encoding: chunked'], '0\r\n\rX'), 'BadChunk'],
    // lines
    ['a bare LF behind the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 'BadLineEnd'],
    ['a bare LF behind a header', 'GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n', 'BadLineEnd'],
    ['a bare LF at the end of the head', 'GET / HTTP/1.1\r\nHost: a\r\n\n', 'BadLineEnd'],
    ['a bare CR in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n', 'BadLineEnd'],
    ['a CR before CRLF', 'GET / HTTP/1.1\r\nHost: a\r\r\n\r\n', 'BadLineEnd'],
    ['a folded line', 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n', 'FoldedHeader'],
    ['a line folded with a tab', 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2\r\n\r\n', 'FoldedHeader'],
    ['a blank before the first header', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 'FoldedHeader'],
    ['a blank before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 'BadHeaderName'],
    ['a tab before the colon', 'GET / HTTP/1.1\r\nHost\t: a\r\n\r\n', 'BadHeaderName'],
    ['a line without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n', 'BadHeaderName'],
    ['an empty name', 'GET / HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n', 'BadHeaderName'],
    ['a name that is no token', 'GET / HTTP/1.1\r\nHost: a\r\nX(1): 1\r\n\r\n', 'BadHeaderName'],
    ['a name that is not ASCII', 'GET / HTTP/1.1\r\nHost: a\r\nX\xe9: 1\r\n\r\n', 'BadHeaderName'],
    ['a NUL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\0\r\n\r\n', 'BadHeaderValue'],
    ['a NUL in a name', 'GET / HTTP/1.1\r\nHost: a\r\nX\0: 1\r\n\r\n', 'BadHeaderValue'],
    ['a control character in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n', 'BadHeaderValue'],
    ['a DEL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n', 'BadHeaderValue'],
    ['two empty lines before the request', '\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'BadLineEnd'],
    ['an LF before the request', '\nGET / HTTP/1.1\r\nHost: a\r\n\r\n', 'BadLineEnd'],
    // request line
    ['HTTP/0.9', 'GET /\r\n', 'BadRequestLine'],
    ['a request line without a target', 'GET HTTP/1.1\r\nHost: a\r\n\r\n', 'BadRequestLine'],
    ['a version that is no version', 'GET / HTTP/1.1x\r\nHost: a\r\n\r\n', 'BadRequestLine'],
    ['a version in lower case', 'GET / http/1.1\r\nHost: a\r\n\r\n', 'BadRequestLine'],
    ['another protocol', 'GET / RTSP/1.0\r\nHost: a\r\n\r\n', 'BadRequestLine'],
    ['two blanks before the version', 'GET /  HTTP/1.1\r\nHost: a\r\n\r\n', 'BadRequestLine'],
    ['two blanks before the target', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 'BadRequestLine'],
    ['a tab in the request line', 'GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n', 'BadRequestLine'],
    ['a blank behind the version', 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n', 'BadRequestLine'],
    ['a blank before the method', ' GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'BadMethod'],
    ['a blank in the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 'BadRequestLine'],
    ['a method that is no token', 'G@T / HTTP/1.1\r\nHost: a\r\n\r\n', 'BadMethod'],
    ['a method that is not ASCII', 'G\xc9T / HTTP/1.1\r\nHost: a\r\n\r\n', 'BadMethod'],
    ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', 'UnknownVersion'],
    ['HTTP/2.0 on an HTTP/1 line', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 'UnknownVersion'],
    ['HTTP/0.9 with a version', 'GET / HTTP/0.9\r\nHost: a\r\n\r\n', 'UnknownVersion'],
    ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'UnknownVersion'],
    ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 'MethodRefused'],
    ['TRACE', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 'MethodRefused'],
    ['absolute form', 'GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 'BadTarget'],
    ['authority form', 'GET a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 'BadTarget'],
    ['asterisk form with GET', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n', 'BadTarget'],
    ['a target without a slash', 'GET a HTTP/1.1\r\nHost: a\r\n\r\n', 'BadTarget'],
    ['a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', 'BadTarget'],
    ['a target that is not ASCII', 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n', 'BadTarget'],
    ['a tab in the target', 'GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n', 'BadTarget'],
    // fields
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 'BadHost'],
    ['no Host in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 'BadHost'],
    ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 'BadHost'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 'BadHost'],
    ['the same Host twice', 'GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n', 'BadHost'],
    ['user information in Host', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n', 'BadHost'],
    ['a path in Host', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 'BadHost'],
    ['a list in Host', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', 'BadHost'],
    ['an escape in Host', 'GET / HTTP/1.1\r\nHost: a%2eb\r\n\r\n', 'BadHost'],
    ['a Host that is not ASCII', 'GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n', 'BadHost'],
    ['an empty port in Host', 'GET / HTTP/1.1\r\nHost: a:\r\n\r\n', 'BadHost'],
    ['a port that is no number', 'GET / HTTP/1.1\r\nHost: a:x\r\n\r\n', 'BadHost'],
    ['a port that is too large', 'GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n', 'BadHost'],
    ['two ports', 'GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n', 'BadHost'],
    ['an IPv6 address without brackets', 'GET / HTTP/1.1\r\nHost: ::1\r\n\r\n', 'BadHost'],
    ['brackets around no address', 'GET / HTTP/1.1\r\nHost: [1:2]\r\n\r\n', 'BadHost'],
    ['two Authorizations', post(['Authorization: Basic YTpi', 'Authorization: Bearer x']), 'DuplicateHeader'],
    ['another expectation', post(['Expect: 200-ok', 'Content-Length: 1'], 'a'), 'BadExpect'],
    ['an expectation with a list', post(['Expect: 100-continue, x', 'Content-Length: 1'], 'a'), 'BadExpect'],
    [
      'two expectations',
      post(['Expect: 100-continue', 'Expect: 100-continue', 'Content-Length: 1'], 'a'),
      'BadExpect',
    ],
    ['a Connection that is no list of tokens', post(['Connection: a b']), 'BadConnection'],
    [
      'a Connection that names Authorization',
      post(['Connection: close, Authorization', 'Authorization: Basic YTpi']),
      'BadConnection',
    ],
    ['a Connection that names Host', post(['Connection: host']), 'BadConnection'],
    [
      'a Connection that names Content-Length',
      post(['Connection: content-length', 'Content-Length: 1'], 'a'),
      'BadConnection',
    ],
    ['a Connection that names Cookie', post(['Connection: Cookie', 'Cookie: a=b']), 'BadConnection'],
    [
      'a Connection that names X-MS-PolicyKey',
      post(['Connection: X-MS-PolicyKey', 'X-MS-PolicyKey: 1']),
      'BadConnection',
    ],
    ['a Connection with a no-break space', post(['Connection: \xa0close']), 'BadConnection'],
    // size
    ['a head over 64 KB', post([`X: ${'x'.repeat(65_536)}`]), 'HeadTooLarge'],
    ['a request line over 64 KB', `GET /${'x'.repeat(65_536)}`, 'HeadTooLarge'],
    ['more than 200 lines', post(Array.from({ length: 200 }, () => 'X: 1')), 'HeadTooLarge'],
  ];

  test.each(cases)('%s', (_name, raw, code) => {
    expect(readRequests(raw).error).toBe(code);
  });

  test.each(cases)('%s, byte by byte', (_name, raw, code) => {
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
