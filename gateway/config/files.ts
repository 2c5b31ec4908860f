// How a snapshot and its files become the slots (Secrets, or one directory) that a gateway reads, and back.
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import * as z from 'zod';
import { toDotPath } from 'zod/v4/core';
import type { Snapshot, SnapshotFiles } from './snapshot.ts';
import { documentOf, isReadable, parseDocument, READABLE_VERSIONS } from './versions.ts';

/** The file of the first slot: names every other file with its SHA-256. */
export const INDEX_FILE = 'index.json';

/** How much fits: Kubernetes takes 1 MiB a Secret, names and metadata included. */
export interface SlotLimits {
  /** Slots in all, the index among them. */
  readonly slots: number;
  /** Bytes of names and contents in one slot. */
  readonly slotBytes: number;
}

export const DEFAULT_SLOT_LIMITS: SlotLimits = { slots: 16, slotBytes: 900 * 1024 };

/** Routes of one shard, in bytes of JSON before compression: small enough that its gzip fits a slot whatever is in it. */
const SHARD_BYTES = 512 * 1024;
const MAX_SHARD_BYTES = 256 * 1024 * 1024;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Not strict, so that the index of a newer version is refused by its version. */
const indexSchema = z.object({
  version: z.int().positive(),
  generation: z.int().nonnegative(),
  /** Of the content: the same snapshot and files have the same hash, whatever the generation and the compression. */
  hash: sha256,
  /** The snapshot without its routes, then shards of routes in order. */
  shards: z.array(z.string()).min(1),
  files: z.record(z.string(), sha256),
});

/** Names and contents of one slot, to be written as one Secret. */
export type Slot = ReadonlyMap<string, Buffer>;

export interface EncodedSnapshot {
  readonly hash: string;
  /** The first holds the index alone and is written last. No two slots share a file name. */
  readonly slots: readonly Slot[];
}

/** Thrown by `encodeSnapshot` when the content does not fit; `status/` shows it as `Programmed=False, SnapshotTooLarge`. */
export class SnapshotTooLargeError extends Error {
  readonly code = 'SnapshotTooLarge';
}

export interface DecodedSnapshot {
  /** In which it is written; `snapshot` is of the present version. */
  readonly version: number;
  readonly snapshot: Snapshot;
  readonly files: SnapshotFiles;
  readonly generation: number;
  readonly hash: string;
}

/**
 * What a directory holds. `incomplete`: index and files do not belong together (yet): keep the old one and read again.
 * `bad`: they do, and cannot be served; `hash` is that of the content, or of the index where that cannot be read.
 */
export type Decoded =
  | ({ readonly kind: 'ok' } & DecodedSnapshot)
  | { readonly kind: 'incomplete'; readonly message: string }
  | { readonly kind: 'bad'; readonly hash: string; readonly message: string };

const digest = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

/** SHA-256 of snapshot and files: equal exactly when the content is equal (64 hex digits). */
export function snapshotHash(snapshot: Snapshot, files: SnapshotFiles): string {
  return documentHash(documentOf(snapshot), files);
}

/** Of the document as it is written: what a later version would make of it does not matter. */
function documentHash(document: unknown, files: SnapshotFiles): string {
  const names = [...files.keys()].toSorted();
  const fileHashes = names.map((name) => [name, digest(files.get(name) ?? '')]);
  return digest(JSON.stringify([canonical(document), fileHashes]));
}

/** The same value with the keys of every object in order, so that equal content is equal text. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, canonical(member)]),
  );
}

/**
 * Splits a snapshot and its files over slots.
 *
 * @param generation counts upwards with each content that the operator writes; not part of the hash.
 * @throws SnapshotTooLargeError when it does not fit `limits`.
 */
