// Attacks by requests that come whole, beside those of the codec's corpus: what they try to reach, to pretend, to hide or to exhaust.
import { AUTHORIZATION, HOST, type HostileCase, request, TARGET, withBody } from './hostile-case.ts';

const PATH = '/Microsoft-Server-ActiveSync';
const QUERY = TARGET.slice(PATH.length);
/** Where it would stand if a reader took a body for a request. */
const HIDDEN = 'GET /owa HTTP/1.1\r\nHost: localhost\r\n\r\n';
const SMUGGLED = request({ method: 'GET', target: `${TARGET}smuggled` });

const passes = (requests = 1) => ({ kind: 'passes', requests }) as const;
const answered = (status: number) => ({ kind: 'answered', status }) as const;
const refused = (status: number, passedBefore = 0) => ({ kind: 'refused', status, passedBefore }) as const;

/** A good request on another target. */
const on = (target: string): string => request({ target, lines: ['Content-Length: 0'] });
/** A good empty request with these lines. */
const with_ = (...lines: string[]): string => request({ lines: ['Content-Length: 0', ...lines] });
const chunked = (body: string, ...lines: string[]): string =>
  request({ lines: ['Transfer-Encoding: chunked', ...lines], body });

export const REQUEST_CASES: readonly HostileCase[] = [
  // one request hidden in another
  {
    name: 'a request behind an empty one that says so is a request of its own',
    raw: with_() + SMUGGLED,
    expected: passes(2),
  },
  {
    name: 'a request for another path behind a good one is judged by itself',
    raw: with_() + request({ method: 'GET', target: '/owa' }),
    expected: passes(1),
  },
  {
    name: 'a request that is refused behind a good one reaches nobody',
    raw: with_() + request({ lines: ['Content-Length: 4', 'Transfer-Encoding: chunked'], body: '0\r\n\r\n' }),
    expected: refused(400, 1),
  },
  {
    name: 'bytes behind the announced length are no part of the body',
    raw: request({ lines: ['Content-Length: 3'], body: 'abcGPOST / HTTP/1.1\r\nHost: a\r\n\r\n' }),
    expected: passes(1),
  },
  { name: 'a whole request as a body stays a body', raw: withBody(HIDDEN), expected: passes(1) },
  {
    name: 'a whole request as a chunk stays a body',
    raw: chunked(`${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`),
    expected: passes(1),
  },
  {
    name: 'a whole request as the body of GET stays a body',
    raw: request({
      method: 'GET',
      lines: ['Content-Length: 36'],
      body: 'GET /owa HTTP/1.1\r\nHost: localhost\r\n\r',
    }),
    expected: passes(1),
  },
  {
    name: 'a whole request as the body of OPTIONS stays a body',
    raw: request({
      method: 'OPTIONS',
      lines: ['Content-Length: 36'],
      body: 'GET /owa HTTP/1.1\r\nHost: localhost\r\n\r',
    }),
    expected: passes(1),
  },
  {
    name: 'the last chunk in the middle of the announced length ends nothing',
    raw: withBody('0\r\n\r\nGET /owa HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    expected: passes(1),
  },
  {
    name: 'a length that counts the last chunk of nothing',
    raw: request({ lines: ['Content-Length: 5'], body: '0\r\n\r\n' }),
    expected: passes(1),
  },
  {
    name: 'twenty requests in one packet are twenty requests in their order',
    raw: with_().repeat(20),
    expected: passes(20),
  },
  {
    name: 'a request behind Connection: close is never read',
    raw: with_('Connection: close') + SMUGGLED,
    expected: passes(1),
  },
  {
    name: 'a request behind one of HTTP/1.0 is never read',
    raw: request({ lines: ['Content-Length: 0'] }).replace('HTTP/1.1', 'HTTP/1.0') + SMUGGLED,
    expected: passes(1),
  },
  {
    name: 'a length in a header with an underscore is no length',
    raw: with_('Content_Length: 40') + SMUGGLED,
    expected: passes(2),
  },
  {
    name: 'a coding in a header with an underscore is no coding',
    raw: with_('Transfer_Encoding: chunked') + SMUGGLED,
    expected: passes(2),
  },
  {
    name: 'a coding in X-Transfer-Encoding is no coding',
    raw: with_('X-Transfer-Encoding: chunked') + SMUGGLED,
    expected: passes(2),
  },
  {
    name: 'a length in X-Content-Length is no length',
    raw: with_('X-Content-Length: 40') + SMUGGLED,
    expected: passes(2),
  },
  {
    name: 'a body behind an expectation that is not awaited is a body',
    raw: withBody(HIDDEN, ['Expect: 100-continue']),
    expected: passes(1),
  },
  {
    name: 'a content coding does not change the framing',
    raw: withBody('abc', ['Content-Encoding: chunked']),
    expected: passes(1),
  },
  {
    name: 'a request with a body in a multipart frame is one request',
    raw: withBody(`--x\r\nContent-Length: 999\r\n\r\n${HIDDEN}\r\n--x--\r\n`, [
      'Content-Type: multipart/mixed; boundary=x',
    ]),
    expected: passes(1),
  },
  {
    name: 'chunks of one byte are one body',
    raw: chunked('1\r\na\r\n'.repeat(3000).concat('0\r\n\r\n')),
    expected: passes(1),
  },
  {
    name: 'a chunk whose data are chunks is one chunk',
    raw: chunked('f\r\n5\r\nhello\r\n0\r\n\r\n\r\n0\r\n\r\n'),
    expected: passes(1),
  },
  // what a line of a header may carry
  {
    name: 'a line break in escapes in the query is refused',
    raw: on(`${TARGET}&CollectionId=1%0d%0aX-Evil:%201%0d%0a%0d%0a`),
    expected: answered(400),
  },
  {
    name: 'a line break in Unicode in the query is refused',
    raw: on(`${TARGET}\xe5\x98\x8a\xe5\x98\x8dX-Evil: 1`),
    expected: refused(400),
  },
  {
    name: 'a line break in Unicode in a value is bytes of a value',
    raw: with_('X-Note: a\xe5\x98\x8a\xe5\x98\x8dX-Evil: 1'),
    expected: passes(1),
  },
  { name: 'a next-line character in a value', raw: with_('X-Note: a\x85X-Evil: 1'), expected: passes(1) },
  { name: 'a form feed in a value', raw: with_('X-Note: a\x0cX-Evil: 1'), expected: refused(400) },
  { name: 'a vertical tab in a value', raw: with_('X-Note: a\x0bX-Evil: 1'), expected: refused(400) },
  { name: 'an escape character in a value', raw: with_('X-Note: \x1b[2J'), expected: refused(400) },
  { name: 'a backspace in a value', raw: with_('X-Note: a\x08b'), expected: refused(400) },
  { name: 'a bare CR at the end of a value', raw: with_('X-Note: a\r'), expected: refused(400) },
  { name: 'a line break in a quoted value', raw: with_('X-Note: "a\r\nX-Second: 1"'), expected: passes(1) },
  {
    name: 'a line break in a cookie in escapes',
    raw: with_('Cookie: a=%0d%0aX-Evil:1'),
    expected: passes(1),
  },
  { name: 'a NUL in a cookie', raw: with_('Cookie: a=\0'), expected: refused(400) },
  { name: 'a line break in User-Agent', raw: with_('User-Agent: a\nX-Evil: 1'), expected: refused(400) },
  {
    name: 'a line break within the user of a credential stays in the credential',
    raw: request({
      lines: ['Content-Length: 0'],
      authorization: `Authorization: Basic ${Buffer.from('x\r\nX-Evil: 1').toString('base64')}`,
    }),
    expected: passes(1),
  },
  {
    name: 'a NUL within the user of a credential',
    raw: request({
      lines: ['Content-Length: 0'],
      authorization: `Authorization: Basic ${Buffer.from('x\0:secret').toString('base64')}`,
    }),
    expected: passes(1),
  },
  {
    name: 'a hundred cookies',
    raw: with_(...Array.from({ length: 100 }, (_, i) => `Cookie: c${i}=1`)),
    expected: passes(1),
  },
  { name: 'a method override', raw: with_('X-HTTP-Method-Override: DELETE'), expected: passes(1) },
  {
    name: 'an original URL of another product',
    raw: with_('X-Original-URL: /owa', 'X-Rewrite-URL: /owa'),
    expected: passes(1),
  },
  // who somebody pretends to be
  { name: 'X-Forwarded-For of a phone', raw: with_('X-Forwarded-For: 203.0.113.9'), expected: passes(1) },
  {
    name: 'X-Forwarded-For twice',
    raw: with_('X-Forwarded-For: 1.1.1.1', 'x-forwarded-for: 2.2.2.2'),
    expected: passes(1),
  },
  { name: 'X-Forwarded-Host', raw: with_('X-Forwarded-Host: evil.example'), expected: passes(1) },
  { name: 'X-Forwarded-Proto', raw: with_('X-Forwarded-Proto: http'), expected: passes(1) },
  { name: 'Forwarded', raw: with_('Forwarded: for=203.0.113.9;host=evil.example'), expected: passes(1) },
  { name: 'X-Real-IP', raw: with_('X-Real-IP: 203.0.113.9'), expected: passes(1) },
  { name: 'Via', raw: with_('Via: 1.1 evil.example'), expected: passes(1) },
  {
    name: 'a Connection that would take X-Forwarded-For away',
    raw: with_('Connection: X-Forwarded-For'),
    expected: refused(400),
  },
  {
    name: 'a Connection that would take X-Forwarded-Proto away',
    raw: with_('Connection: close, x-forwarded-proto'),
    expected: refused(400),
  },
  {
    name: 'a Connection that would take MS-ASProtocolVersion away',
    raw: with_('MS-ASProtocolVersion: 16.1', 'Connection: MS-ASProtocolVersion'),
    expected: refused(400),
  },
  {
    name: 'a Connection that would take User-Agent away',
    raw: with_('Connection: User-Agent'),
    expected: refused(400),
  },
  {
    name: 'a Connection that would take X-User-Identity away',
    raw: with_('Connection: X-User-Identity'),
    expected: refused(400),
  },
  {
    name: 'a Connection that would take Transfer-Encoding away',
    raw: chunked('0\r\n\r\n', 'Connection: Transfer-Encoding'),
    expected: refused(400),
  },
  {
    name: 'Keep-Alive and Proxy-Connection',
    raw: with_('Keep-Alive: timeout=1, max=99999999', 'Proxy-Connection: close'),
    expected: passes(1),
  },
  {
    name: 'an upgrade to WebSocket',
    raw: with_(
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
    ),
    expected: passes(1),
  },
  {
    name: 'a request behind an upgrade to HTTP/2 is never read',
    raw:
      with_('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__') +
      SMUGGLED,
    expected: passes(1),
  },
  { name: 'an upgrade to TLS', raw: with_('Connection: Upgrade', 'Upgrade: TLS/1.2'), expected: passes(1) },
  { name: 'Proxy-Authorization', raw: with_('Proxy-Authorization: Basic YTpi'), expected: passes(1) },
  { name: 'the proxy variable of CGI', raw: with_('Proxy: http://evil.example'), expected: passes(1) },
  {
    name: 'the Host of another',
    raw: request({ host: 'Host: evil.example', lines: ['Content-Length: 0'] }),
    expected: passes(1),
  },
  {
    name: 'the Host of the server',
    raw: request({ host: 'Host: 127.0.0.1', lines: ['Content-Length: 0'] }),
    expected: passes(1),
  },
  {
    name: 'a user of another server in the query',
    raw: on(TARGET.replace('{user}', 'somebody%40healthy.test')),
    expected: passes(1),
  },
  {
    name: 'a user of another server in X-User-Identity',
    raw: with_('X-User-Identity: somebody@healthy.test'),
    expected: passes(1),
  },
  {
    name: 'a credential that is no base64',
    raw: request({ lines: ['Content-Length: 0'], authorization: 'Authorization: Basic ***' }),
    expected: passes(1),
  },
  {
    name: 'a credential without a colon',
    raw: request({ lines: ['Content-Length: 0'], authorization: 'Authorization: Basic YWxpY2U=' }),
    expected: passes(1),
  },
  {
    name: 'an authorization that belongs to a connection',
    raw: request({ lines: ['Content-Length: 0'], authorization: 'Authorization: Negotiate YIIC' }),
    expected: answered(401),
  },
  {
    name: 'an authorization of 40,000 bytes',
    raw: request({
      lines: ['Content-Length: 0'],
      authorization: `Authorization: Bearer ${'x'.repeat(40_000)}`,
    }),
    expected: passes(1),
  },
  // what somebody tries to reach
  ...[
    '/owa/auth.owa',
    '/powershell',
    '/EWS/Exchange.asmx',
    '/ecp/default.aspx',
    '/mapi/emsmdb',
    '/aspnet_client/shell.aspx',
    '/',
    '//Microsoft-Server-ActiveSync',
    `${PATH}/`,
    `${PATH}/../owa`,
    `${PATH}/..%2fowa`,
    `${PATH}/%2e%2e/owa`,
    `${PATH}/..\\owa`,
    `${PATH}/..;/owa`,
    `${PATH};x`,
    `${PATH}%00`,
    `${PATH}%20`,
    `${PATH}%3f`,
    `${PATH}.`,
    `${PATH}/healthcheck.htm`,
    `/owa/..${PATH}`,
    `/./Microsoft-Server-ActiveSync`,
    '/Microsoft-Server-ActiveSync%2fdefault.eas',
    '/%4dicrosoft-Server-ActiveSync',
    '/%u004dicrosoft-Server-ActiveSync',
    '/autodiscover/autodiscover.json?@evil.example/powershell',
  ].map((target) => ({
    name: `the path ${target}`,
    raw: on(target.includes('?') ? target : `${target}${QUERY}`),
    expected: answered(target.startsWith('/autodiscover') ? 405 : 404),
  })),
  {
    name: 'ActiveSync in another case is ActiveSync',
    raw: on(`/MICROSOFT-server-activesync${QUERY}`),
    expected: passes(1),
  },
  { name: 'default.eas is ActiveSync', raw: on(`${PATH}/default.eas${QUERY}`), expected: passes(1) },
  {
    name: 'dot segments in the query are bytes of the query',
    raw: on(`${TARGET}&LongId=/../../owa`),
    expected: passes(1),
  },
  { name: 'a command that nobody knows', raw: on(TARGET.replace('FolderSync', 'Evil')), expected: passes(1) },
  { name: 'two commands', raw: on(`${TARGET}&Cmd=Ping`), expected: answered(400) },
  { name: 'two devices', raw: on(`${TARGET}&DeviceId=other`), expected: answered(400) },
  {
    name: 'a query without a command',
    raw: on(`${PATH}?User=a&DeviceId=b&DeviceType=c`),
    expected: answered(400),
  },
  { name: 'a query that is base64 of too little', raw: on(`${PATH}?jAAJ`), expected: answered(400) },
  { name: 'a query of 9,000 bytes', raw: on(`${TARGET}&X=${'x'.repeat(9000)}`), expected: answered(400) },
  ...['PUT', 'DELETE', 'PATCH', 'PROPFIND', 'SEARCH', 'RPC_IN_DATA', 'post', 'HEAD'].map((method) => ({
    name: `the method ${method}`,
    raw: request({ method, lines: ['Content-Length: 0'] }),
    expected: answered(501),
  })),
  // too much
  {
    name: 'a length of a terabyte',
    raw: request({ lines: ['Content-Length: 1000000000000'] }),
    expected: refused(413),
  },
  {
    name: 'a length of one byte too many',
    raw: request({ lines: ['Content-Length: 1000001'] }),
    expected: refused(413),
  },
  {
    name: 'a length of one byte too many behind an expectation',
    raw: request({ lines: ['Content-Length: 1000001', 'Expect: 100-continue'] }),
    expected: refused(413),
  },
  { name: 'a body of exactly the largest size', raw: withBody('x'.repeat(1_000_000)), expected: passes(1) },
  {
    name: 'a body in chunks that grows too large',
    raw: chunked(`10000\r\n${'x'.repeat(65_536)}\r\n`.repeat(20)),
    expected: refused(413),
  },
  {
    name: 'a chunk that says it is too large, and stops',
    raw: chunked('fffffff\r\nabc'),
    expected: { kind: 'waits' },
  },
  {
    name: 'a body of zero bytes in ten thousand empty lines',
    raw: with_() + '\r\n'.repeat(10_000),
    expected: refused(400, 1),
  },
  { name: 'a header of 60,000 bytes', raw: with_(`X: ${'x'.repeat(60_000)}`), expected: passes(1) },
  { name: 'a name of 70,000 bytes', raw: with_(`${'x'.repeat(70_000)}: 1`), expected: refused(431) },
  {
    name: 'ten thousand header lines',
    raw: with_(...Array.from({ length: 10_000 }, () => 'X: 1')),
    expected: refused(431),
  },
  { name: 'a line of 100,000 blanks', raw: with_(`X:${' '.repeat(100_000)}1`), expected: refused(431) },
  // no HTTP at all
  {
    name: 'a ClientHello within TLS',
    raw: '\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03',
    expected: refused(400),
  },
  { name: 'a line of SMTP', raw: 'EHLO evil.example\r\n', expected: refused(400) },
  {
    name: 'a line of the PROXY protocol within TLS',
    raw: `PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n${with_()}`,
    expected: refused(400),
  },
  {
    name: 'a header of the PROXY protocol, version 2, within TLS',
    raw: '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x01\0\x02',
    expected: refused(400),
  },
  { name: 'frames of HTTP/2 without a preface', raw: '\0\0\0\x04\0\0\0\0\0', expected: refused(400) },
  { name: 'only line breaks', raw: '\r\n'.repeat(1000), expected: refused(400) },
  { name: '100,000 bytes without a line break', raw: 'A'.repeat(100_000), expected: refused(431) },
  { name: 'a response', raw: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', expected: refused(400) },
  { name: 'a JSON document', raw: '{"jsonrpc": "2.0"}\r\n\r\n', expected: refused(400) },
  // what never comes
  {
    name: 'a head in which nothing more comes',
    raw: `POST ${TARGET} HTTP/1.1\r\n${HOST}\r\nX:`,
    expected: { kind: 'waits' },
  },
  { name: 'half a request line', raw: 'POST /Microsoft-Server-Act', expected: { kind: 'waits' } },
  {
    name: 'a body that stops before its end',
    raw: request({ lines: ['Content-Length: 500000'], body: 'x'.repeat(4000) }),
    expected: { kind: 'waits' },
  },
  { name: 'a chunk that stops before its end', raw: chunked('ffff\r\nabc'), expected: { kind: 'waits' } },
  { name: 'a chunk size that stops before its end', raw: chunked('ff'), expected: { kind: 'waits' } },
  { name: 'a chunk extension that stops before its end', raw: chunked('5;a=b'), expected: { kind: 'waits' } },
  {
    name: 'a good request with half a request behind it',
    raw: `${with_()}POST ${TARGET} HTTP/1.1\r\n${AUTHORIZATION}`,
    expected: passes(1),
  },
];
