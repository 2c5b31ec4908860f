// Ends gateway processes whose standalone parent was killed before it could, and removes what they left.
import { glob, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { wait } from '../../kube/backoff.ts';
import { lockHolder, writeHolder } from './process-lock.ts';

const RECORD = 'process.json';
/** Such a process drains since its parent is gone: it does not listen any more, and ends by itself. */
const CLOSED_WITHIN_MS = 2_000;
const LOOK_EVERY_MS = 50;

/** Notes which process runs in a run directory. */
export async function recordProcess(runDirectory: string, pid: number): Promise<void> {
  await writeHolder(join(runDirectory, RECORD), pid);
}

/**
 * Asks the processes noted below `stateDirectory` (`<namespace>/<name>/run/<number>`) to drain, waits a moment for them
 * to leave their ports, and removes the run directories. Resolves with the ids of those that still finish requests.
 */
export async function endLeftovers(stateDirectory: string, signal: AbortSignal): Promise<number[]> {
  const paths: string[] = [];
  for await (const record of glob(`*/*/run/*/${RECORD}`, { cwd: stateDirectory })) {
    paths.push(join(stateDirectory, record));
  }
  const deadline = performance.now() + CLOSED_WITHIN_MS;
  for (const pid of await holders(paths)) process.kill(pid, 'SIGTERM');
  let left = await holders(paths);
  while (left.length > 0 && performance.now() < deadline && !signal.aborted) {
    await wait(LOOK_EVERY_MS, signal);
    left = await holders(paths);
  }
  for (const path of paths) await rm(dirname(path), { recursive: true, force: true });
  return left;
}

async function holders(paths: readonly string[]): Promise<number[]> {
  const all = await Promise.all(paths.map((path) => lockHolder(path)));
  return all.filter((pid) => pid !== undefined);
}
