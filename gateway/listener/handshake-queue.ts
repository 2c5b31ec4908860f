// Lets only so many TLS handshakes begin in one turn of the event loop, and only so many be under way; addresses take turns.
import { AddressShares } from './address-shares.ts';

export interface HandshakeLimits {
  /** Under way: begun and not yet secure. They wait for the phone, so this is memory, not CPU. */
  readonly inFlight: number;
  /** Begun in one turn of the event loop: about 0.8 ms of CPU each, during which no other phone is served. */
  readonly perTurn: number;
}

export const DEFAULT_HANDSHAKE_LIMITS: HandshakeLimits = { inFlight: 1024, perTurn: 4 };

/** Begins a handshake, or returns false when the phone is gone. */
type Begin = () => boolean;

/**
 * Handshakes that wait: those of one address first come, first served, and the addresses one after the other. An address whose
 * handshakes do not end holds its share of the places (see {@link AddressShares}) and no more.
 */
export class HandshakeQueue {
  private readonly limits: HandshakeLimits;
  /** By address, in the order in which these have their turns. None is empty. */
  private readonly waiting = new Map<string, Line>();
  private readonly running: AddressShares;
  private count = 0;
  /** Begun since the event loop last came round. */
  private begun = 0;
  private scheduled = false;

  constructor(limits: HandshakeLimits = DEFAULT_HANDSHAKE_LIMITS) {
    this.limits = limits;
    this.running = new AddressShares(limits.inFlight);
  }

  get queued(): number {
    return this.count;
  }

  get inFlight(): number {
    return this.running.size;
  }

  /** Begins it at once where the limits allow, else when its turn comes. */
  add(address: string, begin: Begin): void {
    const line = this.waiting.get(address);
    if (line === undefined) this.waiting.set(address, new Line(begin));
    else line.add(begin);
    this.count++;
    this.advance();
  }

  /** To be called once for each handshake that began: it is secure, or failed. */
  finished(address: string): void {
    this.running.leave(address);
    if (this.count > 0) this.advance();
  }

  private advance(): void {
    while (this.count > 0) {
      const address = this.nextAddress();
      if (address === undefined) return;
      if (this.begun === this.limits.perTurn) {
        this.continueNextTurn();
        return;
      }
      this.beginNext(address);
    }
  }

  private nextAddress(): string | undefined {
    for (const address of this.waiting.keys()) if (this.running.allows(address)) return address;
    return undefined;
  }

  private beginNext(address: string): void {
    const line = this.waiting.get(address);
    const begin = line?.take();
    if (line === undefined || begin === undefined) return;
    this.count--;
    this.waiting.delete(address);
    if (!line.isEmpty) this.waiting.set(address, line);
    this.running.enter(address);
    this.begun++;
    if (begin()) return;
    this.running.leave(address);
    this.begun--;
  }

  private continueNextTurn(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.begun = 0;
      this.advance();
    });
  }
}

/** What waits of one address. */
class Line {
  private begins: Begin[];
  /** Where in `begins` the next one stands. */
  private next = 0;

  constructor(first: Begin) {
    this.begins = [first];
  }

  get isEmpty(): boolean {
    return this.next === this.begins.length;
  }

  add(begin: Begin): void {
    this.begins.push(begin);
  }

  take(): Begin | undefined {
    const begin = this.begins[this.next++];
    if (this.next > 4096) {
      this.begins = this.begins.slice(this.next);
      this.next = 0;
    }
    return begin;
  }
}
