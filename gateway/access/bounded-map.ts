// A map of limited size: the entry that was used least recently makes room for a new one.

export class BoundedMap<Key, Value> {
  private readonly limit: number;
  private readonly entries = new Map<Key, Value>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.entries.size;
  }

  /** The value, which counts as used by this. */
  get(key: Key): Value | undefined {
    const value = this.entries.get(key);
    if (value === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, value);
    return value;
  }

  /** The value, without counting as used. */
  peek(key: Key): Value | undefined {
    return this.entries.get(key);
  }

  /** Sets it, and returns the value that had to go for it. */
  set(key: Key, value: Value): Value | undefined {
    this.entries.delete(key);
    const evicted = this.entries.size >= this.limit ? this.removeOldest() : undefined;
    this.entries.set(key, value);
    return evicted;
  }

  delete(key: Key): void {
    this.entries.delete(key);
  }

  /** Removes from the oldest on, as long as it is true of the value, and returns them. */
  removeOldestWhile(isOver: (value: Value) => boolean): Value[] {
    const removed: Value[] = [];
    for (const [key, value] of this.entries) {
      if (!isOver(value)) break;
      this.entries.delete(key);
      removed.push(value);
    }
    return removed;
  }

  private removeOldest(): Value | undefined {
    for (const [key, value] of this.entries) {
      this.entries.delete(key);
      return value;
    }
    return undefined;
  }
}
