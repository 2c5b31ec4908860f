// A limited number of places for all, of which no client address may hold more than are still free.
import { Counts } from './counts.ts';

/**
 * One address alone gets half of the places, two get a third each, and there is always a place for an address that has none,
 * unless as many addresses as there are places work together.
 */
export class AddressShares {
  private readonly places: number;
  private readonly held = new Counts();
  private taken = 0;

  constructor(places: number) {
    this.places = places;
  }

  /** Places taken. */
  get size(): number {
    return this.taken;
  }

  allows(address: string): boolean {
    return this.held.of(address) < this.places - this.taken;
  }

  enter(address: string): void {
    this.held.add(address);
    this.taken++;
  }

  /** The end of what `enter` counted. */
  leave(address: string): void {
    this.held.remove(address);
    this.taken--;
  }
}

/** What counts as one client: an IPv4 address, or the /64 of an IPv6 address, of which every customer has a whole one. */
export function shareOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.split('::', 2);
  const groups = head.split(':');
  if (tail !== undefined) {
    const missing = 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
    groups.push(...Array.from({ length: missing }, () => '0'));
    if (tail !== '') groups.push(...tail.split(':'));
  }
  return groups
    .slice(0, 4)
    .map((group) => group || '0')
    .join(':');
}
