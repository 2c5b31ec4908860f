// A snapshot in a directory: a mounted projected volume, or what the operator writes on one machine.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EncodedSnapshot, INDEX_FILE, type Slot } from './files.ts';

/** Reads every file of a flat directory, following the kubelet's links; names that start with a dot are not files of ours. */
export async function readSlots(directory: string): Promise<Slot> {
  const names = (await readdir(directory)).filter((name) => !name.startsWith('.'));
  const contents = await Promise.all(
    names.map(async (name) => [name, await readIfThere(join(directory, name))] as const),
  );
  return new Map(contents.filter((entry): entry is [string, Buffer] => entry[1] !== null));
}

/** The index alone, which changes with every content; null while there is none. */
export async function readIndex(directory: string): Promise<Buffer | null> {
  return readIfThere(join(directory, INDEX_FILE));
}

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return null;
    throw error;
  }
}

/**
 * Writes a snapshot into a flat directory (made when missing, 0700; files 0600): shards first, the index last, then
 * removes what the index no longer names. A reader sees the old snapshot, `incomplete`, or the new one. A write that fails
 * takes back the files that it has brought, so that a volume that is full has room for the next snapshot.
 */
export async function writeSlots(directory: string, encoded: EncodedSnapshot): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const [index, ...shards] = encoded.slots;
  const files = [...shards, ...(index === undefined ? [] : [index])].flatMap((slot) => [...slot]);
  const before = new Set(await readdir(directory));
  try {
    for (const [name, content] of files) await replaceFile(directory, name, content);
  } catch (error) {
    const brought = files.map(([name]) => name).filter((name) => !before.has(name));
    await Promise.all(brought.map((name) => rm(join(directory, name), { force: true })));
    throw error;
  }
  const written = new Set(files.map(([name]) => name));
  const stale = (await readdir(directory, { withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.') && !written.has(entry.name))
    .map(({ name }) => name);
  await Promise.all(stale.map((name) => rm(join(directory, name), { force: true })));
}

async function replaceFile(directory: string, name: string, content: Buffer): Promise<void> {
  const temporary = join(directory, `.${name}.new`);
  try {
    await writeFile(temporary, content, { mode: 0o600 });
    await rename(temporary, join(directory, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
