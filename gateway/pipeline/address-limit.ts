// How many requests one client address may have under way whose credentials no server has accepted yet.

/** Counts by address; holds nothing of an address without requests. */
export class AddressLimit {
  private readonly limit: number;
  private readonly counts = new Map<string, number>();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Counts one more request, or returns false where the limit is reached. */
  enter(address: string): boolean {
    const count = this.counts.get(address) ?? 0;
    if (count >= this.limit) return false;
    this.counts.set(address, count + 1);
    return true;
  }

  /** The end of what `enter` counted. */
  leave(address: string): void {
    const count = this.counts.get(address) ?? 0;
    if (count > 1) this.counts.set(address, count - 1);
    else this.counts.delete(address);
  }
}
