// Writes a file whole or not at all: a reader never sees half of it, nor does a crash leave one.
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Replaces `path` by `content` with the permissions `mode`, through a dot file beside it that is synced and renamed.
 * Rejects with the error of the file system; then `path` is as it was.
 */
export async function writeFileAtomically(
  path: string,
  content: string | Buffer,
  mode: number,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    await using file = await open(temporary, 'wx', mode);
    await file.chmod(mode);
    await file.writeFile(content);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
