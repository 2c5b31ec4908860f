// The objects of all manifest files together: last good versions, duplicates, and the generation that counts edits.
import type { ManifestFile } from './manifest-directory.ts';
import { type ManifestDocument, readDocuments } from './documents.ts';
import { type ManifestObject, namespaceObject, type Reading, readObject } from './objects.ts';
import type { ObjectReference, Problem, ProvidedResources } from '../types.ts';

/** Where an object stands. Lines count from 1. */
export interface Source {
  readonly file: string;
  readonly line: number;
}

/** One document, or one item of a List, with the problems that it has. */
interface Entry {
  readonly source: Source;
  readonly reading: Reading;
  readonly problems: readonly Problem[];
}

interface Served {
  readonly read: ManifestObject;
  readonly source: Source;
  readonly generation: number;
  /** The spec's text, by which edits are told from touches. */
  readonly spec: string;
}

/** `Kind namespace/name`. */
export function objectKey({ kind, namespace, name }: ObjectReference): string {
  return `${kind} ${namespace}/${name}`;
}

/** Names an object as people do: `ExchangeRoute default/mail`, `Namespace team-a`. */
function describe({ kind, namespace, name }: ObjectReference): string {
  return namespace === '' ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

export class ManifestSet {
  #served = new Map<string, Served>();
  #problems: readonly Problem[] = [];
  /** Readings of files that did not change. */
  #entries = new WeakMap<ManifestFile, readonly Entry[]>();

  /** Takes the files as they are now. An object that is refused keeps its last good version, as does a file's unreadable rest. */
  update(files: readonly ManifestFile[]): void {
    const entries = files.flatMap((file) => this.#entriesOf(file));
    const served = new Map<string, Served>();
    const problems = entries.flatMap((entry) => entry.problems);
    for (const [key, candidates] of candidatesByKey(entries)) {
      const before = this.#served.get(key);
      const chosen = candidates.find(({ source }) => source.file === before?.source.file) ?? candidates[0];
      if (chosen === undefined) continue;
      served.set(key, serve(chosen, before));
      problems.push(
        ...candidates.filter((one) => one !== chosen).map((one) => duplicate(one, chosen.source)),
      );
    }
    const kept = this.#kept(entries, served);
    for (const [key, object] of kept) served.set(key, object);
    this.#served = served;
    this.#problems = problems
      .map((problem) => (isKept(problem, kept) ? withNote(problem) : problem))
      .toSorted(bySource);
  }

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** Where each object stands, by `objectKey`. */
  get sources(): ReadonlyMap<string, Source> {
    return new Map([...this.#served].map(([key, { source }]) => [key, source]));
  }

  /** The objects by kind, each kind in the order of namespace and name; every namespace that occurs is there. */
  get resources(): ProvidedResources {
    const all = [...this.#served.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
    const of = <K extends ManifestObject['kind']>(kind: K) =>
      all.flatMap(({ read, generation }) =>
        read.kind === kind ? [withGeneration(read, generation)] : [],
      ) as Extract<ManifestObject, { kind: K }>['object'][];
    const declared = of('Namespace');
    const used = new Set(
      all.flatMap(({ read }) => (read.kind === 'Namespace' ? [] : [read.object.metadata.namespace])),
    );
    for (const { metadata } of declared) used.delete(metadata.name);
    return {
      gateways: of('SentryGateway'),
      routes: of('ExchangeRoute'),
      secrets: of('Secret'),
      configMaps: of('ConfigMap'),
      namespaces: [...declared, ...[...used].map((name) => namespaceObject(name))],
    };
  }

  #entriesOf(file: ManifestFile): readonly Entry[] {
    const known = this.#entries.get(file);
    if (known !== undefined) return known;
    const entries = readEntries(file);
    this.#entries.set(file, entries);
    return entries;
  }

  /** What was served, is not in the files in a good version, and may be what something refused there stands for. */
  #kept(entries: readonly Entry[], served: ReadonlyMap<string, Served>): Map<string, Served> {
    const refused = entries.flatMap(({ reading, source }) =>
      reading.outcome === 'Refused' ? [{ reference: reading.reference, file: source.file }] : [],
    );
    const keys = new Set(refused.flatMap(({ reference }) => (reference ? [objectKey(reference)] : [])));
    const files = new Set(refused.flatMap(({ reference, file }) => (reference ? [] : [file])));
    return new Map(
      [...this.#served].filter(
        ([key, { source }]) => !served.has(key) && (keys.has(key) || files.has(source.file)),
      ),
    );
  }
}

function readEntries({ path, content }: ManifestFile): readonly Entry[] {
  if ('error' in content) return [unreadable({ file: path, line: 1 }, content.error)];
  return readDocuments(content.text).flatMap((document) => {
    const source = { file: path, line: document.line };
    return 'error' in document ? [unreadable(source, document.error)] : documentEntries(path, document);
  });
}

function documentEntries(file: string, document: Exclude<ManifestDocument, { error: string }>): Entry[] {
  const list = document.value as { apiVersion?: unknown; kind?: unknown; items?: unknown } | null;
  if (list?.apiVersion === 'v1' && list.kind === 'List' && Array.isArray(list.items)) {
    return list.items.map((item, index) =>
      entryOf(file, readObject(item), (path) => document.lineOf(['items', index, ...path])),
    );
  }
  return [entryOf(file, readObject(document.value), (path) => document.lineOf(path))];
}

function entryOf(
  file: string,
  reading: Reading,
  lineOf: (path: readonly (string | number)[]) => number,
): Entry {
  const source = { file, line: lineOf([]) };
  switch (reading.outcome) {
    case 'Read':
      return { source, reading, problems: [] };
    case 'Ignored':
      return { source, reading, problems: [{ severity: 'Warning', message: reading.message, ...source }] };
    case 'Refused': {
      const { reference } = reading;
      const problems = reading.problems.map(({ path, message }): Problem => ({
        severity: 'Error',
        message: reference === undefined ? message : `${describe(reference)}: ${message}`,
        ...(reference && { object: reference }),
        file,
        line: lineOf(path),
      }));
      return { source, reading, problems };
    }
  }
}

function unreadable(source: Source, message: string): Entry {
  const reading = { outcome: 'Refused', reference: undefined, problems: [] } as const;
  return { source, reading, problems: [{ severity: 'Error', message, ...source }] };
}

type ReadEntry = Entry & { readonly reading: Extract<Reading, { outcome: 'Read' }> };

function candidatesByKey(entries: readonly Entry[]): Map<string, ReadEntry[]> {
  const read = entries.filter((entry): entry is ReadEntry => entry.reading.outcome === 'Read');
  return Map.groupBy(read, ({ reading }) => objectKey(reading.reference));
}

function serve({ reading, source }: ReadEntry, before: Served | undefined): Served {
  const spec = JSON.stringify('spec' in reading.object ? reading.object.spec : reading.object);
  const generation = before === undefined ? 1 : before.generation + (before.spec === spec ? 0 : 1);
  return { read: reading, source, generation, spec };
}

/** Counted here, whatever the file says: as the API server does. */
function withGeneration({ kind, object }: ManifestObject, generation: number): ManifestObject['object'] {
  if (kind !== 'SentryGateway' && kind !== 'ExchangeRoute') return object;
  return { ...object, metadata: { ...object.metadata, generation } };
}

function duplicate({ reading, source }: ReadEntry, first: Source): Problem {
  const { reference } = reading;
  const message = `${describe(reference)}: stands at ${first.file}:${first.line} already: remove one of the two`;
  return { severity: 'Error', message, object: reference, ...source };
}

function isKept({ object, file, severity }: Problem, kept: ReadonlyMap<string, Served>): boolean {
  if (severity !== 'Error') return false;
  if (object !== undefined) return kept.has(objectKey(object));
  return [...kept.values()].some(({ source }) => source.file === file);
}

function withNote(problem: Problem): Problem {
  return { ...problem, message: `${problem.message} (the last good version stays)` };
}

function bySource(a: Problem, b: Problem): number {
  if (a.file !== b.file) return (a.file ?? '') < (b.file ?? '') ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0);
}
