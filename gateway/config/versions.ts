// The versions in which a snapshot is written: this build reads the present one and the one before it, and holds the present one.
import * as z from 'zod';
import { type Snapshot, SNAPSHOT_VERSION, snapshotSchema } from './snapshot.ts';

type Read = (document: unknown) => z.ZodSafeParseResult<Snapshot>;

/** Version 1 is version 2 without its additions. */
const VERSION_1 = z
  .looseObject({ version: z.literal(1) })
  .transform(refuseAdditions)
  .transform((document) => ({ ...(document as object), version: SNAPSHOT_VERSION }))
  .pipe(snapshotSchema);

const VERSIONS: ReadonlyMap<number, Read> = new Map<number, Read>([
  [1, (document) => VERSION_1.safeParse(document)],
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
 * What version 2 adds to version 1, by path: fields, and values of fields that were there. All of it is optional, and absent it
 * means what version 1 does.
 */
const ADDED_BY_2: readonly Addition[] = [
  { path: 'proxyProtocol' },
  { path: 'limits' },
  { path: 'routes.redirects.policy', values: ['Follow', 'Pass'] },
  { path: 'routes.redirects.allowedHosts' },
  { path: 'routes.redirects.allowBasicCredentials' },
  { path: 'routes.redirects.caFile' },
  { path: 'routes.throttling' },
  { path: 'routes.minProtocolVersion' },
  { path: 'routes.servers.weight' },
  { path: 'routes.balancing' },
  { path: 'routes.health' },
  { path: 'routes.limits.maxConnections' },
  { path: 'routes.limits.maxConnectionsPerServer' },
  { path: 'routes.limits.maxQueuedRequests' },
  { path: 'routes.limits.queueSeconds' },
  { path: 'routes.limits.maxReplayPercent' },
  { path: 'routes.timeouts.uploadFirstByteSeconds' },
  { path: 'routes.timeouts.downloadFirstByteSeconds' },
  { path: 'routes.authentication.oauth.protocol' },
  { path: 'routes.authentication.oauth.deviceAuthorizationEndpoint' },
  { path: 'routes.authentication.oauth.openIDConfigurationEndpoint' },
  { path: 'routes.authentication.oauth.answeredResource' },
  { path: 'routes.authentication.oauth.challenges' },
  { path: 'routes.autodiscover' },
  { path: 'routes.authentication.tokenPolicy' },
];

interface Addition {
  /** Names of fields; arrays are walked through. */
  readonly path: string;
  /** Only these values are new; else the field itself. */
  readonly values?: readonly unknown[];
}

/**
 * The document to write for a snapshot: in the oldest readable version that can say all of it. So an operator that is newer
 * than its gateways changes nothing for them as long as nothing new is used, and neither do gateways that are newer.
 */
export function documentOf(snapshot: Snapshot): {
  readonly version: number;
  readonly routes: Snapshot['routes'];
} {
  return firstAddition(snapshot) === undefined ? { ...snapshot, version: 1 } : snapshot;
}

/** The first thing in a document that version 1 does not know. */
function firstAddition(document: unknown): Addition | undefined {
  return ADDED_BY_2.find(({ path, values }) =>
    valuesAt(document, path.split('.')).some((value) => values === undefined || values.includes(value)),
  );
}

/** The values of all fields on a path, without those that are absent. */
function valuesAt(from: unknown, [name, ...rest]: readonly string[]): unknown[] {
  if (from === undefined || name === undefined) return from === undefined ? [] : [from];
  if (Array.isArray(from)) return from.flatMap((item) => valuesAt(item, [name, ...rest]));
  if (typeof from !== 'object' || from === null) return [];
  return valuesAt((from as Record<string, unknown>)[name], rest);
}

/** What is written as version 1 must be readable by the code that knew no other. */
function refuseAdditions(document: unknown, context: z.RefinementCtx): unknown {
  const addition = firstAddition(document);
  if (addition === undefined) return document;
  context.addIssue({
    code: 'custom',
    path: addition.path.split('.'),
    message: `${addition.path} is not known in version 1`,
  });
  return z.NEVER;
}
