// Lets a new operator replace the pods of a few gateways at once: the others wait for their turn.
import type { Key } from '../../translate/types.ts';

/** Counts gateways whose pods are being replaced because the operator is another one. */
export class Rollouts {
  readonly #limit: number;
  readonly #running = new Set<Key>();
  readonly #waiting = new Set<Key>();

  /** @param limit how many gateways may be rolled at once, at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True when the gateway may be rolled now; otherwise `finish` of another one names it when its turn may have come. */
  begin(gateway: Key): boolean {
    if (this.#running.has(gateway)) return true;
    if (this.#running.size >= this.#limit) {
      this.#waiting.add(gateway);
      return false;
    }
    this.resume(gateway);
    return true;
  }

  /** Counts a rollout that is under way, whoever began it. */
  resume(gateway: Key): void {
    this.#waiting.delete(gateway);
    this.#running.add(gateway);
  }

  /** The gateway has nothing to roll (any more). Returns those whose turn it may be. */
  finish(gateway: Key): readonly Key[] {
    this.#waiting.delete(gateway);
    return this.#running.delete(gateway) ? [...this.#waiting] : [];
  }
}
