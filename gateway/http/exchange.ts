// The contract between HTTP and the pipeline: heads, and the two halves of an exchange (phone and upstream) as plain methods.
import type { RequestError, Sent, UpstreamError } from './errors.ts';
import type { HeaderList } from './headers.ts';

/**
 * How a body is delimited (RFC 9112, 6).
 * - `-1` {@link CHUNKED}: length unknown, chunked on the wire.
 * - `-2` {@link UNTIL_CLOSE}: responses of an upstream only; goes to the phone as chunked.
 * - `0`: no body. Else the number of bytes.
 */
export type BodyLength = number;
export const CHUNKED = -1;
export const UNTIL_CLOSE = -2;

/** A request as it was read. Strings may be slices of the whole head: copy what is kept for longer than the exchange. */
export interface RequestHead {
  /** Any token, in the client's case. CONNECT and TRACE never arrive here. */
  readonly method: string;
  /** Origin form (`/path?query`, visible ASCII, never `#`), or `*` with OPTIONS: the client's bytes. */
  readonly target: string;
  readonly minorVersion: 0 | 1;
  /** `host[:port]`, grammar checked. */
  readonly host: string;
  /**
   * End-to-end header lines. Not in here, because they are read and written by this layer: Host, Content-Length,
   * Transfer-Encoding, TE, Trailer, Expect, Connection and what it names, Keep-Alive, Upgrade, Proxy-*.
   */
  readonly headers: HeaderList;
  readonly body: BodyLength;
  /** True where Content-Length was present, also if it is 0: an empty POST is passed on as it is. */
  readonly hasContentLength: boolean;
  readonly expectContinue: boolean;
}

/** A response as it was read from an upstream, or as it is to be written to a phone. */
export interface ResponseHead {
  readonly status: number;
  /** The reason phrase, kept as it came (449, 456 and 457 have none in Node); may be empty. */
  readonly reason: string;
  /** End-to-end header lines; Content-Length and the hop-by-hop fields are not in here. */
  readonly headers: HeaderList;
  /** 0 for 204, 304 and answers to HEAD. */
  readonly body: BodyLength;
}

// ——— the phone's half ———

/** What the connections of a listener call for each request. One object for many connections. */
export interface RequestHandler<Context = unknown> {
  /**
   * A request head has arrived. Returns the object that is told the rest. The body follows at once, in the same turn, unless
   * the handler called `exchange.pause()`. It may answer already in here. `Expect: 100-continue` is answered when the
   * body is first wanted: after this call returned without an answer and not paused, or at `resume()`.
   */
  onRequest(exchange: ServerExchange<Context>): RequestSink;
  /** A request that never reached `onRequest` was refused and answered (for counting); `Aborted` and `HeadTimeout` included. */
  onRefused?(error: RequestError, connection: ServerConnectionInfo<Context>): void;
  /** The connection is gone; called once for each. */
  onConnectionClosed?(connection: ServerConnectionInfo<Context>): void;
}

/** What a request calls as it goes on: implemented by the pipeline's per-request object. Never called re-entrantly by `write`. */
export interface RequestSink {
  /** A piece of the body. The bytes belong to the receiver. To slow the phone down call `exchange.pause()`. */
  onData(bytes: Buffer): void;
  /** The body is complete (also for a request without one). */
  onEnd(): void;
  /** The phone takes more of the answer again, after a `write` that returned false. */
  onDrain(): void;
  /**
   * The last call: the exchange is over. Without an error the answer was handed to the socket whole (also called from within
   * `respond` and `end`; if these were called in `onRequest`, after it returned). With one, the phone went away (`Aborted`: close, reset or
   * half-close), broke the protocol, was too slow, or exceeded the body's limit; the connection has been answered and closed by this
   * layer, and the upstream request is to be aborted.
   */
  onClose(error: RequestError | undefined): void;
}

/** The connection of an exchange. */
export interface ServerConnectionInfo<Context = unknown> {
  /** What `accept` was given with the socket: listener, client certificate, … */
  readonly context: Context;
  /** Address of the phone without port, e.g. `192.0.2.1`: the peer, unless a trusted proxy named another. */
  readonly remoteAddress: string;
  /** Bytes of HTTP (before encryption) since the connection was made. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Requests begun on this connection, this one included. */
  readonly requests: number;
}

