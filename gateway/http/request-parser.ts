// The request half of the codec: bytes in, events out, no socket. Strict RFC 9112; what is ambiguous is refused.
import { isIPv6 } from 'node:net';
import { BodyReader } from './body-reader.ts';
import { TARGET_BYTE, TOKEN_BYTE, allIn } from './bytes.ts';
import { RequestError } from './errors.ts';
import type { RequestErrorCode } from './errors.ts';
import { CHUNKED } from './exchange.ts';
import type { RequestHead } from './exchange.ts';
import { Fields } from './fields.ts';
import { DEFAULT_HEAD_LIMITS, HeadScanner } from './head-scanner.ts';
import type { HeadLimits, HeadReader } from './head-scanner.ts';

/** What the parser reports, in this order: head, data*, end; or an error at any point, which is the last. */
export interface RequestEvents {
  onHead(head: RequestHead): void;
  onData(bytes: Buffer): void;
  onEnd(): void;
  onError(error: RequestError): void;
}

/** Absolute form (RFC 9112, 3.2.2): phones come by TLS, so there is no other scheme. Readers differ about an empty path. */
const ABSOLUTE_FORM = /^https:\/\/([^/?#]+)(\/.*)$/i;
const HOST = /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}|\[([0-9A-Fa-f:.]{2,45})\])(?::(0|[1-9][0-9]{0,4}))?$/;

const SLASH = 0x2f;

/** One for the life of a connection. It reads one message, stops behind it, and waits for `next()`. */
export class RequestParser implements HeadReader<RequestErrorCode> {
  /**
   * False once the client or HTTP/1.0 asked for the end of the connection, or an upgrade was asked for, which is never granted: other
   * readers take what follows for the other protocol. Of the message whose head came last.
   */
  keepAlive = true;
  /** While `onHead` is called: where in the pushed bytes the body begins. */
  bodyStart = 0;
  private readonly events: RequestEvents;
  private readonly scanner: HeadScanner<RequestErrorCode>;
  private readonly fields = new Fields();
  private readonly body = new BodyReader({ discardsTrailers: false });
  private state: 'head' | 'body' | 'done' | 'failed' = 'head';
  private method = '';
  /** In origin form, or `*`. */
  private target = '';
  /** In lower case, where the target came in absolute form. */
  private authority: string | undefined;
  /** The last value of Host that was found valid; a connection hardly ever brings another. */
  private knownHost: string | undefined;
  private minorVersion: 0 | 1 = 1;

  constructor(events: RequestEvents, limits: HeadLimits = DEFAULT_HEAD_LIMITS) {
    this.events = events;
    this.scanner = new HeadScanner(this, limits, true);
  }

  /** True between two messages: not a byte of the next head was seen. */
  get idle(): boolean {
    return this.state === 'head' && !this.scanner.begun;
  }

  /** True once the message was read whole; pushed bytes are not looked at before `next()`. */
  get done(): boolean {
    return this.state === 'done';
  }

  get failed(): boolean {
    return this.state === 'failed';
  }

  /** Bytes of body delivered so far. */
  get bodyBytes(): number {
    return this.body.delivered;
  }

  /** Bytes of the body that are still to come; Infinity for chunked. */
  get bodyBytesLeft(): number {
    return this.state === 'done' ? 0 : this.body.bytesLeft;
  }

  /** Refuses a body of more bytes than this; to be called from `onHead`. */
  limitBody(maxBytes: number): void {
    this.body.maxBytes = maxBytes;
  }

  /** Makes `push` return after the present event; it goes on when it is given the rest. */
  stop(): void {
    this.body.stopped = true;
  }

  /** Reads from `bytes[from]`. Returns the index behind what was read: less than the length once the message is complete, refused or stopped. */
  push(bytes: Buffer, from = 0): number {
    this.body.stopped = false;
    let i = from;
    if (this.state === 'head') {
      const end = this.scanner.scan(bytes, i);
      if (end < 0) {
        if (this.scanner.error !== undefined) this.fail(this.scanner.error);
        return bytes.length;
      }
      i = end;
      this.bodyStart = end;
      this.beginBody();
    }
    if (this.state === 'body' && !this.body.stopped) {
      i = this.body.push(bytes, i, this.events);
      if (this.body.error !== undefined) this.fail(this.body.error);
      else if (this.body.done) this.end();
    }
    return i;
  }

