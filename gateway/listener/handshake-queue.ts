// Lets only so many TLS handshakes begin in one turn of the event loop, and only so many be under way.

export interface HandshakeLimits {
  /** Under way: begun and not yet secure. They wait for the phone, so this is memory, not CPU. */
  readonly inFlight: number;
  /** Begun in one turn of the event loop: about 0.8 ms of CPU each, during which no other phone is served. */
  readonly perTurn: number;
}

export const DEFAULT_HANDSHAKE_LIMITS: HandshakeLimits = { inFlight: 1024, perTurn: 4 };

/** A first-come-first-served queue of handshakes. What is queued is a function that begins one, or returns false when the phone is gone. */
export class HandshakeQueue {
  private readonly limits: HandshakeLimits;
  private waiting: (() => boolean)[] = [];
  /** Where in `waiting` the next one stands. */
  private next = 0;
  private running = 0;
  /** Begun since the event loop last came round. */
  private begun = 0;
  private scheduled = false;

  constructor(limits: HandshakeLimits = DEFAULT_HANDSHAKE_LIMITS) {
    this.limits = limits;
  }

  get queued(): number {
    return this.waiting.length - this.next;
  }

  get inFlight(): number {
    return this.running;
  }

  /** Begins it at once where the limits allow, else when its turn comes. */
  add(begin: () => boolean): void {
    this.waiting.push(begin);
    this.advance();
  }

  /** To be called once for each handshake that began: it is secure, or failed. */
  finished(): void {
    this.running--;
    if (this.queued > 0) this.advance();
  }

  private advance(): void {
    const { inFlight, perTurn } = this.limits;
    while (this.queued > 0 && this.running < inFlight) {
      if (this.begun === perTurn) {
        this.continueNextTurn();
        return;
      }
      this.beginNext();
    }
  }

  private beginNext(): void {
    const begin = this.waiting[this.next++];
    if (this.next === this.waiting.length || this.next > 4096) {
      this.waiting = this.waiting.slice(this.next);
      this.next = 0;
    }
    this.running++;
    this.begun++;
    if (begin?.() === true) return;
    this.running--;
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
