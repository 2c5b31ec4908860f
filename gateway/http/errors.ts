// Every way in which a message, a connection or an upstream can fail, with the status that answers it.

/** What a refused request is answered with, by reason. The text goes to the client: it says what was wrong, never what was sent. */
const REQUEST_ERRORS = {
  BadRequestLine: [400, 'The request line is not METHOD SP /target SP HTTP/1.1 CRLF'],
  BadMethod: [400, 'The method is not a token'],
  BadTarget: [400, 'The request target must be a path in visible ASCII without "#"'],
  BadHeaderName: [400, 'A header line does not begin with a token and a colon'],
  BadHeaderValue: [400, 'A header value holds a control character'],
  BadLineEnd: [400, 'Lines must end in CRLF'],
  FoldedHeader: [400, 'Folded header lines are not accepted'],
  BadHost: [400, 'Exactly one valid Host header is required'],
  BadContentLength: [400, 'Content-Length must be one decimal number'],
  BadTransferEncoding: [400, 'Transfer-Encoding must be exactly "chunked"'],
  AmbiguousLength: [400, 'Content-Length and Transfer-Encoding exclude each other'],
  DuplicateHeader: [400, 'A header that may occur once occurs twice'],
  BadConnection: [400, 'The Connection header is not a list of tokens, or names an end-to-end header'],
  BadChunk: [400, 'The chunked body is malformed'],
  ChunkExtensionTooLong: [400, 'Chunk extensions are too long'],
  TrailerRefused: [400, 'Trailer fields are not accepted'],
  Aborted: [400, 'The client closed the connection before the request was complete'],
  HeadTimeout: [408, 'The request head did not arrive in time'],
  BodyTimeout: [408, 'The request body arrives too slowly'],
  BodyTooLarge: [413, 'The request body is too large'],
  BadExpect: [417, 'Only "Expect: 100-continue" is supported'],
  HeadTooLarge: [431, 'The request head is too large'],
  UnknownTransferCoding: [501, 'This transfer coding is not supported'],
  MethodRefused: [501, 'This method is not supported'],
  UnknownVersion: [505, 'Only HTTP/1.1 and HTTP/1.0 are supported'],
} as const satisfies Record<string, readonly [number, string]>;

export type RequestErrorCode = keyof typeof REQUEST_ERRORS;

/** Why a request was refused or ended early. `status` is the answer that it deserves, if one can still be given. */
export class RequestError extends Error {
  readonly code: RequestErrorCode;
  readonly status: number;

  constructor(code: RequestErrorCode) {
    const [status, message] = REQUEST_ERRORS[code];
    super(message);
    this.name = 'RequestError';
    this.code = code;
    this.status = status;
  }
}

const UPSTREAM_ERRORS = {
  ConnectFailed: 'The connection to the server could not be made',
  ConnectTimeout: 'The server did not accept the connection in time',
  CertificateRefused: 'The certificate of the server was not accepted',
  PoolExhausted: 'All connections to the server are in use',
  PoolClosed: 'The server is no longer configured',
  ConnectionLost: 'The connection to the server broke before the answer was complete',
  FirstByteTimeout: 'The server did not begin its answer in time',
  InactivityTimeout: 'The server stopped in the middle of its answer or takes the request too slowly',
  BadResponse: 'The answer of the server is not valid HTTP/1.1',
} as const satisfies Record<string, string>;

export type UpstreamErrorCode = keyof typeof UPSTREAM_ERRORS;

/**
 * How far a request got on a connection that failed. Only the first two allow another try of what must not be done twice.
 * - `neverConnected`: TCP or TLS never came up.
 * - `nothingSent`: the connection was up, but not one byte of this request left.
 * - `sent`: at least one byte may have reached the server.
 */
export type Sent = 'neverConnected' | 'nothingSent' | 'sent';

/** Why an upstream exchange failed. `cause` is the system's or the parser's error; it names no header and no body. */
export class UpstreamError extends Error {
  readonly code: UpstreamErrorCode;
  readonly sent: Sent;
  /** True where the connection had served earlier requests: a stale connection says nothing about the server's health. */
  readonly reused: boolean;

  constructor(code: UpstreamErrorCode, sent: Sent, reused: boolean, cause?: unknown) {
    super(UPSTREAM_ERRORS[code], cause === undefined ? undefined : { cause });
    this.name = 'UpstreamError';
    this.code = code;
    this.sent = sent;
    this.reused = reused;
  }
}
