// Wakes one loop for any number of reasons that come while it works.
import { setTimeout as sleep } from 'node:timers/promises';

/** Node fires timers beyond this at once. */
const MAX_WAIT_MS = 2 ** 31 - 1;

export class Trigger {
  #fired = false;
  #wake = new AbortController();

  /** Ends the wait that is on, or the next one before it begins. */
  fire(): void {
    this.#fired = true;
    this.#wake.abort();
  }

  /** Waits for `fire`, for `milliseconds` to pass, or for `signal`, whichever is first. Never rejects. */
  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (!this.#fired) {
      const either = AbortSignal.any([signal, this.#wake.signal]);
      await sleep(Math.min(milliseconds, MAX_WAIT_MS), undefined, { signal: either }).catch(() => undefined);
    }
    this.#fired = false;
    this.#wake = new AbortController();
  }
}
