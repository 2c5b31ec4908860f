// A queue of keys with the semantics of controller-runtime: de-duplicated, one worker per key, back-off per key.
import { randomUUID } from 'node:crypto';
import { ApiError, isServerTrouble } from './api-error.ts';
import { backoffMs } from './backoff.ts';
import type { QueueMetrics } from './metrics.ts';
import { inReconcile } from './reconcile-context.ts';

export interface WorkQueueOptions {
  /** What is worked on, for metrics and log lines. */
  readonly name: string;
  /** Does the work for one key; resolves with seconds after which to do it again, if any. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<{ requeueAfterSeconds?: number } | void>;
  readonly signal: AbortSignal;
  /** How many keys are worked on at once. Default 4. */
  readonly concurrency?: number;
  /** Called within the reconcile that failed, so that log lines say which; without `retryMs` it is not tried again. */
  readonly onError?: (key: string, error: unknown, retryMs: number | undefined) => void;
  readonly metrics?: QueueMetrics | undefined;
  /** Whoever knows when the API server answers again; then nothing waits that failed because it did not. */
  readonly server?: { onRecovered(listener: () => void, signal: AbortSignal): void };
}

/** `low`: nobody waits for it, so that it lets everything else go first. */
export type Priority = 'normal' | 'low';

/** Thrown by a reconcile that trying again cannot mend: the key waits for its next change. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

interface Waiting {
  readonly key: string;
  readonly sinceMs: number;
}

interface Running {
  readonly sinceMs: number;
  readonly priority: Priority;
  /** Asked for again meanwhile. */
  again?: Priority;
}

interface Failure {
  readonly count: number;
  readonly isServerTrouble: boolean;
}

const DEFAULT_CONCURRENCY = 4;

/** An error retries its key after 5 ms, doubled up to 1,000 s; trouble of the API server itself up to 15 s only. */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = { normal: new Map<string, Waiting>(), low: new Map<string, Waiting>() };
  readonly #running = new Map<string, Running>();
  readonly #failures = new Map<string, Failure>();
  readonly #timers = new Map<string, { readonly timer: NodeJS.Timeout; readonly priority: Priority }>();
  #idle: (() => void)[] = [];

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    const { signal, server, metrics, concurrency = DEFAULT_CONCURRENCY } = options;
    signal.addEventListener('abort', () => this.#clear());
    server?.onRecovered(() => this.retryNow(), signal);
    metrics?.observe({
      concurrency,
      waiting: () => ({ normal: this.#waiting.normal.size, low: this.#waiting.low.size }),
      running: () => [...this.#running.values()].map(({ sinceMs }) => secondsSince(sinceMs)),
    });
  }

  /** Asks for a reconcile of a key; one asked for twice before it starts runs once, at the higher priority. */
  add(key: string, priority: Priority = 'normal'): void {
    if (this.#options.signal.aborted) return;
    this.#clearTimer(key);
    const running = this.#running.get(key);
    if (running === undefined) this.#enqueue(key, priority);
    else running.again = running.again === 'normal' ? 'normal' : priority;
  }

  /** Forgets the back-off of what failed by the API server's trouble, for when it answers again. */
  retryNow(): void {
    for (const [key, failure] of this.#failures) {
      if (!failure.isServerTrouble) continue;
      this.#failures.delete(key);
      const later = this.#timers.get(key);
      if (later !== undefined) this.add(key, later.priority);
    }
  }

  /** Resolves when nothing runs or waits to run now. */
  async drained(): Promise<void> {
    if (this.#isIdle()) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #enqueue(key: string, priority: Priority): void {
    const { normal, low } = this.#waiting;
    if (normal.has(key) || (priority === 'low' && low.has(key))) return;
    const sinceMs = low.get(key)?.sinceMs ?? performance.now();
    if (!low.delete(key)) this.#options.metrics?.added();
    this.#waiting[priority].set(key, { key, sinceMs });
    queueMicrotask(() => this.#start());
  }

  #start(): void {
    const { concurrency = DEFAULT_CONCURRENCY, signal } = this.#options;
    for (const priority of ['normal', 'low'] as const) {
      for (const { key, sinceMs } of this.#waiting[priority].values()) {
        if (this.#running.size >= concurrency || signal.aborted) return;
        this.#waiting[priority].delete(key);
        this.#options.metrics?.started(secondsSince(sinceMs));
        void this.#work(key, priority);
      }
    }
    if (this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #isIdle(): boolean {
    return this.#running.size === 0 && this.#waiting.normal.size === 0 && this.#waiting.low.size === 0;
  }

  async #work(key: string, priority: Priority): Promise<void> {
    const { name } = this.#options;
    const running: Running = { sinceMs: performance.now(), priority };
    this.#running.set(key, running);
    await inReconcile({ controller: name, key, reconcileID: randomUUID() }, () =>
      this.#reconcile(key, running),
    );
    this.#running.delete(key);
    if (running.again !== undefined) this.add(key, running.again);
    this.#start();
  }

  async #reconcile(key: string, { sinceMs, priority }: Running): Promise<void> {
    const { reconcile, signal, metrics } = this.#options;
    try {
      const again = (await reconcile(key, signal))?.requeueAfterSeconds;
      this.#failures.delete(key);
      if (again !== undefined) this.#later(key, again * 1000, 'normal');
      metrics?.finished(again === undefined ? 'success' : 'requeue_after', secondsSince(sinceMs), false);
    } catch (error) {
      metrics?.finished('error', secondsSince(sinceMs), error instanceof TerminalError);
      this.#failed(key, error, priority);
    }
  }

  #failed(key: string, error: unknown, priority: Priority): void {
    const { signal, onError, metrics } = this.#options;
    if (signal.aborted) return;
    if (error instanceof TerminalError) {
      onError?.(key, error, undefined);
      return;
    }
    const failure = {
      count: (this.#failures.get(key)?.count ?? 0) + 1,
      isServerTrouble: isServerTrouble(error),
    };
    this.#failures.set(key, failure);
    const capMs = failure.isServerTrouble ? 15_000 : 1_000_000;
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const retryMs = Math.max(asked, backoffMs(failure.count, { baseMs: 5, capMs }));
    metrics?.retried();
    this.#later(key, retryMs, priority);
    onError?.(key, error, retryMs);
  }

  #later(key: string, milliseconds: number, priority: Priority): void {
    this.#clearTimer(key);
    const timer = setTimeout(() => this.add(key, priority), milliseconds);
    this.#timers.set(key, { timer, priority });
  }

  #clearTimer(key: string): void {
    clearTimeout(this.#timers.get(key)?.timer);
    this.#timers.delete(key);
  }

  #clear(): void {
    for (const key of [...this.#timers.keys()]) this.#clearTimer(key);
    this.#waiting.normal.clear();
    this.#waiting.low.clear();
    for (const running of this.#running.values()) delete running.again;
  }
}

function secondsSince(milliseconds: number): number {
  return (performance.now() - milliseconds) / 1000;
}
