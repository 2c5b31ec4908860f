// The beginning of a request's body, held so that it can be read and sent to another server.

/** Of a request's body this much is held. */
const MAX_HELD_BYTES = 65_536;
/** Further ones are joined: a phone may send its body byte by byte, and each piece costs far more than a byte. */
const MAX_PIECES = 64;
const NONE: readonly Buffer[] = [];

export class HeldBody {
  /** The phone has sent all of it. */
  complete = false;
  private held: Buffer[] | undefined = [];
  private bytes = 0;

  /** All that came so far; empty once it is too long or no longer needed. */
  get pieces(): readonly Buffer[] {
    return this.held ?? NONE;
  }

  /** Everything that came so far is here. */
  get isHeld(): boolean {
    return this.held !== undefined;
  }

  /** Too much of it has come to be held. */
  get isTooLong(): boolean {
    return this.bytes > MAX_HELD_BYTES;
  }

  push(bytes: Buffer): void {
    this.bytes += bytes.length;
    if (this.held === undefined) return;
    if (this.held.length === MAX_PIECES) this.held = [Buffer.concat(this.held)];
    this.held.push(bytes);
  }

  /** The whole body in its pieces, or undefined where it is not here. */
  whole(): readonly Buffer[] | undefined {
    return this.complete ? this.held : undefined;
  }

  drop(): void {
    this.held = undefined;
  }
}
