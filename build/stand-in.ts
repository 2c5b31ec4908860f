// For the tests of the build: small programs inside the repository, where their imports resolve as the product's do.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const repository = join(import.meta.dirname, '..');

export interface StandIn extends Disposable {
  /** From the root of the repository. */
  readonly folder: string;
}

/** Writes sources by their names into a new folder under dist/, which goes when it is disposed of. */
export function standIn(sources: Readonly<Record<string, string>>): StandIn {
  mkdirSync(join(repository, 'dist'), { recursive: true });
  const path = mkdtempSync(join(repository, 'dist/stand-in-'));
  for (const [name, source] of Object.entries(sources)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), source);
  }
  return {
    folder: relative(repository, path),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
