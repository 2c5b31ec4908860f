// Writes what an image holds into a folder.
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ImageEntry } from './oci-image.ts';

/** Writes the entries below the folder, which must not hold any of them yet. */
export function writeFolder(folder: string, entries: readonly ImageEntry[]): void {
  mkdirSync(folder, { recursive: true });
  for (const entry of entries) {
    const path = join(folder, entry.path);
    mkdirSync(dirname(path), { recursive: true });
    if ('folderMode' in entry) {
      mkdirSync(path, { recursive: true });
      chmodSync(path, entry.folderMode);
    } else if ('linkTo' in entry) {
      symlinkSync(entry.linkTo, path);
    } else if ('copyOf' in entry) {
      copyFileSync(entry.copyOf, path);
    } else {
      writeFileSync(path, entry.content, { mode: entry.mode ?? 0o644 });
    }
  }
}
