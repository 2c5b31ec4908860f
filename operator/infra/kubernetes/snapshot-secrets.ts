// The snapshot of a gateway in Secrets, one a slot: shards first, the index last, then what is left over goes.
import {
  decodeSnapshot,
  type EncodedSnapshot,
  encodeSnapshot,
  INDEX_FILE,
  snapshotHash,
} from '../../../gateway/config/files.ts';
import { isNotFound } from '../../kube/api-error.ts';
import { APPLIED_HASH, isOwnedBy } from '../../kube/apply.ts';
import { FIELD_MANAGER, type KubeClient } from '../../kube/client.ts';
import { inParallel } from '../../kube/in-parallel.ts';
import { type KubeObject, type OwnerReference, resourceTypes } from '../../kube/resource.ts';
import type { SnapshotWithFiles } from '../../translate/types.ts';
import type { ObjectWriter } from './object-writer.ts';
import { appliedDataKeys, type OwnedObjects } from './owned-objects.ts';

/** Marks the Secrets of one snapshot; its value is their common prefix. */
export const SNAPSHOT_LABEL = 'sentrygateway.io/snapshot';
/** On the first slot, what its index says: so that nobody has to read the Secret. */
const HASH = 'sentrygateway.io/snapshot-hash';
const GENERATION = 'sentrygateway.io/snapshot-generation';

const WRITTEN_AT_ONCE = 4;

interface SlotSecret extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

/** One row of slots: `<prefix>-<slot>`, as the gateway's Deployment mounts them. */
export interface SlotRow {
  readonly namespace: string;
  readonly prefix: string;
  readonly owner: OwnerReference;
  readonly labels: Readonly<Record<string, string>>;
}

/** What stands in a row of slots. */
export interface Standing {
  readonly hash: string;
  readonly generation: number;
}

export interface Delivery extends Standing {
  /** True when this is another content than before, so that the kubelets have to be told. */
  readonly written: boolean;
}

/** A snapshot with its hash, which takes a while to compute. */
export interface HashedSnapshot extends SnapshotWithFiles {
  readonly hash: string;
}

export function withHash({ snapshot, files }: SnapshotWithFiles): HashedSnapshot {
  return { snapshot, files, hash: snapshotHash(snapshot, files) };
}

export interface SnapshotSecretsOptions {
  readonly client: KubeClient;
  readonly owned: OwnedObjects;
  readonly writer: ObjectWriter;
}

/** Writes only the slots that differ: they are told by what a watch shows of them, without their content. */
export class SnapshotSecrets {
  readonly #options: SnapshotSecretsOptions;
  /** What each row was given last, by its prefix: it need not be encoded again to see that it still stands there. */
  readonly #rows = new Map<string, WrittenRow>();

  constructor(options: SnapshotSecretsOptions) {
    this.#options = options;
  }

  /**
   * Makes the slots hold this snapshot.
   * @param generation undefined: one above what stands there, or the same where the content is
   * @throws SnapshotTooLargeError, ForeignObjectError, ApiError
   */
  async write(
    row: SlotRow,
    { snapshot, files, hash }: HashedSnapshot,
    generation?: number,
  ): Promise<Delivery> {
    const id = `${row.namespace}/${row.prefix}`;
    const written = this.#rows.get(id);
    if (written?.delivery.hash === hash && this.#stands(row, written, generation))
      return { ...written.delivery, written: false };
    const live = await this.#delivered(row);
    const next = generation ?? (live === undefined ? 1 : live.generation + (live.hash === hash ? 0 : 1));
    const encoded = encodeSnapshot(snapshot, files, next);
    const delivery: Standing = { hash, generation: next };
    const [index, ...shards] = encoded.slots.map((_, slot) => secretOf(row, slot, encoded, delivery));
    const apply = (secret: SlotSecret) => this.#options.writer.apply(row.owner, secret, { isCurrent });
    await inParallel(WRITTEN_AT_ONCE, shards, apply);
    const result = index && (await apply(index));
    await this.#deleteLeftovers(row, encoded.slots.length);
    const slots = encoded.slots.map((contents, slot) => ({
      applied: this.#live(row, slot)?.metadata.annotations?.[APPLIED_HASH],
      names: [...contents.keys()],
    }));
    this.#rows.set(id, { delivery, slots });
    return { ...delivery, written: result !== 'unchanged' };
  }

  /** Forgets what the rows of a gateway that is gone were given. */
  forget({ namespace, prefix }: Pick<SlotRow, 'namespace' | 'prefix'>): void {
    this.#rows.delete(`${namespace}/${prefix}`);
  }

  #stands(row: SlotRow, { delivery, slots }: WrittenRow, generation: number | undefined): boolean {
    return (
      (generation ?? delivery.generation) === delivery.generation &&
      this.#leftovers(row, slots.length).length === 0 &&
      slots.every(({ applied, names }, slot) => {
        const live = this.#live(row, slot);
        return (
          live !== undefined &&
          isOwnedBy(live, row.owner) &&
          holds(live, { applied, names, labels: row.labels })
        );
      })
    );
  }

