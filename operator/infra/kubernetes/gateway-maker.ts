// Makes what a gateway needs in the cluster: its objects, its snapshot in Secrets, and nothing that is no longer wanted.
import { SnapshotTooLargeError } from '../../../gateway/config/files.ts';
import { ForeignObjectError } from '../../kube/apply.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, keyOf, type OwnerReference } from '../../kube/resource.ts';
import { fallbackPrefix, objectLabels, snapshotPrefix } from '../../translate/objects/metadata.ts';
import type { Key, TranslatedGateway } from '../../translate/types.ts';
import {
  type Deployment,
  isOperatorRollout,
  isRollingForOperator,
  planDeployment,
} from './deployment-plan.ts';
import { ObjectWriter, RefusedObjectError } from './object-writer.ts';
import type { OwnedObjects } from './owned-objects.ts';
import type { AdminAccess } from './report-reader.ts';
import { Rollouts } from './rollouts.ts';
import { type Delivery, type HashedSnapshot, type SlotRow, SnapshotSecrets } from './snapshot-secrets.ts';

/** A gateway that is to run, who owns what is made for it, and how its pods are asked. */
export interface ClusterGateway {
  readonly key: Key;
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  readonly owner: OwnerReference;
  /** Undefined while there are no keys. */
  readonly access: AdminAccess | undefined;
  /** Undefined where nothing of it can be served: then everything stays as it is. */
  readonly translated: TranslatedGateway | undefined;
  /** What keeps it from having keys or certificates. */
  readonly problem?: MakeProblem | undefined;
}

/** What keeps an object or the snapshot from being made, in words that say what to do. */
export interface MakeProblem {
  readonly reason: 'ForeignObject' | 'SnapshotTooLarge' | 'ObjectRefused';
  readonly message: string;
}

export interface Made {
  /** Undefined where the snapshot could not be written. */
  readonly delivery: Delivery | undefined;
  /** The first. */
  readonly problem: MakeProblem | undefined;
  /** Something else went wrong: worth trying again at once. */
  readonly error: unknown;
}

export interface GatewayMakerOptions {
  readonly client: KubeClient;
  readonly owned: OwnedObjects;
  /** How many gateways are rolled at once because the operator is another one. */
  readonly maxConcurrentRollouts: number;
  /** Called with gateways whose turn to be rolled may have come. */
  readonly onTurn: (gateways: readonly Key[]) => void;
}

export class GatewayMaker {
  readonly #options: GatewayMakerOptions;
  readonly #writer: ObjectWriter;
  readonly #snapshots: SnapshotSecrets;
  readonly #rollouts: Rollouts;

  constructor(options: GatewayMakerOptions) {
    this.#options = options;
    const { client, owned } = options;
    this.#writer = new ObjectWriter(client, owned);
    this.#snapshots = new SnapshotSecrets({ client, owned, writer: this.#writer });
    this.#rollouts = new Rollouts(options.maxConcurrentRollouts);
  }

  /**
   * Makes everything that is not there or not right; no request where all is. One thing that cannot be made keeps nothing else
   * from being made: above all not the snapshot. Never rejects.
   */
  async make(gateway: ClusterGateway, snapshot: HashedSnapshot | undefined): Promise<Made> {
    const work = new Attempts();
    const objects = gateway.translated?.objects ?? [];
    const first = objects.findIndex(({ kind }) => kind === 'Deployment');
    for (const object of objects.slice(0, Math.max(0, first))) {
      await work.attempt(() => this.#writer.apply(gateway.owner, object));
    }
    const delivery =
      snapshot && (await work.attempt(() => this.#snapshots.write(rowOf(gateway, snapshotPrefix), snapshot)));
    // An autoscaler that is no longer wanted goes before its number of pods is taken over.
    if (gateway.translated !== undefined) await work.attempt(() => this.#deleteLeftovers(gateway, objects));
    for (const object of objects.slice(Math.max(0, first))) {
      await work.attempt<unknown>(() =>
        object.kind === 'Deployment'
          ? this.#applyDeployment(gateway, object)
          : this.#writer.apply(gateway.owner, object),
      );
    }
    return { delivery, problem: gateway.problem ?? work.problem, error: work.error };
  }

  /** Keeps the snapshot that every pod has acknowledged, for pods that start while a later one is bad. */
  async acknowledge(gateway: ClusterGateway, snapshot: HashedSnapshot, delivery: Delivery): Promise<void> {
    await this.#snapshots.write(rowOf(gateway, fallbackPrefix), snapshot, delivery.generation);
  }

  /** The gateway is gone. */
  forget({ key, namespace, name }: ClusterGateway): void {
    for (const prefix of [snapshotPrefix({ name }), fallbackPrefix({ name })]) {
      this.#snapshots.forget({ namespace, prefix });
    }
    this.#options.onTurn(this.#rollouts.finish(key));
  }

  async #applyDeployment(gateway: ClusterGateway, wanted: Deployment): Promise<void> {
    const { key, generation, translated, owner } = gateway;
    if (translated === undefined) return;
    const live: Deployment | undefined = this.#options.owned.get(wanted);
    const input = { wanted, live, generation, replicas: translated.replicas };
    if (isRollingForOperator(input)) this.#rollouts.resume(key);
    else if (isOperatorRollout(input) && !this.#rollouts.begin(key)) return;
    try {
      await this.#writer.apply(owner, planDeployment(input), { locked: true });
    } finally {
      const after: Deployment | undefined = this.#options.owned.get(wanted);
      const isRolling = after !== undefined && isRollingForOperator({ ...input, live: after });
      if (!isRolling) this.#options.onTurn(this.#rollouts.finish(key));
    }
  }

  /** What carries the gateway's labels, belongs to it, and is not wanted; Secrets have rules of their own. */
  async #deleteLeftovers({ key, owner }: ClusterGateway, wanted: readonly KubeObject[]): Promise<void> {
    const names = new Set(wanted.map((object) => `${object.kind} ${keyOf(object)}`));
    for (const object of this.#options.owned.of(key)) {
      if (object.kind === 'Secret' || names.has(`${object.kind} ${keyOf(object)}`)) continue;
      await this.#writer.delete(owner, object);
    }
  }
}

function rowOf(
  { namespace, name, owner }: ClusterGateway,
  prefix: (gateway: { readonly name: string }) => string,
): SlotRow {
  return { namespace, prefix: prefix({ name }), owner, labels: objectLabels({ name }) };
}

/** Collects what goes wrong, so that one thing does not keep another from being made. */
class Attempts {
  problem: MakeProblem | undefined;
  error: unknown;

  async attempt<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await work();
    } catch (error) {
      const problem = problemOf(error);
      if (problem === undefined) this.error ??= error;
      else this.problem ??= problem;
      return undefined;
    }
  }
}

function problemOf(error: unknown): MakeProblem | undefined {
  if (error instanceof ForeignObjectError) return { reason: 'ForeignObject', message: error.message };
  if (error instanceof SnapshotTooLargeError) return { reason: 'SnapshotTooLarge', message: error.message };
  if (error instanceof RefusedObjectError) return { reason: 'ObjectRefused', message: error.message };
  return undefined;
}
