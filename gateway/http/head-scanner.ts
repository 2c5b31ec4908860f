// Finds the end of a head in a stream of bytes and refuses what is no line of it, byte by byte, however the stream is cut.
import { CR, LF, LINE_BYTE } from './bytes.ts';
import type { GrammarErrorCode } from './errors.ts';

/** Receives the parts of a head as soon as they are whole. A returned code refuses the head. */
export interface HeadReader<Code extends string> {
  /** The first line, without its CRLF. */
  readStartLine(line: string): Code | undefined;
  /** The header lines, each with its CRLF; empty without any. Every byte is a LINE_BYTE. */
  readFields(text: string): Code | undefined;
}

export interface HeadLimits {
  /** All bytes from the first one to the empty line (included). */
  readonly maxBytes: number;
  readonly maxLines: number;
}

export const DEFAULT_HEAD_LIMITS: HeadLimits = { maxBytes: 65_536, maxLines: 200 };

const FIRST_PARTIAL_BYTES = 2048;

/**
 * A resumable scanner. A head that comes in one piece (nearly all do) is read where it lies; otherwise its bytes are
 * gathered, each looked at once.
 */
export class HeadScanner<Code extends string> {
  /** Set once the head was refused. */
  error: Code | GrammarErrorCode | undefined;
  private readonly reader: HeadReader<Code>;
  private readonly limits: HeadLimits;
  private readonly mayBeginEmpty: boolean;
  private partial: Buffer | undefined;
  /** Bytes gathered in `partial`. */
  private used = 0;
  /** The rest is relative to the first byte of the head. */
  private position = 0;
  private lineStart = 0;
  private fieldsStart = 0;
  private lines = 0;

  /** `mayBeginEmpty`: one empty line before the head is skipped (RFC 9112, 2.2). */
  constructor(reader: HeadReader<Code>, limits: HeadLimits, mayBeginEmpty: boolean) {
    this.reader = reader;
    this.limits = limits;
    this.mayBeginEmpty = mayBeginEmpty;
  }

  /** True once a byte of a head was seen; a lone empty line before it does not count. */
  get begun(): boolean {
    return this.lines > 0 || this.position > this.lineStart;
  }

  /** Reads from `bytes[from]`. Returns the index behind the head, or −1 if it is not complete or was refused (`error`). */
  scan(bytes: Buffer, from: number): number {
    if (from >= bytes.length) return -1;
    if (this.partial === undefined) {
      const end = this.scanFrom(bytes, from, bytes.length);
      if (end < 0 && this.error === undefined) this.keep(bytes, from);
      return end;
    }
    const usedBefore = this.used;
    this.keep(bytes, from);
    const end = this.scanFrom(this.partial, 0, this.used);
    return end < 0 ? -1 : from + end - usedBefore;
  }

  /** Gets ready for the next head. */
  reset(): void {
    this.partial = undefined;
    this.used = 0;
    this.position = 0;
    this.lineStart = 0;
    this.fieldsStart = 0;
    this.lines = 0;
  }

  private scanFrom(bytes: Buffer, base: number, available: number): number {
    const { maxBytes } = this.limits;
    const end = Math.min(available, base + maxBytes);
    let i = base + this.position;
    while (this.error === undefined) {
      while (i < end && LINE_BYTE[bytes[i] as number] === 1) i++;
      if (i + 1 >= end) {
        if (end - base === maxBytes) this.error = 'HeadTooLarge';
        else if (i < end && bytes[i] !== CR) this.refuseByte(bytes[i] as number);
        break;
      }
      if (bytes[i] !== CR || bytes[i + 1] !== LF) {
        this.refuseByte(bytes[i] as number);
        break;
      }
      i += 2;
      if (this.endLine(bytes, base, i)) return i;
    }
    this.position = i - base;
    return -1;
  }

  /** A line ended before `next`. Returns true if the head ended with it. */
  private endLine(bytes: Buffer, base: number, next: number): boolean {
    const start = base + this.lineStart;
    const isEmpty = next - start === 2;
    this.lineStart = next - base;
    if (this.lines === 0) {
      if (isEmpty) {
        if (!this.mayBeginEmpty || start > base) this.error = 'BadLineEnd';
        return false;
      }
      this.lines = 1;
      this.fieldsStart = this.lineStart;
      this.error = this.reader.readStartLine(bytes.toString('latin1', start, next - 2));
      return false;
    }
    if (!isEmpty) {
      if (++this.lines > this.limits.maxLines) this.error = 'HeadTooLarge';
      return false;
    }
    this.error = this.reader.readFields(bytes.toString('latin1', base + this.fieldsStart, start));
    return this.error === undefined;
  }

  private refuseByte(byte: number): void {
    this.error = byte === CR || byte === LF ? 'BadLineEnd' : 'BadHeaderValue';
  }

  /** Gathers `bytes` from `from` on, as far as a head may reach. */
  private keep(bytes: Buffer, from: number): void {
    const added = Math.min(bytes.length - from, this.limits.maxBytes - this.used);
    const needed = this.used + added;
    if (this.partial === undefined || needed > this.partial.length) {
      const capacity = Math.max(needed, 2 * this.used, FIRST_PARTIAL_BYTES);
      const grown = Buffer.allocUnsafeSlow(Math.min(capacity, this.limits.maxBytes));
      this.partial?.copy(grown, 0, 0, this.used);
      this.partial = grown;
    }
    bytes.copy(this.partial, this.used, from, from + added);
    this.used = needed;
  }
}
