// The manifest files of a directory, looked at again and again: a file counts once it stopped changing.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file's text, or why it cannot be read. The same object as long as the file is the same. */
export interface ManifestFile {
  /** The directory as it was given, joined with the file's name. */
  readonly path: string;
  readonly content: { readonly text: string } | { readonly error: string };
}

/** Larger than any manifest that fits into a cluster (1 MiB an object). */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 2_000;

/** What tells a file from its earlier self; `gone` for one that is no longer there. */
type Stamp = string;
const GONE: Stamp = 'gone';

export class ManifestDirectory {
  readonly #directory: string;
  /** Stamps of the last look. */
  #seen = new Map<string, Stamp>();
  /** What counts, with the stamp of its content. */
  readonly #files = new Map<string, { stamp: Stamp; file: ManifestFile }>();

  #settled = false;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Whether the last look found every file as the one before it had. */
  get settled(): boolean {
    return this.#settled;
  }

  /** The files that count, in the order of their names. */
  get files(): ManifestFile[] {
    return [...this.#files].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, { file }]) => file);
  }

  /**
   * Looks at the directory. A file that is new, changed or gone counts when two looks one after the other found it the
   * same, so that half-written files and editors that remove and rename do no harm; with `now`, at once. Resolves with
   * whether anything counts that did not before. Rejects when the directory cannot be read.
   */
  async look(options: { readonly now?: boolean; readonly signal: AbortSignal }): Promise<boolean> {
    const stamps = await this.#stamps();
    let changed = false;
    this.#settled = true;
    for (const name of new Set([...stamps.keys(), ...this.#files.keys()])) {
      const stamp = stamps.get(name) ?? GONE;
      const counted = this.#files.get(name)?.stamp ?? GONE;
      if (counted === stamp) continue;
      const steady = options.now === true || this.#seen.get(name) === stamp;
      const taken = steady && (await this.#take(name, stamp, options.signal));
      this.#settled &&= taken;
      changed ||= taken;
    }
    this.#seen = new Map([...this.#files.keys()].map((name) => [name, GONE] as const).concat([...stamps]));
    return changed;
  }

  async #stamps(): Promise<Map<string, Stamp>> {
    const names = (await readdir(this.#directory)).filter((name) => /^[^.].*\.(?:yaml|yml|json)$/.test(name));
    if (names.length > MAX_FILES) {
      throw new Error(`${this.#directory} holds more than ${MAX_FILES} manifest files: join some of them`);
    }
    const stamps = await Promise.all(names.map(async (name) => [name, await this.#stamp(name)] as const));
    return new Map(stamps.filter(([, stamp]) => stamp !== GONE));
  }

  async #stamp(name: string): Promise<Stamp> {
    try {
      const { ino, size, mtimeNs, mode } = await stat(join(this.#directory, name), { bigint: true });
      return `${ino} ${size} ${mtimeNs} ${mode}`;
    } catch {
      return GONE;
    }
  }

  /** Reads the file; false when it changed meanwhile, so that the next look judges it again. */
  async #take(name: string, stamp: Stamp, signal: AbortSignal): Promise<boolean> {
    if (stamp === GONE) return this.#files.delete(name);
    const path = join(this.#directory, name);
    const content = await readManifestFile(path, signal);
    if ((await this.#stamp(name)) !== stamp) return false;
    this.#files.set(name, { stamp, file: { path, content } });
    return true;
  }
}

async function readManifestFile(path: string, signal: AbortSignal): Promise<ManifestFile['content']> {
  try {
    const status = await stat(path);
    if (!status.isFile()) return { error: 'is no file: remove it or rename it' };
    if (status.size > MAX_FILE_BYTES) return { error: `is larger than ${MAX_FILE_BYTES} bytes: split it` };
    const bytes = await readFile(path, { signal });
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TypeError) return { error: 'is not UTF-8 text' };
    const { code } = error as NodeJS.ErrnoException;
    return { error: code === 'EACCES' ? 'cannot be read: permission denied' : `cannot be read (${code})` };
  }
}
