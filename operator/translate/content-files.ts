// Files named by their content, so that an unchanged certificate keeps its name and a changed one never hides behind it.
import { createHash } from 'node:crypto';

const extensions = { ca: 'pem', certificate: 'pem', key: 'pem', ticket: 'key' } as const;

/** What a file beside the snapshot holds. */
export type FileKind = keyof typeof extensions;

/** Collects the files of one snapshot. */
export class ContentFiles {
  readonly #files = new Map<string, Buffer>();

  /** Adds a file (text or bytes) and returns its name: `<kind>-<first 16 hex digits of its SHA-256>.<extension>`. */
  add(kind: FileKind, content: string | Buffer): string {
    const bytes = Buffer.from(content);
    const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
    const name = `${kind}-${digest}.${extensions[kind]}`;
    this.#files.set(name, bytes);
    return name;
  }

  /** Adds a file of an earlier snapshot under the name that it has there. */
  keep(name: string, content: Buffer): void {
    this.#files.set(name, content);
  }

  /** The files by name, sorted by it. */
  all(): ReadonlyMap<string, Buffer> {
    return new Map([...this.#files].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}
