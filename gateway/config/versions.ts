// The versions in which a snapshot is written: this build reads the present one and the one before it, and holds the present one.
import type * as z from 'zod';
import { type Snapshot, SNAPSHOT_VERSION, snapshotSchema, snapshotSchemaV1 } from './snapshot.ts';

type Read = (document: unknown) => z.ZodSafeParseResult<Snapshot>;

const VERSIONS: ReadonlyMap<number, Read> = new Map<number, Read>([
  [1, (document) => snapshotSchemaV1.transform(upgradeV1).safeParse(document)],
  [2, (document) => snapshotSchema.safeParse(document)],
]);

/** In words, for messages: `1 and 2`. */
export const READABLE_VERSIONS = [...VERSIONS.keys()].join(' and ');

export function isReadable(version: number): boolean {
  return VERSIONS.has(version);
}

/**
 * Checks a document against the schema of its version and brings it up to the present one.
 *
 * @throws RangeError for a version that is not readable.
 */
export function parseDocument(document: unknown, version: number): ReturnType<Read> {
  const read = VERSIONS.get(version);
  if (read === undefined) throw new RangeError(`snapshot version ${version}`);
  return read(document);
}

/**
 * The document to write for a snapshot: in the oldest readable version that can say all of it. So an operator that is newer
 * than its gateways changes nothing for them as long as nothing new is used, and neither do gateways that are newer.
 */
export function documentOf(snapshot: Snapshot): {
  readonly version: number;
  readonly routes: Snapshot['routes'];
} {
  const { proxyProtocol, ...rest } = snapshot;
  return proxyProtocol === undefined ? { ...rest, version: 1 } : snapshot;
}

/** Version 2 adds `proxyProtocol`, which is absent where it is not spoken. */
function upgradeV1(document: z.infer<typeof snapshotSchemaV1>): Snapshot {
  return { ...document, version: SNAPSHOT_VERSION };
}
