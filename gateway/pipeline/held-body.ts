// The beginning of a request's body, held so that it can be read and sent to another server.

/** Of a request's body this much is held. */
const MAX_HELD_BYTES = 65_536;
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
    this.held?.push(bytes);
    this.bytes += bytes.length;
  }

  /** The whole body in its pieces, or undefined where it is not here. */
  whole(): readonly Buffer[] | undefined {
    return this.complete ? this.held : undefined;
  }

  drop(): void {
    this.held = undefined;
  }
}
