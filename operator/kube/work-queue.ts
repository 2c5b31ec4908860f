// A queue of keys with the semantics of controller-runtime: de-duplicated, one worker per key, back-off per key.
import { ApiError, isServerTrouble } from './api-error.ts';
import { backoffMs } from './backoff.ts';

export interface WorkQueueOptions {
  /** Does the work for one key; resolves with seconds after which to do it again, if any. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<{ requeueAfterSeconds?: number } | void>;
  readonly signal: AbortSignal;
  /** How many keys are worked on at once. */
  readonly concurrency?: number;
  readonly onError?: (key: string, error: unknown, retryMs: number | undefined) => void;
}

/** Thrown by a reconcile that trying again cannot mend: the key waits for its next change. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/** An error retries its key after 5 ms, doubled up to 1,000 s; trouble of the API server itself up to 15 s only. */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  readonly #again = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #idle: (() => void)[] = [];

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => {
      for (const timer of this.#timers.values()) clearTimeout(timer);
      this.#timers.clear();
      this.#waiting.clear();
      this.#again.clear();
    });
  }

  /** Asks for a reconcile of a key; one asked for twice before it starts runs once. */
  add(key: string): void {
    if (this.#options.signal.aborted) return;
    this.#clearTimer(key);
    if (this.#running.has(key)) this.#again.add(key);
    else {
      this.#waiting.add(key);
      queueMicrotask(() => this.#start());
    }
  }

  /** Forgets all back-off, for when the API server answers again. */
  retryNow(): void {
    this.#failures.clear();
    for (const key of [...this.#timers.keys()]) this.add(key);
  }

  /** Resolves when nothing runs or waits to run now. */
  async drained(): Promise<void> {
    if (this.#running.size === 0 && this.#waiting.size === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #start(): void {
    const { concurrency = 4, signal } = this.#options;
    for (const key of this.#waiting) {
      if (this.#running.size >= concurrency || signal.aborted) break;
      this.#waiting.delete(key);
      this.#running.add(key);
      void this.#work(key);
    }
    if (this.#running.size === 0 && this.#waiting.size === 0) {
      for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  async #work(key: string): Promise<void> {
    const { reconcile, signal } = this.#options;
    try {
      const result = await reconcile(key, signal);
      this.#failures.delete(key);
      if (result?.requeueAfterSeconds !== undefined) this.#later(key, result.requeueAfterSeconds * 1000);
    } catch (error) {
      this.#failed(key, error);
    } finally {
      this.#running.delete(key);
      if (this.#again.delete(key)) this.add(key);
      this.#start();
    }
  }

  #failed(key: string, error: unknown): void {
    const { signal, onError } = this.#options;
    if (signal.aborted) return;
    if (error instanceof TerminalError) {
      onError?.(key, error, undefined);
      return;
    }
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const capMs = isServerTrouble(error) ? 15_000 : 1_000_000;
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const retryMs = Math.max(asked, backoffMs(failures, { baseMs: 5, capMs }));
    onError?.(key, error, retryMs);
    this.#later(key, retryMs);
  }

  #later(key: string, milliseconds: number): void {
    this.#clearTimer(key);
    this.#timers.set(
      key,
      setTimeout(() => this.add(key), milliseconds),
    );
  }

  #clearTimer(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }
}
