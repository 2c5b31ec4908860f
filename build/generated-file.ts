// A generated file is written, or with --check compared with what is committed.
import { readFile, writeFile } from 'node:fs/promises';

/** Writes the text, or in check mode says on stderr that the file differs and sets the exit code. */
export async function emit(path: string, text: string): Promise<void> {
  if (!process.argv.includes('--check')) {
    await writeFile(path, text);
    return;
  }
  const committed = await readFile(path, 'utf8').catch(() => undefined);
  if (committed === text) return;
  console.error(`${path} is not what its source says: run make generate and commit the result.`);
  process.exitCode = 1;
}
