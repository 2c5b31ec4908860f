// Where standalone mode keeps what it makes: in the manifests' directory, under a name that is no manifest.
import { join } from 'node:path';
import { lockHolder } from './infra/host/process-lock.ts';

/**
 * `<namespace>/<name>/` for each gateway (`ca.crt`, keys, snapshots, sockets), `status/` for the objects with their
 * status, and the lock of the process that runs.
 */
export const STATE_DIRECTORY = '.sentry';

export function statusDirectory(directory: string): string {
  return join(directory, STATE_DIRECTORY, 'status');
}

export function lockPath(directory: string): string {
  return join(directory, STATE_DIRECTORY, 'standalone.json');
}

/** Whether a standalone process works on this directory of manifests now. */
export async function isRunning(directory: string): Promise<boolean> {
  return (await lockHolder(lockPath(directory))) !== undefined;
}
