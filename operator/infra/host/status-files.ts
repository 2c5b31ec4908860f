// Objects with their status as YAML files of one directory: what `sentry status` shows, and kubectl would.
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { writeFileAtomically } from '../../atomic-file.ts';
import type { ExchangeRoute } from '../../api/exchange-route.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';

export type ObjectWithStatus = SentryGateway | ExchangeRoute;

/** Writes the files that changed, and removes those of objects that are gone. */
export class StatusFiles {
  readonly #directory: string;
  /** JSON of the objects by file name. */
  readonly #written = new Map<string, string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Makes the directory hold exactly these objects, one file each. Not re-entrant. */
  async write(objects: readonly ObjectWithStatus[]): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const names = new Set<string>();
    for (const object of objects) {
      const name = fileName(object);
      names.add(name);
      const content = JSON.stringify(object);
      if (this.#written.get(name) === content) continue;
      await writeFileAtomically(join(this.#directory, name), stringify(object), 0o644);
      this.#written.set(name, content);
    }
    for (const name of await readdir(this.#directory)) {
      if (names.has(name)) continue;
      await rm(join(this.#directory, name), { recursive: true, force: true });
      this.#written.delete(name);
    }
  }

  /** What was written last, also by an earlier run: gateways first. A file that cannot be read is left out. */
  async read(): Promise<ObjectWithStatus[]> {
    const names = await readdir(this.#directory).catch(() => []);
    const files = names
      .filter((name) => /^[^.].*\.yaml$/.test(name))
      .toSorted()
      .toReversed();
    const objects = await Promise.all(files.map((name) => readObject(join(this.#directory, name))));
    return objects.filter((object) => object !== undefined);
  }
}

/** Names hold no dots, so that no two objects have the same file. */
function fileName({ kind, metadata }: ObjectWithStatus): string {
  return `${kind.toLowerCase()}.${metadata.namespace}.${metadata.name}.yaml`;
}

async function readObject(path: string): Promise<ObjectWithStatus | undefined> {
  try {
    return parse(await readFile(path, 'utf8')) as ObjectWithStatus;
  } catch {
    return undefined;
  }
}
