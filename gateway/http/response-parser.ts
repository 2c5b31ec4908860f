// The response half of the codec: bytes in, events out, no socket. As strict as the request half.
import { BodyReader } from './body-reader.ts';
import { ResponseError } from './errors.ts';
import type { ResponseErrorCode } from './errors.ts';
import { UNTIL_CLOSE } from './exchange.ts';
import type { ResponseHead } from './exchange.ts';
import { Fields } from './fields.ts';
import { DEFAULT_HEAD_LIMITS, HeadScanner } from './head-scanner.ts';
import type { HeadLimits, HeadReader } from './head-scanner.ts';

/** What the parser reports, in this order: head, data*, end; or an error at any point, which is the last. */
export interface ResponseEvents {
  onHead(head: ResponseHead): void;
  onData(bytes: Buffer): void;
  onEnd(): void;
  onError(error: ResponseError): void;
}

const MAX_INTERIM_ANSWERS = 16;
/** Without a reason the space before it may be missing too, as every other reader allows. */
const STATUS_LINE = /^HTTP\/1\.[01] [1-5][0-9][0-9](?: |$)/;

/** One for the life of a connection. `begin` it for every request; without that every byte is refused. */
export class ResponseParser implements HeadReader<ResponseErrorCode> {
  /** False once the server or HTTP/1.0 asked for the end of the connection. Of the message whose head came last. */
  keepAlive = true;
  private readonly events: ResponseEvents;
  private readonly scanner: HeadScanner<ResponseErrorCode>;
  private readonly fields = new Fields();
  private readonly body = new BodyReader({ discardsTrailers: true });
  private state: 'idle' | 'head' | 'body' | 'done' | 'failed' = 'idle';
  private answersHead = false;
  private interims = 0;
  private minorVersion: 0 | 1 = 1;
  /** The status line that the next three were read from; most answers have the same. */
  private statusLine = '';
  private status = 0;
  private reason = '';

  constructor(events: ResponseEvents, limits: HeadLimits = DEFAULT_HEAD_LIMITS) {
    this.events = events;
    this.scanner = new HeadScanner(this, limits, false);
  }

  /** True once the message was read whole; further bytes are refused before the next `begin()`. */
  get done(): boolean {
    return this.state === 'done';
  }

  /** True once a byte of the final or an interim answer was seen. */
  get begun(): boolean {
    return this.state !== 'idle' && (this.state !== 'head' || this.interims > 0 || this.scanner.begun);
  }

  /** Expects the answer to a request with this method. */
  begin(method: string): void {
    this.answersHead = method === 'HEAD';
    this.interims = 0;
    this.state = 'head';
  }

  /** Reads all of `bytes`. Bytes behind the end of the message, or without a request, are an error. */
  push(bytes: Buffer): void {
    let i = 0;
    while (this.state === 'head' && i < bytes.length) {
      const end = this.scanner.scan(bytes, i);
      if (end < 0) {
        if (this.scanner.error !== undefined) this.fail(this.scanner.error);
        return;
      }
      i = end;
      this.endHead();
    }
    if (this.state === 'body') {
      i = this.body.push(bytes, i, this.events);
      if (this.body.error !== undefined) this.fail('BadChunk');
      else if (this.body.done) this.end(i < bytes.length);
    } else if (this.state === 'idle' || this.state === 'done') {
      if (i < bytes.length) this.fail('Unsolicited');
    }
  }

  /** The server closed the connection: the end of a body without a length, else an error, unless no request is open. */
  close(): void {
    if (this.state === 'idle' || this.state === 'done' || this.state === 'failed') return;
    if (this.state === 'body' && this.body.close()) this.end(false);
    else this.fail('Truncated');
  }

  readStartLine(line: string): ResponseErrorCode | undefined {
    if (line === this.statusLine) return undefined;
    if (!STATUS_LINE.test(line)) return 'BadStatusLine';
    this.statusLine = line;
    this.minorVersion = line.charAt(7) === '1' ? 1 : 0;
    this.status = Number(line.slice(9, 12));
    this.reason = line.slice(13);
    return undefined;
  }

  readFields(text: string): ResponseErrorCode | undefined {
    const { fields, status } = this;
    const error = fields.read(text);
    if (error !== undefined) return error;
    if (fields.chunked && this.minorVersion === 0) return 'BadTransferEncoding';
    const announcesBody = fields.chunked || (fields.contentLength ?? 0) > 0;
    if (status < 200) {
      const isBad = status === 101 || announcesBody || fields.close || ++this.interims > MAX_INTERIM_ANSWERS;
      return isBad ? 'BadInterim' : undefined;
    }
    return status === 204 && announcesBody ? 'BodyNotAllowed' : undefined;
  }

  private endHead(): void {
    this.scanner.reset();
    const { status, reason, fields } = this;
    if (status < 200) {
      fields.clear();
      return;
    }
    this.state = 'body';
    this.keepAlive = this.minorVersion === 1 && !fields.close;
    const hasNoBody = this.answersHead || status === 204 || status === 304;
    const body = hasNoBody ? 0 : (fields.bodyLength ?? UNTIL_CLOSE);
    if (body === UNTIL_CLOSE) this.keepAlive = false;
    this.body.begin(body);
    const head: ResponseHead = { status, reason, headers: fields.headers, body };
    fields.clear();
    this.events.onHead(head);
  }

  private end(hasMore: boolean): void {
    this.state = 'done';
    if (hasMore) this.keepAlive = false;
    this.events.onEnd();
  }

  private fail(code: ResponseErrorCode): void {
    this.state = 'failed';
    this.events.onError(new ResponseError(code));
  }
}
