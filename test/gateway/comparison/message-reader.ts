// Reads messages from a connection: simple, lenient and not the gateway's, so that it can be a judge of what the gateway wrote.
import type { Line } from './message.ts';
import { valuesOf } from './message.ts';

/** A message before anybody has said whether it is a request or an answer. */
export interface ReadMessage {
  readonly startLine: string;
  readonly lines: readonly Line[];
  readonly body: Buffer;
}

interface Head {
  readonly startLine: string;
  readonly lines: readonly Line[];
  /** Bytes up to the body. */
  readonly length: number;
}

const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/** One for each connection and direction; one message at a time. */
export class MessageReader {
  private readonly endsWithConnection: boolean;
  private pieces: Buffer[] = [];
  private size = 0;
  private head: Head | undefined;

  /** @param endsWithConnection a message without a length goes on until `end()` is called (answers) */
  constructor(endsWithConnection: boolean) {
    this.endsWithConnection = endsWithConnection;
  }

  /** A message has begun and is not complete. */
  get isWithin(): boolean {
    return this.size > 0;
  }

  /** Takes bytes; the message, once it is complete. Interim answers are skipped. */
  push(bytes: Buffer): ReadMessage | undefined {
    this.pieces.push(bytes);
    this.size += bytes.length;
    this.head ??= this.readHead();
    if (this.head === undefined) return undefined;
    const end = this.endOf(this.head);
    return end === undefined ? undefined : this.take(this.head, end);
  }

  /** The connection has ended: the message that only its end completes, if there is one. */
  end(): ReadMessage | undefined {
    const { head } = this;
    if (head === undefined || !this.endsWithConnection) return undefined;
    return this.take(head, { body: this.whole().subarray(head.length), bytes: this.size });
  }

  private readHead(): Head | undefined {
    const bytes = this.whole();
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [startLine = '', ...fields] = bytes.toString('latin1', 0, end).split('\r\n');
    if (/^HTTP\/1\.1 1\d\d/.test(startLine)) {
      this.pieces = [bytes.subarray(end + 4)];
      this.size -= end + 4;
      return this.readHead();
    }
    return { startLine, lines: fields.map(readLine), length: end + 4 };
  }

  private endOf(head: Head): { body: Buffer; bytes: number } | undefined {
    const { startLine, length } = head;
    if (valuesOf(head, 'transfer-encoding').length > 0) {
      return this.mayEndChunked() ? readChunks(this.whole(), length) : undefined;
    }
    const [declared] = valuesOf(head, 'content-length');
    const hasNone = /^HTTP\/1\.1 (?:204|304)/.test(startLine);
    if (declared === undefined && !hasNone && this.endsWithConnection) return undefined;
    const end = length + (hasNone ? 0 : Number(declared ?? 0));
    return this.size < end ? undefined : { body: this.whole().subarray(length, end), bytes: end };
  }

  /** Spares a long body that it is read anew with each piece; one message at a time, so nothing comes behind its end. */
  private mayEndChunked(): boolean {
    const last = this.pieces.at(-1);
    return (
      last === undefined ||
      last.length < LAST_CHUNK.length ||
      last.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)
    );
  }

  private take({ startLine, lines }: Head, { body, bytes }: { body: Buffer; bytes: number }): ReadMessage {
    const rest = this.whole().subarray(bytes);
    this.head = undefined;
    this.pieces = rest.length > 0 ? [rest] : [];
    this.size = rest.length;
    return { startLine, lines, body: Buffer.from(body) };
  }

  private whole(): Buffer {
    const [only] = this.pieces;
    if (this.pieces.length === 1 && only !== undefined) return only;
    const bytes = Buffer.concat(this.pieces);
    this.pieces = [bytes];
    return bytes;
  }
}

function readLine(field: string): Line {
  const colon = field.indexOf(':');
  return [field.slice(0, colon), field.slice(colon + 1).replace(/^ /, '')];
}

function readChunks(bytes: Buffer, from: number): { body: Buffer; bytes: number } | undefined {
  const parts: Buffer[] = [];
  for (let at = from; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (!(bytes.length >= end)) return undefined;
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    if (size === 0) return { body: Buffer.concat(parts), bytes: end };
    at = end;
  }
}
