// How many of something each client has, for clients that come and go.

/**
 * What falls to zero is forgotten, many at a time: a `Map` keeps what was deleted in its chains until it grows, and one client that comes
 * and goes would make each look-up of itself as long as the map.
 */
export class Counts {
  private entries = new Map<string, { count: number }>();
  private zeros = 0;

  of(key: string): number {
    return this.entries.get(key)?.count ?? 0;
  }

  /** How many keys are held, those at zero included. */
  get size(): number {
    return this.entries.size;
  }

  add(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) {
      this.entries.set(key, { count: 1 });
      return;
    }
    if (entry.count === 0) this.zeros--;
    entry.count++;
  }

  /** The end of what `add` counted; nothing where it counted nothing. */
  remove(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined || entry.count === 0) return;
    entry.count--;
    if (entry.count > 0) return;
    this.zeros++;
    if (this.zeros > FEW && this.zeros * 2 > this.entries.size) this.forgetZeros();
  }

  private forgetZeros(): void {
    const held = [...this.entries].filter(([, { count }]) => count > 0);
    this.entries = new Map(held);
    this.zeros = 0;
  }
}

/** So many at zero cost nothing worth speaking of. */
const FEW = 1_024;
