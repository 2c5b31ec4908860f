// What would be drawn by chance: cryptographic, or the same for the same seed and purpose whatever else is drawn between.
import { createHash, randomBytes } from 'node:crypto';

export class Chance {
  readonly #seed: string | undefined;
  readonly #drawn = new Map<string, number>();

  /** Without a seed every draw is a surprise. */
  constructor(seed?: string) {
    this.#seed = seed;
  }

  /** At most 32 bytes for a purpose; the next draw for the same purpose gives others. */
  bytes(purpose: string, length: number): Buffer {
    if (this.#seed === undefined) return randomBytes(length);
    const count = this.#drawn.get(purpose) ?? 0;
    this.#drawn.set(purpose, count + 1);
    return createHash('sha256').update(`${this.#seed}\0${purpose}\0${count}`).digest().subarray(0, length);
  }

  /** From `min` up to but without `max`. */
  integer(purpose: string, min: number, max: number): number {
    return min + (this.bytes(purpose, 6).readUIntBE(0, 6) % (max - min));
  }

  uuid(purpose: string): string {
    const hex = this.bytes(purpose, 16).toString('hex');
    const groups = [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `4${hex.slice(13, 16)}`,
      `8${hex.slice(17, 20)}`,
      hex.slice(20),
    ];
    return groups.join('-');
  }
}