export function encodeSnapshot(
  snapshot: Snapshot,
  files: SnapshotFiles,
  generation: number,
  limits: SlotLimits = DEFAULT_SLOT_LIMITS,
): EncodedSnapshot {
  const document = documentOf(snapshot);
  const shards = shardsOf(document);
  const contents = new Map<string, Buffer>([
    ...shards,
    ...[...files].toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  const hash = documentHash(document, files);
  const index: z.infer<typeof indexSchema> = {
    version: document.version,
    generation,
    hash,
    shards: [...shards.keys()],
    files: Object.fromEntries([...contents].map(([name, content]) => [name, digest(content)])),
  };
  const first = new Map([[INDEX_FILE, Buffer.from(JSON.stringify(index))]]);
  const slots = [...pack(first, limits), ...pack(contents, limits)];
  if (slots.length > limits.slots) {
    throw new SnapshotTooLargeError(
      `the configuration needs ${slots.length} slots of ${limits.slotBytes} bytes and ${limits.slots} exist: ` +
        'attach fewer routes or name fewer users to one gateway',
    );
  }
  return { hash, slots };
}

/** Named by content, so that a file of an older snapshot is never taken for one of a newer. */
function shardsOf(document: ReturnType<typeof documentOf>): Map<string, Buffer> {
  const { routes, ...rest } = document;
  const texts = [JSON.stringify(canonical(rest)), ...routeTexts(routes)];
  return new Map(
    texts.map((text, at) => {
      const name = `${at === 0 ? 'gateway' : `routes-${at}`}-${digest(text).slice(0, 32)}.json.gz`;
      return [name, gzipSync(text, { level: 9 })];
    }),
  );
}

function routeTexts(routes: Snapshot['routes']): string[] {
  const texts: string[] = [];
  let open: string[] = [];
  let bytes = 0;
  for (const route of routes) {
    const text = JSON.stringify(canonical(route));
    const textBytes = Buffer.byteLength(text);
    if (open.length > 0 && bytes + textBytes > SHARD_BYTES) {
      texts.push(`[${open.join(',')}]`);
      open = [];
      bytes = 0;
    }
    open.push(text);
    bytes += textBytes;
  }
  return open.length > 0 ? [...texts, `[${open.join(',')}]`] : texts;
}

/** Files in order into slots, the next one into the current slot as long as it fits. */
function pack(contents: Slot, { slotBytes }: SlotLimits): Slot[] {
  const slots: Map<string, Buffer>[] = [];
  let free = 0;
  for (const [name, content] of contents) {
    const bytes = Buffer.byteLength(name) + content.length;
    if (bytes > slotBytes) {
      throw new SnapshotTooLargeError(
        `${name} takes ${bytes} bytes and a slot holds ${slotBytes}: name fewer users in one route, or shorten the CA bundle`,
      );
    }
    if (bytes > free) {
      slots.push(new Map());
      free = slotBytes;
    }
    slots.at(-1)?.set(name, content);
    free -= bytes;
  }
  return slots;
}

/** Reads what the slots hold together: all their files in one map, in any order, others among them ignored. */
export function decodeSnapshot(contents: Slot): Decoded {
  const indexBytes = contents.get(INDEX_FILE);
  if (indexBytes === undefined) return { kind: 'incomplete', message: `${INDEX_FILE} is missing` };
  const bad = (message: string, hash = digest(indexBytes)): Decoded => ({ kind: 'bad', hash, message });
  const parsedIndex = parseIndex(indexBytes);
  if (parsedIndex === undefined) return { kind: 'incomplete', message: `${INDEX_FILE} is cut short` };
  if (!parsedIndex.success) return bad(`${INDEX_FILE}: ${describe(parsedIndex.error)}`);
  const index = parsedIndex.data;
  if (!isReadable(index.version)) {
    const message = `snapshot version ${index.version} is not one that this gateway reads (${READABLE_VERSIONS})`;
    return bad(message, index.hash);
  }
  const mismatch = Object.entries(index.files).find(([name, hash]) => {
    const content = contents.get(name);
    return content === undefined || digest(content) !== hash;
  });
  if (mismatch !== undefined) {
    const state = contents.has(mismatch[0]) ? 'is of another snapshot' : 'is missing';
    return { kind: 'incomplete', message: `${mismatch[0]} ${state}` };
  }
  const document = joinShards(index.shards, contents);
  if (typeof document === 'string') return bad(document, index.hash);
  const names = Object.keys(index.files).filter((name) => !index.shards.includes(name));
  const files = new Map(names.map((name) => [name, contents.get(name) ?? Buffer.alloc(0)]));
  const parsed = parseDocument(document, index.version);
  if (!parsed.success) return bad(describe(parsed.error), index.hash);
  if (documentHash(document, files) !== index.hash)
    return bad('the content does not have the hash of its index', index.hash);
  const { version, generation, hash } = index;
  return { kind: 'ok', version, snapshot: parsed.data, files, generation, hash };
}

/** The document in one piece, not yet checked, or what keeps it from being read. */
function joinShards(names: readonly string[], contents: Slot): object | string {
  const parts: unknown[] = [];
  for (const name of names) {
    const shard = contents.get(name);
    if (shard === undefined) return `${INDEX_FILE}: ${name} is a shard and not a file`;
    try {
      parts.push(JSON.parse(gunzipSync(shard, { maxOutputLength: MAX_SHARD_BYTES }).toString()));
    } catch (error) {
      return `${name}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  const [rest, ...routes] = parts;
  return { ...(rest as object), routes: routes.flat() };
}

/** Undefined where it is no JSON: what is half written never is. */
function parseIndex(content: Buffer): z.ZodSafeParseResult<z.infer<typeof indexSchema>> | undefined {
  try {
    return indexSchema.safeParse(JSON.parse(content.toString()));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The first three issues, each with its path: enough to act on, and short enough for a status. */
function describe(error: z.ZodError): string {
  const issues = error.issues.slice(0, 3).map((issue) => `${toDotPath(issue.path)}: ${issue.message}`);
  const more = error.issues.length - issues.length;
  return issues.join('; ') + (more > 0 ? ` (and ${more} more)` : '');
}
