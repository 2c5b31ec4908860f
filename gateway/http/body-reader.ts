// Takes a body out of a stream of bytes: by length, chunked (RFC 9112, 7.1) or until the connection closes.
import { CR, HEX_VALUE, LF, LINE_BYTE } from './bytes.ts';
import { CHUNKED, UNTIL_CLOSE } from './exchange.ts';
import type { BodyLength } from './exchange.ts';
import { Fields } from './fields.ts';

export type BodyErrorCode = 'BadChunk' | 'ChunkExtensionTooLong' | 'TrailerRefused' | 'BodyTooLarge';

/** Takes the pieces. */
export interface BodySink {
  onData(bytes: Buffer): void;
}

/** Eight digits: 4 GB a chunk. Leading zeros count. */
const MAX_SIZE_DIGITS = 8;
/** Bytes of extensions in one body. */
const MAX_EXTENSION_BYTES = 4096;
const MAX_TRAILER_BYTES = 8192;

const SEMICOLON = 0x3b;
/** `;name`, `;name=value` or `;name="value"`, without white space: whoever looks for a bare LF or a NUL in here finds none. */
const EXTENSIONS =
  /^(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[!#-[\]-~]|\\[!-~])*"))?)+$/;

type State =
  | 'data'
  | 'untilClose'
  | 'sizeFirst'
  | 'size'
  | 'extension'
  | 'sizeLF'
  | 'chunk'
  | 'chunkCR'
  | 'chunkLF'
  | 'trailerStart'
  | 'trailer'
  | 'trailerLF'
  | 'endLF'
  | 'done';

/** A resumable reader; one for many bodies. */
export class BodyReader {
  error: BodyErrorCode | undefined;
  /** Bytes of body delivered so far. */
  delivered = 0;
  /** More than this is refused; the refusing byte is not delivered. */
  maxBytes = Infinity;
  /** Set by the owner, also from within `onData`: `push` returns as soon as it can. */
  stopped = false;
  private readonly discardsTrailers: boolean;
  private state: State = 'done';
  /** Bytes left of the body or of the chunk. */
  private remaining = 0;
  private digits = 0;
  /** Bytes of extensions, of all chunks and of the present one. */
  private extensionBytes = 0;
  private extension = '';
  /** Trailer lines with their CRLF, as far as they came. */
  private trailer = '';

  /** Trailer fields are refused, or discarded (RFC 9110, 6.5.1). */
  constructor(options: { discardsTrailers: boolean }) {
    this.discardsTrailers = options.discardsTrailers;
  }

  get done(): boolean {
    return this.state === 'done';
  }

  /** Bytes that are still to come, or Infinity if that is not known. */
  get bytesLeft(): number {
    if (this.state === 'data') return this.remaining;
    return this.state === 'done' ? 0 : Infinity;
  }

  begin(length: BodyLength): void {
    this.error = undefined;
    this.delivered = 0;
    this.maxBytes = Infinity;
    this.extensionBytes = 0;
    this.extension = '';
    this.trailer = '';
    this.remaining = length;
    if (length === CHUNKED) this.state = 'sizeFirst';
    else if (length === UNTIL_CLOSE) this.state = 'untilClose';
    else this.state = length === 0 ? 'done' : 'data';
  }

  /** The connection was closed. Returns true if that was the regular end. */
  close(): boolean {
    if (this.state === 'untilClose') this.state = 'done';
    return this.state === 'done';
  }

  /** Reads from `bytes[from]` until the body ends, is refused or `stopped`. Returns the index behind what was read. */
  push(bytes: Buffer, from: number, sink: BodySink): number {
    let i = from;
    while (i < bytes.length && this.state !== 'done' && this.error === undefined && !this.stopped) {
      if (this.state === 'data' || this.state === 'chunk' || this.state === 'untilClose') {
        i = this.deliver(bytes, i, sink);
      } else {
        this.readFraming(bytes[i] as number);
        i++;
      }
    }
    return i;
  }

  private deliver(bytes: Buffer, from: number, sink: BodySink): number {
    const end = this.state === 'untilClose' ? bytes.length : Math.min(bytes.length, from + this.remaining);
    const length = end - from;
    if (this.delivered + length > this.maxBytes) {
      this.error = 'BodyTooLarge';
      return from;
    }
    this.delivered += length;
    if (this.state !== 'untilClose') {
      this.remaining -= length;
      if (this.remaining === 0) this.state = this.state === 'data' ? 'done' : 'chunkCR';
    }
    sink.onData(length === bytes.length ? bytes : bytes.subarray(from, end));
    return end;
  }

  private readFraming(byte: number): void {
    switch (this.state) {
      case 'sizeFirst':
        this.remaining = 0;
        this.digits = 0;
        this.state = 'size';
        this.readDigit(byte);
        return;
      case 'size':
        if (byte === CR) this.state = 'sizeLF';
        else if (byte === SEMICOLON) this.readExtension(byte);
        else this.readDigit(byte);
        return;
      case 'extension':
        this.readExtension(byte);
        return;
      case 'sizeLF':
        this.expect(byte, LF, this.remaining === 0 ? 'trailerStart' : 'chunk');
        return;
      case 'chunkCR':
        this.expect(byte, CR, 'chunkLF');
        return;
      case 'chunkLF':
        this.expect(byte, LF, 'sizeFirst');
        return;
      case 'endLF':
        this.expect(byte, LF, 'done');
        if (this.trailer !== '' && !isTrailer(this.trailer)) this.error = 'BadChunk';
        return;
      default:
        this.readTrailer(byte);
    }
  }

  private readDigit(byte: number): void {
    const value = HEX_VALUE[byte] as number;
    if (value > 15 || ++this.digits > MAX_SIZE_DIGITS) this.error = 'BadChunk';
    else this.remaining = this.remaining * 16 + value;
  }

  private readExtension(byte: number): void {
    if (byte === CR) {
      this.state = 'sizeLF';
      if (!EXTENSIONS.test(this.extension)) this.error = 'BadChunk';
      this.extension = '';
    } else if (byte <= 0x20 || byte > 0x7e) this.error = 'BadChunk';
    else if (++this.extensionBytes > MAX_EXTENSION_BYTES) this.error = 'ChunkExtensionTooLong';
    else {
      this.state = 'extension';
      this.extension += String.fromCharCode(byte);
    }
  }

  private readTrailer(byte: number): void {
    if (this.state === 'trailerStart' && byte === CR) this.state = 'endLF';
    else if (!this.discardsTrailers) this.error = byte === LF ? 'BadChunk' : 'TrailerRefused';
    else this.keepTrailer(byte);
  }

  private keepTrailer(byte: number): void {
    this.trailer += String.fromCharCode(byte);
    if (this.trailer.length > MAX_TRAILER_BYTES) this.error = 'BadChunk';
    else if (this.state === 'trailerLF') this.expect(byte, LF, 'trailerStart');
    else if (byte === CR) this.state = 'trailerLF';
    else if (LINE_BYTE[byte] === 1) this.state = 'trailer';
    else this.error = 'BadChunk';
  }

  private expect(byte: number, wanted: number, next: State): void {
    if (byte === wanted) this.state = next;
    else this.error = 'BadChunk';
  }
}

/** Header lines that say nothing about framing (RFC 9110, 6.5.1). */
function isTrailer(text: string): boolean {
  const fields = new Fields();
  return fields.read(text) === undefined && fields.bodyLength === undefined;
}
