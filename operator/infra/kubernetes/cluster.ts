// Runs gateways in a cluster: makes their objects, delivers their snapshots, and asks their pods what they serve.
import type { Logger } from 'pino';
import type { GatewayReport } from '../../../gateway/config/report.ts';
import type { Snapshot } from '../../../gateway/config/snapshot.ts';
import { SnapshotTooLargeError } from '../../../gateway/config/files.ts';
import { applyOwned, ForeignObjectError } from '../../kube/apply.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isNotFound } from '../../kube/api-error.ts';
import { type OwnerReference, resourceTypes } from '../../kube/resource.ts';
import { WorkQueue } from '../../kube/work-queue.ts';
import { fallbackPrefix, objectLabels, snapshotPrefix } from '../../translate/objects/metadata.ts';
import type { Key, KeyPair, SnapshotWithFiles, TranslatedGateway } from '../../translate/types.ts';
import { type GatewayPod, GatewayPods } from './gateway-pods.ts';
import { ReportReader } from './report-reader.ts';
import { type Delivery, readSnapshot, writeSnapshot } from './snapshot-secrets.ts';

/** A change of this annotation makes the kubelet refresh the pod's volumes at once. */
const TOUCH_ANNOTATION = 'sentrygateway.io/snapshot-touch';
/** How soon pods are asked again while some do not serve what they should, and when all do. */
const PENDING_SECONDS = 0.25;
const SETTLED_SECONDS = 10;
const FIRST_TOUCH_AGAIN_MS = 1500;
const LAST_TOUCH_AGAIN_MS = 60_000;

export interface ClusterOptions {
  readonly client: KubeClient;
  readonly namespace?: string | undefined;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly now: () => number;
  /** Called with a gateway whose observation has changed. */
  readonly onChange: (gateway: Key) => void;
}

/** A gateway that is to run, who owns what is made for it, and how its pods are asked. */
export interface ClusterGateway extends TranslatedGateway {
  readonly namespace: string;
  readonly name: string;
  readonly owner: OwnerReference;
  readonly ca: string;
  /** The operator's own certificate for the admin port. */
  readonly operator: KeyPair;
}

/** One pod, and its report or, in words, why there is none. */
export interface PodObservation {
  readonly name: string;
  readonly ready: boolean;
  readonly report: GatewayReport | undefined;
  readonly error?: string;
}

/** What was seen of a gateway in the last round. */
export interface ClusterObservation {
  readonly wanted:
    { readonly hash: string; readonly generation: number; readonly snapshot: Snapshot } | undefined;
  readonly problem:
    { readonly reason: 'ForeignObject' | 'SnapshotTooLarge'; readonly message: string } | undefined;
  readonly pods: readonly PodObservation[];
  readonly addresses: readonly string[];
}

/** What a full round made, and when. */
interface Made {
  readonly gateway: ClusterGateway;
  readonly atMs: number;
  readonly delivery: Delivery | undefined;
  readonly problem: ClusterObservation['problem'];
  readonly addresses: readonly string[];
  /** True once this snapshot also stands in the fallback slots. */
  readonly acknowledged?: boolean;
}

