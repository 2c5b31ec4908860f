// The snapshot of a gateway in Secrets, one a slot: shards first, the index last, then what is left over goes.
import {
  decodeSnapshot,
  type EncodedSnapshot,
  encodeSnapshot,
  INDEX_FILE,
  snapshotHash,
} from '../../../gateway/config/files.ts';
import { isNotFound } from '../../kube/api-error.ts';
import { applyOwned, deleteOwned } from '../../kube/apply.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, type OwnerReference, resourceTypes } from '../../kube/resource.ts';
import type { SnapshotWithFiles } from '../../translate/types.ts';

/** Marks the Secrets of one snapshot; its value is their common prefix. */
export const SNAPSHOT_LABEL = 'sentrygateway.io/snapshot';

interface SlotSecret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** One row of slots: `<prefix>-<slot>`, as the gateway's Deployment mounts them. */
export interface SlotRow {
  readonly namespace: string;
  readonly prefix: string;
  readonly owner: OwnerReference;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Delivery {
  readonly hash: string;
  readonly generation: number;
  /** True when something was written, so that the kubelets have to be told. */
  readonly written: boolean;
}

/**
 * Makes the slots hold this snapshot; its generation is one above what stood there, or the same where the content is.
 * @throws SnapshotTooLargeError, ForeignObjectError, ApiError
 */
export async function writeSnapshot(
  client: KubeClient,
  row: SlotRow,
  { snapshot, files }: SnapshotWithFiles,
): Promise<Delivery> {
  const live = await readIndex(client, row);
  const hash = snapshotHash(snapshot, files);
  const generation = live === undefined ? 1 : live.generation + (live.hash === hash ? 0 : 1);
  const encoded = encodeSnapshot(snapshot, files, generation);
  let written = false;
  for (let slot = encoded.slots.length - 1; slot >= 0; slot -= 1) {
    const result = await applyOwned(client, row.owner, secretOf(row, slot, encoded));
    written ||= result !== 'unchanged';
  }
  await deleteLeftovers(client, row, encoded.slots.length);
  return { hash, generation, written };
}

/** The snapshot that stands in a row of slots; undefined where there is none, or none that is whole. @throws ApiError */
export async function readSnapshot(
  client: KubeClient,
  { namespace, prefix }: Pick<SlotRow, 'namespace' | 'prefix'>,
): Promise<SnapshotWithFiles | undefined> {
  const { items } = await client.list<SlotSecret>(resourceTypes.secret, {
    namespace,
    labelSelector: `${SNAPSHOT_LABEL}=${prefix}`,
  });
  const contents = items.flatMap(({ data }) =>
    Object.entries(data ?? {}).map(([name, text]) => [name, Buffer.from(text, 'base64')] as const),
  );
  const decoded = decodeSnapshot(new Map(contents));
  return decoded.kind === 'ok' ? decoded : undefined;
}

async function readIndex(
  client: KubeClient,
  { namespace, prefix }: SlotRow,
): Promise<{ hash: string; generation: number } | undefined> {
  try {
    const secret = await client.get<SlotSecret>(resourceTypes.secret, { namespace, name: `${prefix}-0` });
    const index = Buffer.from(secret.data?.[INDEX_FILE] ?? '', 'base64').toString('utf8');
    return JSON.parse(index) as { hash: string; generation: number };
  } catch (error) {
    if (isNotFound(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function secretOf(
  { namespace, prefix, owner, labels }: SlotRow,
  slot: number,
  { slots }: EncodedSnapshot,
): KubeObject & { readonly data: Record<string, string> } {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      namespace,
      name: `${prefix}-${slot}`,
      labels: { ...labels, [SNAPSHOT_LABEL]: prefix },
      ownerReferences: [owner],
    },
    data: Object.fromEntries(
      [...(slots[slot] ?? [])].map(([name, content]) => [name, content.toString('base64')]),
    ),
  };
}

async function deleteLeftovers(client: KubeClient, row: SlotRow, count: number): Promise<void> {
  const { items } = await client.list(resourceTypes.secret, {
    namespace: row.namespace,
    labelSelector: `${SNAPSHOT_LABEL}=${row.prefix}`,
    metadataOnly: true,
  });
  for (const { metadata } of items) {
    const slot = Number(metadata.name.slice(row.prefix.length + 1));
    if (slot >= count) {
      await deleteOwned(client, row.owner, { apiVersion: 'v1', kind: 'Secret', metadata });
    }
  }
}
