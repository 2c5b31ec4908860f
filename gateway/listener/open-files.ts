// How many files this process may open: Node raises its soft limit to the hard one at start.
import { readFileSync } from 'node:fs';

/** For everything but phones and servers: files, logs, probes, the admin port. */
const RESERVED = 256;

/** Phones' connections that leave a descriptor for a server's connection each; undefined where there is no limit to be known. */
export function connectionLimit(): number | undefined {
  const openFiles = openFilesLimit();
  return openFiles === undefined ? undefined : Math.max(64, Math.floor((openFiles - RESERVED) / 2));
}

function openFilesLimit(): number | undefined {
  try {
    const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}
