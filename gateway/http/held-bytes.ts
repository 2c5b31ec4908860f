// Bytes that were read from a socket before they could be used, in order and bounded.

const FULL_BYTES = 65_536;
const FULL_PIECES = 64;
const NO_BYTES: Buffer = Buffer.alloc(0);

/** A short queue of pieces. Its owner stops reading while it is full. */
export class HeldBytes {
  bytes = 0;
  private pieces: Buffer[] | undefined;

  get isEmpty(): boolean {
    return this.pieces === undefined;
  }

  /** True also for very many tiny pieces, each of which costs more memory than its bytes. */
  get isFull(): boolean {
    return this.pieces !== undefined && (this.bytes >= FULL_BYTES || this.pieces.length >= FULL_PIECES);
  }

  push(bytes: Buffer): void {
    (this.pieces ??= []).push(bytes);
    this.bytes += bytes.length;
  }

  /** Puts back what was taken last and could not be used. */
  unshift(bytes: Buffer): void {
    (this.pieces ??= []).unshift(bytes);
    this.bytes += bytes.length;
  }

  /** The oldest piece; no bytes if there is none. */
  shift(): Buffer {
    const first = this.pieces?.shift() ?? NO_BYTES;
    this.bytes -= first.length;
    if (this.pieces?.length === 0) this.pieces = undefined;
    return first;
  }

  clear(): void {
    this.pieces = undefined;
    this.bytes = 0;
  }
}
