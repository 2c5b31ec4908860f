// Every way in which a message, a connection or an upstream can fail, with the status that answers it.

/** What both parsers refuse. The text goes to the client or into a log: it says what was wrong, never what was sent. */
const GRAMMAR_ERRORS = {
  BadHeaderName: [400, 'A header line does not begin with a token and a colon'],
  BadHeaderValue: [400, 'A header holds a control character'],
  BadLineEnd: [400, 'Lines must end in CRLF'],
  FoldedHeader: [400, 'Folded header lines are not accepted'],
  BadContentLength: [400, 'Content-Length must be one decimal number, and stand there once'],
  BadTransferEncoding: [400, 'Transfer-Encoding must be exactly "chunked", in HTTP/1.1'],
  AmbiguousLength: [400, 'Content-Length and Transfer-Encoding exclude each other'],
  BadConnection: [400, 'Connection is not a list of tokens, or names an end-to-end header'],
  BadChunk: [400, 'The chunked body is malformed'],
  ChunkExtensionTooLong: [400, 'Chunk extensions are too long'],
  HeadTooLarge: [431, 'The head is too large'],
  UnknownTransferCoding: [501, 'This transfer coding is not supported'],
} as const satisfies Record<string, readonly [number, string]>;

/** What a request is refused for besides. */
const REQUEST_ERRORS = {
  ...GRAMMAR_ERRORS,
  BadRequestLine: [400, 'The request line is not METHOD SP /target SP HTTP/1.1 CRLF'],
  BadMethod: [400, 'The method is not a token'],
  BadTarget: [400, 'The request target must be a path in visible ASCII without "#"'],
  BadHost: [400, 'Exactly one valid Host header is required'],
  DuplicateHeader: [400, 'A header that may occur once occurs twice'],
  TrailerRefused: [400, 'Trailer fields are not accepted'],
  Aborted: [400, 'The client closed the connection before the exchange was complete'],
  HeadTimeout: [408, 'The request head did not arrive in time'],
  BodyTimeout: [408, 'The request body arrives too slowly'],
  AnswerTimeout: [408, 'The client takes the answer too slowly'],
  BodyTooLarge: [413, 'The request body is too large'],
  BadExpect: [417, 'Only "Expect: 100-continue" is supported'],
  MethodRefused: [501, 'This method is not supported'],
  UnknownVersion: [505, 'Only HTTP/1.1 and HTTP/1.0 are supported'],
} as const satisfies Record<string, readonly [number, string]>;

/** What a response is refused for besides. */
const RESPONSE_ERRORS = {
  ...GRAMMAR_ERRORS,
  BadStatusLine: [502, 'The status line is not HTTP/1.1 SP status SP reason CRLF'],
  BadInterim: [
    502,
    'The server switches protocols, closes with an interim answer, gives it a body, or sends these without end',
  ],
  BodyNotAllowed: [502, 'The status forbids a body, but one is announced'],
  Truncated: [502, 'The connection was closed in the middle of the answer'],
  Unsolicited: [502, 'The server sent bytes that nobody asked for'],
} as const satisfies Record<string, readonly [number, string]>;

export type GrammarErrorCode = keyof typeof GRAMMAR_ERRORS;
export type RequestErrorCode = keyof typeof REQUEST_ERRORS;
export type ResponseErrorCode = keyof typeof RESPONSE_ERRORS;

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

/** Why a response was refused. It reaches the pipeline as the cause of an UpstreamError. */
export class ResponseError extends Error {
  readonly code: ResponseErrorCode;

  constructor(code: ResponseErrorCode) {
    super(RESPONSE_ERRORS[code][1]);
    this.name = 'ResponseError';
    this.code = code;
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

/** Why an upstream exchange failed. `cause` is the system's error or a ResponseError; it names no header and no body. */
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
