// The queue's promises: one worker per key, nothing asked for is forgotten, errors back off and never end the process.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Registry } from 'prom-client';
import { ApiError } from './api-error.ts';
import { KernelMetrics } from './metrics.ts';
import { reconcileContext } from './reconcile-context.ts';
import { TerminalError, WorkQueue } from './work-queue.ts';

describe('the work queue', () => {
  let end: AbortController;

  beforeEach(() => {
    vi.useFakeTimers();
    end = new AbortController();
  });

  afterEach(() => {
    end.abort();
    vi.useRealTimers();
  });

  test('a key that is added many times before it starts runs once', async () => {
    const runs: string[] = [];
    const queue = new WorkQueue({
      name: 'test',
      signal: end.signal,
      reconcile: async (key) => void runs.push(key),
    });
    queue.add('a');
    queue.add('a');
    queue.add('b');
    await queue.drained();
    expect(runs).toEqual(['a', 'b']);
  });

  test('a key that is added while it runs runs once more, and never twice at once', async () => {
    let running = 0;
    let most = 0;
    let runs = 0;
    const queue = new WorkQueue({
      name: 'test',
      signal: end.signal,
      reconcile: async (key) => {
        runs += 1;
        most = Math.max(most, ++running);
        if (runs === 1) {
          queue.add(key);
          queue.add(key);
        }
        await Promise.resolve();
        running -= 1;
      },
    });
    queue.add('a');
    await vi.runAllTimersAsync();
    expect({ runs, most }).toEqual({ runs: 2, most: 1 });
  });

  test('different keys run side by side up to the concurrency', async () => {
    let running = 0;
    let most = 0;
    const queue = new WorkQueue({
      name: 'test',
      signal: end.signal,
      concurrency: 2,
      reconcile: async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 10));
        running -= 1;
      },
    });
    for (const key of 'abcde') queue.add(key);
    await vi.runAllTimersAsync();
    expect(most).toBe(2);
  });

  test('an error is retried with a delay that doubles, and success forgets it', async () => {
    const delays: (number | undefined)[] = [];
    let failuresLeft = 3;
    const queue = new WorkQueue({
      name: 'test',
      signal: end.signal,
      onError: (_key, _error, retryMs) => delays.push(retryMs),
      reconcile: async () => {
        if (failuresLeft-- > 0) throw new Error('not yet');
      },
    });
    queue.add('a');
    await vi.runAllTimersAsync();
    expect(delays).toHaveLength(3);
    const [first = 0, , third = 0] = delays;
    expect(first).toBeGreaterThanOrEqual(4);
    expect(first).toBeLessThanOrEqual(6);
    expect(third).toBeGreaterThanOrEqual(16);
    failuresLeft = 1;
    queue.add('a');
    await vi.runAllTimersAsync();
    expect(delays[3]).toBeLessThanOrEqual(6);
  });

  test('a terminal error is reported and not retried', async () => {
    let runs = 0;
    const errors: unknown[] = [];
    const queue = new WorkQueue({
      name: 'test',
      signal: end.signal,
      onError: (_key, error) => errors.push(error),
      reconcile: async () => {
        runs += 1;
        throw new TerminalError('wrong for good');
      },
    });
    queue.add('a');
    await vi.runAllTimersAsync();
    expect(runs).toBe(1);
    expect(errors).toHaveLength(1);
  });

  test('trouble of the API server is retried at least each 18 seconds, and Retry-After is honoured', async () => {
    const delays: number[] = [];
    const queue = new WorkQueue({
      name: 'test',
      signal: end.signal,
      onError: (_key, _error, retryMs) => delays.push(retryMs ?? 0),
      reconcile: async () => {
        throw new ApiError(503, 'ServiceUnavailable', {
          request: 'GET /',
          ...(delays.length === 0 && { retryAfterSeconds: 7 }),
        });
      },
    });
    queue.add('a');
    await vi.advanceTimersByTimeAsync(400_000);
    expect(delays[0]).toBe(7000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(18_000);
    expect(delays.length).toBeGreaterThan(20);
  });

  test('requeueAfter brings the key back', async () => {
    let runs = 0;
    const queue = new WorkQueue({
      name: 'test',
      signal: end.signal,
      reconcile: async () => {
        runs += 1;
        return runs < 3 ? { requeueAfterSeconds: 60 } : undefined;
      },
    });
    queue.add('a');
    await vi.advanceTimersByTimeAsync(130_000);
    expect(runs).toBe(3);
  });

  test('what nobody waits for lets everything else go first, and is raised when somebody does', async () => {
    const runs: string[] = [];
    const queue = new WorkQueue({
      name: 'test',
      signal: end.signal,
      concurrency: 1,
      reconcile: async (key) => void runs.push(key),
    });
    for (const key of ['old-1', 'old-2', 'old-3']) queue.add(key, 'low');
    queue.add('edited');
    queue.add('old-3');
    queue.add('edited', 'low');
    await queue.drained();
    expect(runs).toEqual(['edited', 'old-3', 'old-1', 'old-2']);
  });

  test('when the API server answers again, what it had failed is tried at once, and nothing else', async () => {
    const runs: string[] = [];
    let recovered = (): void => {};
    let isAway = true;
    const queue = new WorkQueue({
      name: 'test',
      signal: end.signal,
      server: { onRecovered: (listener) => (recovered = listener) },
      reconcile: async (key) => {
        runs.push(key);
        if (key === 'wrong') throw new Error('for another reason');
        if (key === 'periodic') return { requeueAfterSeconds: 60 };
        if (isAway)
          throw new ApiError(503, 'ServiceUnavailable', { request: 'GET /', retryAfterSeconds: 900 });
        return undefined;
      },
    });
    for (const key of ['away', 'wrong', 'periodic']) queue.add(key);
    await vi.advanceTimersByTimeAsync(1);
    expect(runs).toEqual(['away', 'wrong', 'periodic']);
    isAway = false;
    recovered();
    await vi.advanceTimersByTimeAsync(1);
    expect(runs).toEqual(['away', 'wrong', 'periodic', 'away']);
  });

  test('a log line knows the reconcile that it comes from, and no other', async () => {
    const seen: unknown[] = [];
    const queue = new WorkQueue({
      name: 'test',
      signal: end.signal,
      reconcile: async (key) => {
        await Promise.resolve();
        seen.push(reconcileContext());
        if (key === 'b') throw new TerminalError('no');
      },
      onError: () => seen.push(reconcileContext()),
    });
    queue.add('a');
    queue.add('b');
    await queue.drained();
    expect(seen).toMatchObject([
      { controller: 'test', key: 'a' },
      { controller: 'test', key: 'b' },
      { controller: 'test', key: 'b' },
    ]);
    const ids = seen.map((context) => (context as { reconcileID: string }).reconcileID);
    expect([new Set(ids).size, ids[1]]).toEqual([2, ids[2]]);
    expect(reconcileContext()).toEqual({});
  });

  test('metrics tell what waits, what runs, and how it went', async () => {
    const registry = new Registry();
    const gates = new Map<string, () => void>();
    const queue = new WorkQueue({
      name: 'test',
      signal: end.signal,
      concurrency: 1,
      metrics: new KernelMetrics(registry).queue('test'),
      reconcile: async (key) => {
        await new Promise<void>((resolve) => gates.set(key, resolve));
        if (key === 'fails') throw new Error('no');
      },
    });
    for (const key of ['fails', 'waits']) queue.add(key);
    queue.add('initial', 'low');
    await vi.advanceTimersByTimeAsync(0);
    const during = await registry.metrics();
    expect(during).toContain('workqueue_depth{name="test",controller="test",priority="0"} 1');
    expect(during).toContain('workqueue_depth{name="test",controller="test",priority="-100"} 1');
    expect(during).toContain('controller_runtime_active_workers{controller="test"} 1');
    gates.get('fails')?.();
    await vi.advanceTimersByTimeAsync(0);
    gates.get('waits')?.();
    await vi.advanceTimersByTimeAsync(0);
    const after = await registry.metrics();
    expect(after).toContain('controller_runtime_reconcile_total{controller="test",result="error"} 1');
    expect(after).toContain('controller_runtime_reconcile_total{controller="test",result="success"} 1');
    expect(after).toContain('controller_runtime_reconcile_errors_total{controller="test"} 1');
    expect(after).toContain('workqueue_adds_total{name="test",controller="test"} 3');
    expect(after).toContain('workqueue_retries_total{name="test",controller="test"} 1');
    expect(after).toContain('workqueue_queue_duration_seconds_count{name="test",controller="test"} 3');
  });

  test('after its signal nothing starts', async () => {
    let runs = 0;
    const queue = new WorkQueue({
      name: 'test',
      signal: end.signal,
      reconcile: async () => void (runs += 1),
    });
    queue.add('a');
    end.abort();
    queue.add('b');
    await vi.runAllTimersAsync();
    expect(runs).toBe(0);
  });
});