/** One request of a phone and the way to answer it. After `onClose` every method does nothing. */
export interface ServerExchange<Context = unknown> {
  readonly request: RequestHead;
  readonly connection: ServerConnectionInfo<Context>;
  /** Bytes of body received and delivered to the sink so far. */
  readonly bodyBytesRead: number;
  /** Bytes of the answer (head and framing included) handed to the socket so far. */
  readonly bytesWritten: number;
  /** True once a byte of the final answer was given: from then on only `write`, `end` and `abort` are meaningful. */
  readonly responded: boolean;
  /** Bytes of the answer that wait in this process for a slow phone. */
  readonly bytesQueued: number;

  /** Refuses a body of more bytes than this: 413, `onClose(BodyTooLarge)`. To be called in `onRequest`. */
  limitBody(maxBytes: number): void;
  /** Stops reading the body (the socket is paused, so that TCP slows the phone down). */
  pause(): void;
  resume(): void;

  /** A whole answer of ours, in one write. Date, Content-Length and Connection are added. */
  respond(status: number, headers: HeaderList, body?: Buffer): void;
  /**
   * Begins a passed-on answer. It leaves together with the first piece of the body, at the latest in the next turn of the event loop. If the request's
   * body is not complete by then, the answer says `Connection: close`, and what still comes is discarded (≤ 1 MB, 2 s).
   */
  writeHead(head: ResponseHead): void;
  /**
   * A piece of the answer's body; the bytes are the caller's again when this returns. False: too much is queued,
   * wait for `onDrain` (meanwhile pause the upstream). Bytes beyond a declared length are an error of the caller: abort.
   */
  write(bytes: Buffer): boolean;
  /** The answer is complete. If less than the declared length was written, this is `abort()`. */
  end(): void;
  /** Ends the connection at once, so that the phone cannot take a truncated answer for a whole one; no further call to the sink. */
  abort(): void;
}

// ——— the upstream's half ———

/** A request to be sent. Hop-by-hop fields, Host and framing are written by this layer and must not be in `headers`. */
export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  /** Value of Host; usually the pool's `authority`. */
  readonly host: string;
  readonly headers: HeaderList;
  readonly body: BodyLength;
  /** Write `Content-Length: 0` for a body of 0 bytes (always for POST and PUT). */
  readonly hasContentLength: boolean;
  /** From the end of the request body to the first byte of the final answer, in ms; for polls 3,600,000 and more. */
  readonly firstByteTimeoutMs: number;
}

/** What an upstream exchange calls: implemented by the pipeline's per-request object. Nothing is called before `send` returned. */
export interface ResponseSink {
  /** The final answer's head (1xx are skipped). It may come before the request's body was sent whole. */
  onHead(head: ResponseHead): void;
  /** A piece of the answer. The bytes are lent: they are overwritten once this has returned. */
  onData(bytes: Buffer): void;
  /** The answer is complete and was valid; the last call. Whatever of the request was not yet sent is dropped. */
  onEnd(): void;
  /** The upstream takes more of the request again, after a `write` that returned false. */
  onDrain(): void;
  /** The exchange failed; the last call. After `onHead` the phone's answer can only be aborted. */
  onError(error: UpstreamError): void;
}

/** One request to an upstream. After `onEnd`, `onError`, `abort` or `reset` every method does nothing. */
export interface UpstreamExchange {
  /**
   * Body bytes, in order; the socket keeps them, so they must not change afterwards. Also before the connection is up (they are queued). The head leaves
   * together with the first of them. False: wait for `onDrain` (meanwhile pause the phone). Held pieces of a replay are written
   * in the same way, followed by what still comes from the phone.
   */
  write(bytes: Buffer): boolean;
  /** The body is complete: from here the first-byte deadline runs. Required also for a request without body. */
  end(): void;
  /** Stops reading the answer while the phone is slow. */
  pause(): void;
  resume(): void;
  /** Ends the connection at once; no further call to the sink. What the kernel has taken of the request goes out yet. */
  abort(): void;
  /** As `abort`, for a server that has ceased to answer: what it has not confirmed never goes out. */
  reset(): void;
  /** How far the request got until now. */
  readonly sent: Sent;
  /** Bytes of this request, head included, that the kernel accepted or may have accepted. */
  readonly bytesSent: number;
}