interface Touches {
  hash: string;
  count: number;
  lastMs: number;
}

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #pods: GatewayPods;
  readonly #queue: WorkQueue;
  readonly #wanted = new Map<Key, ClusterGateway>();
  readonly #observations = new Map<Key, ClusterObservation>();
  readonly #readers = new Map<Key, ReportReader>();
  readonly #touches = new Map<Key, Touches>();
  readonly #made = new Map<Key, Made>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { client, namespace, signal, log } = options;
    this.#queue = new WorkQueue({
      signal,
      concurrency: 8,
      reconcile: (key) => this.#reconcile(key),
      onError: (key, error, retryMs) => log.warn({ gateway: key, retryMs, err: error }, 'reconcile failed'),
    });
    this.#pods = new GatewayPods({
      client,
      namespace,
      signal,
      onChange: (key) => {
        if (this.#wanted.has(key)) this.#queue.add(key);
      },
      onError: (error) => log.warn({ err: error }, 'watching pods failed'),
    });
  }

  get synced(): Promise<void> {
    return this.#pods.synced;
  }

  /** Runs these gateways from now on. What was made for others goes with its SentryGateway, its owner. */
  apply(wanted: readonly ClusterGateway[], present: ReadonlySet<Key>): void {
    for (const key of this.#wanted.keys()) if (!present.has(key)) this.#forget(key);
    for (const gateway of wanted) {
      const before = this.#wanted.get(gateway.key);
      this.#wanted.set(gateway.key, gateway);
      if (before === undefined || JSON.stringify(before) !== JSON.stringify(gateway)) {
        this.#queue.add(gateway.key);
      }
    }
  }

  /** What a gateway was given last, also by an earlier run of the operator. @throws ApiError */
  async previous(gateway: {
    readonly namespace: string;
    readonly name: string;
  }): Promise<SnapshotWithFiles | undefined> {
    const { namespace, name } = gateway;
    const running = this.#wanted.get(`${namespace}/${name}`);
    if (running !== undefined) return running;
    return readSnapshot(this.#options.client, { namespace, prefix: snapshotPrefix(gateway) });
  }

  observationOf(key: Key): ClusterObservation | undefined {
    return this.#observations.get(key);
  }

  /** Resolves when its signal has ended everything. */
  async done(): Promise<void> {
    await this.#pods.done;
    await Promise.all([...this.#readers.values()].map((reader) => reader.close()));
  }

  #forget(key: Key): void {
    this.#wanted.delete(key);
    this.#observations.delete(key);
    this.#touches.delete(key);
    this.#made.delete(key);
    void this.#readers.get(key)?.close();
    this.#readers.delete(key);
  }

  /** Everything is made anew when it changed and every ten seconds; in between only the pods are asked. */
  async #reconcile(key: Key): Promise<{ requeueAfterSeconds: number } | void> {
    const gateway = this.#wanted.get(key);
    if (gateway === undefined) return undefined;
    const { now } = this.#options;
    const before = this.#made.get(key);
    const isFresh = before?.gateway === gateway && now() - before.atMs < SETTLED_SECONDS * 1000;
    const made = isFresh ? before : { gateway, atMs: now(), ...(await this.#make(gateway)) };
    this.#made.set(key, made);
    const { delivery, problem, addresses } = made;
    const pods = this.#pods.of(key).filter(({ ending }) => !ending);
    const observed = await Promise.all(pods.map((pod) => this.#observe(gateway, pod)));
    const served = delivery !== undefined && allServe(observed, delivery.hash);
    if (delivery !== undefined && !served) await this.#touch(gateway, pods, delivery);
    if (served && made.acknowledged !== true) {
      await this.#deliver(gateway, fallbackPrefix(gateway));
      this.#made.set(key, { ...made, acknowledged: true });
    }
    const { snapshot } = gateway;
    const wanted = delivery && { hash: delivery.hash, generation: delivery.generation, snapshot };
    this.#remember(key, { problem, wanted, pods: observed, addresses });
    return { requeueAfterSeconds: served || delivery === undefined ? SETTLED_SECONDS : PENDING_SECONDS };
  }

  async #make(gateway: ClusterGateway): Promise<Pick<Made, 'delivery' | 'problem' | 'addresses'>> {
    const addresses = (): Promise<string[]> => this.#addresses(gateway);
    try {
      await this.#makeObjects(gateway);
      const delivery = await this.#deliver(gateway, snapshotPrefix(gateway));
      return { delivery, problem: undefined, addresses: await addresses() };
    } catch (error) {
      const reason = error instanceof ForeignObjectError ? 'ForeignObject' : 'SnapshotTooLarge';
      if (!(error instanceof ForeignObjectError || error instanceof SnapshotTooLargeError)) throw error;
      const problem = { reason, message: error.message } as const;
      return { delivery: undefined, problem, addresses: await addresses() };
    }
  }

  async #makeObjects({ objects, owner }: ClusterGateway): Promise<void> {
    for (const object of objects) await applyOwned(this.#options.client, owner, object);
  }

  async #deliver(gateway: ClusterGateway, prefix: string): Promise<Delivery> {
    const { namespace, owner } = gateway;
    return writeSnapshot(
      this.#options.client,
      { namespace, prefix, owner, labels: objectLabels(gateway) },
      gateway,
    );
  }

  async #observe(gateway: ClusterGateway, { name, ready, ip }: GatewayPod): Promise<PodObservation> {
    if (ip === undefined) return { name, ready, report: undefined, error: 'the pod has no address yet' };
    const reader = this.#readers.get(gateway.key) ?? new ReportReader();
    this.#readers.set(gateway.key, reader);
    try {
      return { name, ready, report: await reader.read(gateway, ip) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { name, ready, report: undefined, error: message };
    }
  }

  /** After a write at once, then with back-off, until every pod reports the hash. */
  async #touch(gateway: ClusterGateway, pods: readonly GatewayPod[], { hash }: Delivery): Promise<void> {
    const { client, now } = this.#options;
    const before = this.#touches.get(gateway.key);
    const touches = before?.hash === hash ? before : { hash, count: 0, lastMs: 0 };
    const againMs = Math.min(LAST_TOUCH_AGAIN_MS, FIRST_TOUCH_AGAIN_MS * 2 ** Math.max(0, touches.count - 1));
    if (touches.count > 0 && now() - touches.lastMs < againMs) return;
    this.#touches.set(gateway.key, { hash, count: touches.count + 1, lastMs: now() });
    const annotations = { [TOUCH_ANNOTATION]: `${hash.slice(0, 16)}-${touches.count}` };
    await Promise.all(
      pods.map(async ({ namespace, name }) => {
        try {
          await client.mergePatch(resourceTypes.pod, { namespace, name }, { metadata: { annotations } });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }),
    );
  }

  async #addresses({ namespace, name }: ClusterGateway): Promise<string[]> {
    interface Service {
      metadata: { name: string };
      spec?: { clusterIP?: string };
      status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } };
    }
    try {
      const { spec, status } = await this.#options.client.get<Service>(resourceTypes.service, {
        namespace,
        name,
      });
      const ingress = (status?.loadBalancer?.ingress ?? []).flatMap(
        ({ ip, hostname }) => ip ?? hostname ?? [],
      );
      if (ingress.length > 0) return ingress;
      return spec?.clusterIP === undefined || spec.clusterIP === 'None' ? [] : [spec.clusterIP];
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  }

  #remember(key: Key, observation: ClusterObservation): void {
    const before = JSON.stringify(this.#observations.get(key));
    this.#observations.set(key, observation);
    if (before !== JSON.stringify(observation)) this.#options.onChange(key);
  }
}

/** True when there is a ready pod and every pod reports that it serves this content. */
function allServe(pods: readonly PodObservation[], hash: string): boolean {
  return pods.some(({ ready }) => ready) && pods.every(({ report }) => report?.snapshot?.hash === hash);
}
