// Where standalone mode keeps what it makes: in the manifests' directory, under a name that is no manifest.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lockHolder } from './infra/host/process-lock.ts';
import type { KeyOwner } from './pki/key-store.ts';

/**
 * `<namespace>/<name>/` for each gateway (`ca.crt`, keys, snapshots, sockets), `status/` for the objects with their
 * status, and the lock of the process that runs.
 */
export const STATE_DIRECTORY = '.sentry';

/** Makes the directory; what lies in it, private keys too, is kept out of the version control of the manifests. */
export async function makeStateDirectory(directory: string): Promise<string> {
  const state = join(directory, STATE_DIRECTORY);
  await mkdir(state, { recursive: true });
  await writeFile(join(state, '.gitignore'), '*\n');
  return state;
}

export function statusDirectory(directory: string): string {
  return join(directory, STATE_DIRECTORY, 'status');
}

/** The certificate that phones have to trust for listeners with `tls.selfSigned`. */
export function authorityPath(directory: string, gateway: KeyOwner): string {
  return join(directory, STATE_DIRECTORY, gateway.namespace, gateway.name, 'ca.crt');
}

export function lockPath(directory: string): string {
  return join(directory, STATE_DIRECTORY, 'standalone.json');
}

/** Whether a standalone process works on this directory of manifests now. */
export async function isRunning(directory: string): Promise<boolean> {
  return (await lockHolder(lockPath(directory))) !== undefined;
}
