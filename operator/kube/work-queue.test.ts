// The queue's promises: one worker per key, nothing asked for is forgotten, errors back off and never end the process.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiError } from './api-error.ts';
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
    const queue = new WorkQueue({ signal: end.signal, reconcile: async (key) => void runs.push(key) });
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

  test('after its signal nothing starts', async () => {
    let runs = 0;
    const queue = new WorkQueue({ signal: end.signal, reconcile: async () => void (runs += 1) });
    queue.add('a');
    end.abort();
    queue.add('b');
    await vi.runAllTimersAsync();
    expect(runs).toBe(0);
  });
});
