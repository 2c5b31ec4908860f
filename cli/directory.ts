// Checks the directory that a verb was given.
import { stat } from 'node:fs/promises';

/** Rejects in words when `directory` is not there or is none. */
export async function checkDirectory(directory: string): Promise<void> {
  const status = await stat(directory).catch((error: NodeJS.ErrnoException) => error);
  if (!(status instanceof Error)) {
    if (!status.isDirectory())
      throw new Error(`${directory} is no directory: give the directory of the manifests`);
    return;
  }
  if (status.code === 'ENOENT')
    throw new Error(`${directory} does not exist: give the directory of the manifests`);
  throw new Error(`${directory} cannot be read: ${status.message}`);
}
