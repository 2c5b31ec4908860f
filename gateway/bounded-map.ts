// A map of limited size: the entry that was used least recently makes room for a new one.

interface Entry<Key, Value> {
  readonly key: Key;
  value: Value;
  newer: Entry<Key, Value> | undefined;
  older: Entry<Key, Value> | undefined;
}

/**
 * The order of use is a list of its own. A `Map` keeps an order too, but what is deleted from it stays in its chains until it grows: one
 * hot key that is deleted and set again makes each look-up of it as long as the map.
 */
export class BoundedMap<Key, Value> {
  private readonly limit: number;
  private readonly entries = new Map<Key, Entry<Key, Value>>();
  private newest: Entry<Key, Value> | undefined;
  private oldest: Entry<Key, Value> | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.entries.size;
  }

  /** The value, which counts as used by this. */
  get(key: Key): Value | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    this.touch(entry);
    return entry.value;
  }

  /** The value, without counting as used. */
  peek(key: Key): Value | undefined {
    return this.entries.get(key)?.value;
  }

  /** Sets it, and returns the value that had to go for it. */
  set(key: Key, value: Value): Value | undefined {
    const known = this.entries.get(key);
    if (known !== undefined) {
      known.value = value;
      this.touch(known);
      return undefined;
    }
    const evicted = this.entries.size >= this.limit ? this.removeOldest() : undefined;
    const entry = { key, value, newer: undefined, older: undefined };
    this.entries.set(key, entry);
    this.append(entry);
    return evicted;
  }

  delete(key: Key): void {
    const entry = this.entries.get(key);
    if (entry !== undefined) this.remove(entry);
  }

  /** Removes from the oldest on, as long as it is true of the value, and returns them. */
  removeOldestWhile(isOver: (value: Value) => boolean): Value[] {
    const removed: Value[] = [];
    while (this.oldest !== undefined && isOver(this.oldest.value)) {
      removed.push(this.oldest.value);
      this.remove(this.oldest);
    }
    return removed;
  }

  private removeOldest(): Value | undefined {
    const { oldest } = this;
    if (oldest !== undefined) this.remove(oldest);
    return oldest?.value;
  }

  private touch(entry: Entry<Key, Value>): void {
    if (entry === this.newest) return;
    this.unlink(entry);
    this.append(entry);
  }

  private remove(entry: Entry<Key, Value>): void {
    this.entries.delete(entry.key);
    this.unlink(entry);
  }

  private append(entry: Entry<Key, Value>): void {
    entry.older = this.newest;
    entry.newer = undefined;
    if (this.newest === undefined) this.oldest = entry;
    else this.newest.newer = entry;
    this.newest = entry;
  }

  private unlink({ newer, older }: Entry<Key, Value>): void {
    if (newer === undefined) this.newest = older;
    else newer.older = older;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
  }
}
