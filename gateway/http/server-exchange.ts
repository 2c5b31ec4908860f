// One request of a phone and the way to answer it: frames the answer and hands it to the connection's writer.
import { STATUS_CODES } from 'node:http';
import type { RequestError } from './errors.ts';
import { CHUNKED, UNTIL_CLOSE } from './exchange.ts';
import type { RequestHead, ResponseHead, ServerConnectionInfo, ServerExchange } from './exchange.ts';
import { HeaderList } from './headers.ts';
import type { MessageWriter } from './message-writer.ts';
import { allowsBody, formatResponseHead } from './write-head.ts';

/** What an exchange needs of its connection. */
export interface AnsweringConnection<Context> extends ServerConnectionInfo<Context> {
  readonly writer: MessageWriter;
  readonly bodyBytes: number;
  limitBody(maxBytes: number): void;
  pause(): void;
  resume(): void;
  /** Whether an answer that begins now ends the connection; asked once. */
  decideClose(): boolean;
  /** After a write: true if the phone is too slow. The sink is told when that has passed. */
  blocks(): boolean;
  /** The whole answer is with the writer. */
  answered(): void;
  abort(): void;
  now(): Date;
}

/** See {@link ServerExchange}. */
export class PhoneExchange<Context> implements ServerExchange<Context> {
  readonly request: RequestHead;
  responded = false;
  /** The whole answer was given. */
  isAnswered = false;
  /** The connection works for this exchange no longer. */
  isOver = false;
  private readonly link: AnsweringConnection<Context>;
  private readonly handedBefore: number;
  private hasBody = true;
  private finalBodyBytes = 0;
  private finalBytesWritten = 0;

  constructor(link: AnsweringConnection<Context>, request: RequestHead) {
    this.link = link;
    this.request = request;
    this.handedBefore = link.writer.bytesHanded;
  }

  get connection(): ServerConnectionInfo<Context> {
    return this.link;
  }

  get bodyBytesRead(): number {
    return this.isOver ? this.finalBodyBytes : this.link.bodyBytes;
  }

  get bytesWritten(): number {
    return this.isOver ? this.finalBytesWritten : this.link.writer.bytesHanded - this.handedBefore;
  }

  get bytesQueued(): number {
    return this.isOver ? 0 : this.link.writer.bytesQueued;
  }

  limitBody(maxBytes: number): void {
    if (!this.isOver) this.link.limitBody(maxBytes);
  }

  pause(): void {
    if (!this.isOver) this.link.pause();
  }

  resume(): void {
    if (!this.isOver) this.link.resume();
  }

  respond(status: number, headers: HeaderList, body?: Buffer): void {
    if (this.isOver || this.responded) return;
    if (!headers.has('date')) headers.append('Date', this.link.now().toUTCString());
    const reason = STATUS_CODES[status] ?? '';
    this.writeHead({ status, reason, headers, body: body?.length ?? 0 });
    if (body !== undefined) this.write(body);
    // At once: if the phone half-closes in the same turn, nothing can be written any more.
    this.link.writer.flush();
    this.end();
  }

  writeHead(head: ResponseHead): void {
    if (this.isOver || this.responded) return;
    this.responded = true;
    this.hasBody = allowsBody(this.request.method, head.status);
    let body = this.hasBody ? head.body : 0;
    if (body < 0) body = this.request.minorVersion === 1 ? CHUNKED : UNTIL_CLOSE;
    const close = this.link.decideClose();
    this.link.writer.begin(formatResponseHead(head, { close, body, allowsBody: this.hasBody }), body);
    this.link.writer.flushSoon();
  }

  write(bytes: Buffer): boolean {
    if (this.isOver || !this.responded || this.isAnswered || !this.hasBody) return true;
    if (this.link.writer.write(bytes)) return !this.link.blocks();
    this.abort();
    return true;
  }

  end(): void {
    if (this.isOver || !this.responded || this.isAnswered) return;
    if (!this.link.writer.end()) {
      this.abort();
      return;
    }
    this.isAnswered = true;
    this.link.answered();
  }

  abort(): void {
    if (!this.isOver) this.link.abort();
  }

  /** For the connection: freezes the counters; every method does nothing from now on. */
  finish(): void {
    this.finalBodyBytes = this.bodyBytesRead;
    this.finalBytesWritten = this.bytesWritten;
    this.isOver = true;
  }
}

/** The answer to a request that was refused: latin1 text of head and body. */
export function formatRefusal(error: RequestError, now: Date): string {
  const body = `${error.message}.\n`;
  const headers = HeaderList.of(['Date', now.toUTCString()], ['Content-Type', 'text/plain']);
  const reason = STATUS_CODES[error.status] ?? '';
  const head = { status: error.status, reason, headers, body: body.length };
  return formatResponseHead(head, { close: true, body: body.length, allowsBody: true }) + body;
}
