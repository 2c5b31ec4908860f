// Keeps keys in files: `<directory>/<namespace>/<name>/ca.crt` and, readable by the owner alone, everything else.
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../atomic-file.ts';
import type { KeyEntries, KeyOwner, KeyStore } from './key-store.ts';

const entryName = /^(?:[a-z0-9-]+\.(?:crt|key)|ticket-key\.json)$/;
const dnsLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** A store below `directory`, which need not be there yet. Foreign files beside the entries are left alone. */
export class FileKeyStore implements KeyStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async load(owner: KeyOwner, signal: AbortSignal): Promise<KeyEntries> {
    const folder = this.#folder(owner);
    const names = await entryNames(folder);
    const texts = names.map(
      async (name) => [name, await readFile(join(folder, name), { encoding: 'utf8', signal })] as const,
    );
    return new Map(await Promise.all(texts));
  }

  async save(owner: KeyOwner, entries: KeyEntries, signal: AbortSignal): Promise<void> {
    const folder = this.#folder(owner);
    await mkdir(folder, { recursive: true });
    const present = await this.load(owner, signal);
    for (const [name, text] of entries) {
      if (present.get(name) === text) continue;
      await writeFileAtomically(join(folder, name), text, name === 'ca.crt' ? 0o644 : 0o600);
    }
    for (const name of present.keys()) {
      if (!entries.has(name)) await rm(join(folder, name), { force: true });
    }
  }

  #folder({ namespace, name }: KeyOwner): string {
    if (!dnsLabel.test(namespace) || !dnsLabel.test(name)) {
      throw new Error(
        `${namespace}/${name} is no name of a gateway: use lower case letters, digits and dashes`,
      );
    }
    return join(this.#directory, namespace, name);
  }
}

async function entryNames(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile() && entryName.test(entry.name)).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
