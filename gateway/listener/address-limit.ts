// How much of something one client address may have: connections, or requests whose credentials no server has accepted yet.
import { shareOf } from './address-shares.ts';

/** Counts by client; holds nothing of a client that has nothing. */
export class AddressLimit {
  /** The most that one client may have. What it has already when this is lowered it keeps. */
  limit: number;
  private readonly counts = new Map<string, number>();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Counts one more, or returns false where the limit is reached. */
  enter(address: string): boolean {
    const client = shareOf(address);
    const count = this.counts.get(client) ?? 0;
    if (count >= this.limit) return false;
    this.counts.set(client, count + 1);
    return true;
  }

  /** The end of what `enter` counted. */
  leave(address: string): void {
    const client = shareOf(address);
    const count = this.counts.get(client) ?? 0;
    if (count > 1) this.counts.set(client, count - 1);
    else this.counts.delete(client);
  }
}