  /** Gets ready for the next message. */
  next(): void {
    this.state = 'head';
  }

  readStartLine(line: string): RequestErrorCode | undefined {
    const methodEnd = line.indexOf(' ');
    const targetEnd = line.indexOf(' ', methodEnd + 1);
    if (methodEnd < 0 || targetEnd < 0) return 'BadRequestLine';
    if (!allIn(TOKEN_BYTE, line, 0, methodEnd)) return 'BadMethod';
    const version = line.slice(targetEnd + 1);
    if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') {
      return /^HTTP\/[0-9]\.[0-9]$/.test(version) ? 'UnknownVersion' : 'BadRequestLine';
    }
    this.method = line.slice(0, methodEnd);
    this.target = line.slice(methodEnd + 1, targetEnd);
    this.minorVersion = version === 'HTTP/1.1' ? 1 : 0;
    if (this.method === 'CONNECT' || this.method === 'TRACE') return 'MethodRefused';
    if (!allIn(TARGET_BYTE, line, methodEnd + 1, targetEnd)) return 'BadTarget';
    this.authority = undefined;
    if (this.target.charCodeAt(0) === SLASH || this.readAbsoluteForm()) return undefined;
    return this.target === '*' && this.method === 'OPTIONS' ? undefined : 'BadTarget';
  }

  private readAbsoluteForm(): boolean {
    const [, authority, origin] = ABSOLUTE_FORM.exec(this.target) ?? [];
    if (authority === undefined || origin === undefined) return false;
    this.authority = authority.toLowerCase();
    this.target = origin;
    return true;
  }

  readFields(text: string): RequestErrorCode | undefined {
    const { fields } = this;
    const error = fields.read(text);
    if (error !== undefined) return error;
    if (fields.duplicate === 'authorization') return 'DuplicateHeader';
    if (fields.duplicate === 'host' || !this.isHost(fields.host)) return 'BadHost';
    // Readers differ about which of the two counts.
    if (this.authority !== undefined && this.authority !== fields.host?.toLowerCase()) return 'BadHost';
    if (fields.chunked && this.minorVersion === 0) return 'BadTransferEncoding';
    const isExpectKnown = fields.expect === undefined || fields.expect.toLowerCase() === '100-continue';
    return isExpectKnown && fields.duplicate === undefined ? undefined : 'BadExpect';
  }

  private isHost(value: string | undefined): boolean {
    if (value === undefined) return false;
    if (value === this.knownHost) return true;
    if (!isHost(value)) return false;
    this.knownHost = value;
    return true;
  }

  private beginBody(): void {
    const { fields } = this;
    this.scanner.reset();
    this.state = 'body';
    this.keepAlive = this.minorVersion === 1 && !fields.close && !fields.upgrade;
    const body = fields.bodyLength ?? 0;
    this.body.begin(body);
    this.events.onHead({
      method: this.method,
      target: this.target,
      minorVersion: this.minorVersion,
      host: fields.host as string,
      headers: fields.headers,
      body,
      hasContentLength: fields.contentLength !== undefined,
      expectContinue: fields.expect !== undefined && this.minorVersion === 1 && body !== 0,
    });
    fields.clear();
    if (body !== CHUNKED && body > this.body.maxBytes) this.fail('BodyTooLarge');
    else if (body === 0 && !this.body.stopped) this.end();
  }

  private end(): void {
    this.state = 'done';
    this.events.onEnd();
  }

  private fail(code: RequestErrorCode): void {
    this.state = 'failed';
    this.events.onError(new RequestError(code));
  }
}

function isHost(value: string): boolean {
  const match = HOST.exec(value);
  if (match === null) return false;
  const [, ipv6, port] = match;
  return (ipv6 === undefined || isIPv6(ipv6)) && (port === undefined || Number(port) <= 65_535);
}
