// Exponential back-off with jitter, and a wait that an AbortSignal ends.
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds before attempt `failures` (from 1): doubled each time from `baseMs` to `capMs`, ±20 %. */
export function backoffMs(failures: number, { baseMs, capMs }: { baseMs: number; capMs: number }): number {
  const exact = Math.min(capMs, baseMs * 2 ** Math.min(failures - 1, 40));
  return exact * (0.8 + Math.random() * 0.4);
}

/** Waits; resolves early (never rejects) when the signal is aborted. */
export async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}