  async #delivered(row: SlotRow): Promise<Standing | undefined> {
    const first = this.#live(row, 0);
    if (first === undefined) return undefined;
    const { [HASH]: hash, [GENERATION]: generation } = first.metadata.annotations ?? {};
    if (hash !== undefined && generation !== undefined) return { hash, generation: Number(generation) };
    return readIndex(this.#options.client, row);
  }

  #live({ namespace, prefix }: SlotRow, slot: number): KubeObject | undefined {
    return this.#options.owned.get({ kind: 'Secret', metadata: { namespace, name: `${prefix}-${slot}` } });
  }

  #leftovers({ namespace, owner, prefix }: SlotRow, count: number): KubeObject[] {
    return this.#options.owned
      .of(`${namespace}/${owner.name}`)
      .filter(({ metadata }) => metadata.labels?.[SNAPSHOT_LABEL] === prefix)
      .filter(({ metadata }) => Number(metadata.name.slice(prefix.length + 1)) >= count);
  }

  async #deleteLeftovers(row: SlotRow, count: number): Promise<void> {
    const { writer } = this.#options;
    await inParallel(WRITTEN_AT_ONCE, this.#leftovers(row, count), (secret) =>
      writer.delete(row.owner, secret),
    );
  }
}

/** What is remembered of a row: of each slot the hash of what was applied, and its entries. */
interface WrittenRow {
  readonly delivery: Standing;
  readonly slots: readonly { readonly applied: string | undefined; readonly names: readonly string[] }[];
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

/** For slots that were written before their annotations said it. */
async function readIndex(client: KubeClient, { namespace, prefix }: SlotRow): Promise<Standing | undefined> {
  try {
    const name = `${prefix}-0`;
    const secret = await client.get<SlotSecret>(resourceTypes.secret, { namespace, name });
    const index = Buffer.from(secret.data[INDEX_FILE] ?? '', 'base64').toString('utf8');
    return JSON.parse(index) as Standing;
  } catch (error) {
    if (isNotFound(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function secretOf(
  { namespace, prefix, owner, labels }: SlotRow,
  slot: number,
  { slots }: EncodedSnapshot,
  { hash, generation }: Standing,
): SlotSecret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      namespace,
      name: `${prefix}-${slot}`,
      labels: { ...labels, [SNAPSHOT_LABEL]: prefix },
      ownerReferences: [owner],
      ...(slot === 0 && { annotations: { [HASH]: hash, [GENERATION]: String(generation) } }),
    },
    data: Object.fromEntries(
      [...(slots[slot] ?? [])].map(([name, content]) => [name, content.toString('base64')]),
    ),
  };
}

function isCurrent(wanted: KubeObject, live: KubeObject): boolean {
  const { annotations, labels = {} } = wanted.metadata;
  const names = Object.keys((wanted as SlotSecret).data);
  return holds(live, { applied: annotations?.[APPLIED_HASH], names, labels });
}

interface Expected {
  readonly applied: string | undefined;
  readonly names: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Judged by metadata: the hash of what was applied, and that nobody has changed an entry since. */
function holds(live: KubeObject, { applied, names, labels }: Expected): boolean {
  if (applied === undefined || live.metadata.annotations?.[APPLIED_HASH] !== applied) return false;
  const keys = appliedDataKeys(live, FIELD_MANAGER);
  return (
    Object.entries(labels).every(([name, value]) => live.metadata.labels?.[name] === value) &&
    names.every((name) => keys.has(name))
  );
}
