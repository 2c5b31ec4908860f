// Waiting as a phone does: for Retry-After, or before it tries again.
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves after so many seconds, each of which lasts `timeScale` real seconds, or as soon as the signal is aborted. */
export async function waitSeconds(seconds: number, signal: AbortSignal, timeScale = 1): Promise<void> {
  try {
    await sleep(seconds * 1000 * timeScale, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
