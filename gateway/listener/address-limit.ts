// How much of something one client address may have: connections, or requests whose credentials no server has accepted yet.
import { shareOf } from './address-shares.ts';
import { Counts } from './counts.ts';

/** Counts by client; a client that has nothing is forgotten. */
export class AddressLimit {
  /** The most that one client may have. What it has already when this is lowered it keeps. */
  limit: number;
  private readonly counts = new Counts();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Counts one more, or returns false where the limit is reached. */
  enter(address: string): boolean {
    const client = shareOf(address);
    if (this.counts.of(client) >= this.limit) return false;
    this.counts.add(client);
    return true;
  }

  /** The end of what `enter` counted. */
  leave(address: string): void {
    this.counts.remove(shareOf(address));
  }
}
