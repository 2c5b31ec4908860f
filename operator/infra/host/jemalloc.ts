// Finds jemalloc, which gives the memory of departed phones back to the system where glibc's malloc keeps it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const LIBRARY = 'libjemalloc.so.2';
const triplets: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
};
const SETTINGS = 'dirty_decay_ms:500,muzzy_decay_ms:0,background_thread:true';

/** Where distributions put shared libraries. */
export const libraryDirectories: readonly string[] = [
  ...[triplets[process.arch] ?? []].flat().flatMap((triplet) => [`/usr/lib/${triplet}`, `/lib/${triplet}`]),
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
];

/**
 * The variables that make a child run on jemalloc, over those of `environment` (whose own preloads stay); empty where
 * none of `directories` holds the library. MALLOC_CONF of the environment wins.
 */
export function jemallocEnvironment(
  environment: NodeJS.ProcessEnv,
  directories: readonly string[] = libraryDirectories,
): Record<string, string> {
  const found = directories.map((directory) => join(directory, LIBRARY)).find((path) => existsSync(path));
  if (found === undefined) return {};
  const preload = [environment['LD_PRELOAD'], found].filter(Boolean).join(' ');
  return { LD_PRELOAD: preload, MALLOC_CONF: environment['MALLOC_CONF'] ?? SETTINGS };
}
