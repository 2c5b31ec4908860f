// Runs gateways in a cluster: has their objects made, delivers their snapshots, and asks their pods what they serve.
//
//   wanted ──┐
//   watches ─┴▶ make what is not right ──▶ ask the pods ──▶ touch those behind ──▶ keep what all serve as fallback
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Snapshot } from '../../../gateway/config/snapshot.ts';
import { backoffMs } from '../../kube/backoff.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, type ResourceType, resourceTypes } from '../../kube/resource.ts';
import type { KernelMetrics } from '../../kube/metrics.ts';
import { type Priority, WorkQueue } from '../../kube/work-queue.ts';
import { snapshotPrefix } from '../../translate/objects/metadata.ts';
import type { Key, SnapshotWithFiles } from '../../translate/types.ts';
import { type Addresses, addressesOf } from './addresses.ts';
import type { Deployment } from './deployment-plan.ts';
import { type ClusterGateway, GatewayMaker, type Made, type MakeProblem } from './gateway-maker.ts';
import { type GatewayPod, GatewayPods } from './gateway-pods.ts';
import { OwnedObjects } from './owned-objects.ts';
import { type ObservedPod, PodObserver } from './pod-observer.ts';
import { PodTouches } from './pod-touches.ts';
import { type SteppedOutPod, StepOuts } from './step-outs.ts';
import { keysSecretName } from './secret-key-store.ts';
import { type HashedSnapshot, readSnapshot, withHash } from './snapshot-secrets.ts';

/** How soon pods are asked again when all serve what they should … */
const SETTLED_SECONDS = 10;
/** … and at first while some do not; a tenth of the time that it has taken so far, up to the most. */
const PENDING_SECONDS = 0.25;
const MOST_PENDING_SECONDS = 5;
/** While it is not certain whether a pod has to step out. */
const UNSETTLED_SECONDS = 1;
/** How soon it is tried again to make what could not be made, such as an object whose name someone else's has. */
const PROBLEM_RETRY = { baseMs: 1_500, capMs: 6_000 };
/** So long an address is waited for: then the gateway is Ready without, for inside the cluster it serves. */
const ADDRESS_WAIT_MS = 300_000;

export interface ClusterOptions {
  readonly client: KubeClient;
  /** None: the whole cluster. */
  readonly namespaces: readonly string[];
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly metrics?: KernelMetrics | undefined;
  readonly now: () => number;
  /** How many gateways are rolled at once because the operator is another one. */
  readonly maxConcurrentRollouts: number;
  /** Called with a gateway whose observation has changed. */
  readonly onChange: (gateway: Key) => void;
  /** Called with a gateway whose Secret of keys somebody has changed or deleted. */
  readonly onKeysChange: (gateway: Key) => void;
}

/** What was seen of a gateway in the last round. */
export interface ClusterObservation {
  readonly wanted:
    { readonly hash: string; readonly generation: number; readonly snapshot: Snapshot } | undefined;
  readonly problem: MakeProblem | undefined;
  readonly pods: readonly ObservedPod[];
  /** Those that are told to take no new phones. */
  readonly steppedOut: readonly SteppedOutPod[];
  readonly addresses: readonly string[];
  /** True while a load balancer may still give an address. */
  readonly addressPending: boolean;
}

/** What is remembered of a gateway. */
interface State {
  gateway: ClusterGateway;
  snapshot: HashedSnapshot | undefined;
  /** True when something of it may not be as it should. */
  isStale: boolean;
  made: Made | undefined;
  /** Rounds with a problem so far, and when what had one is tried again. */
  failures: number;
  retryAtMs: number;
  /** The hash that stands in the fallback slots. */
  acknowledged: string | undefined;
  pendingSinceMs: number | undefined;
  addressAwaitedSinceMs: number | undefined;
  observation: ClusterObservation | undefined;
  /** Of the snapshot that the observation is about. */
  observedHash: string | undefined;
}

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #pods: GatewayPods;
  readonly #owned: OwnedObjects;
  readonly #maker: GatewayMaker;
  readonly #observer = new PodObserver();
  readonly #touches: PodTouches;
  readonly #stepOuts: StepOuts;
  readonly #queue: WorkQueue;
  readonly #states = new Map<Key, State>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { client, signal, log, now, metrics } = options;
    this.#queue = new WorkQueue({
      name: 'sentrygateway',
      server: client,
      metrics: metrics?.queue('sentrygateway'),
      signal,
      concurrency: 8,
      reconcile: (key) => this.#reconcile(key),
      onError: (key, error, retryMs) => log.warn({ gateway: key, retryMs, err: error }, 'reconcile failed'),
    });
    const onError = (error: unknown) => log.warn({ err: error }, 'watching what the operator made failed');
    this.#pods = new GatewayPods({ ...options, onError, onChange: (key) => this.#look(key) });
    this.#owned = new OwnedObjects({
      ...options,
      onError,
      onChange: (key, object) => this.#ownedChanged(key, object),
    });
    const onTurn = (keys: readonly Key[]) => keys.forEach((key) => this.#check(key));
    this.#maker = new GatewayMaker({ ...options, owned: this.#owned, onTurn });
    this.#touches = new PodTouches(client, now);
    this.#stepOuts = new StepOuts({ client, log, now, registry: metrics?.registry });
  }

  get synced(): Promise<unknown> {
    return Promise.all([this.#pods.synced, this.#owned.synced]);
  }

  /** Runs this gateway from now on as it is given; at low priority where it only may have changed, as at the start. */
  set(gateway: ClusterGateway, priority?: Priority): void {
    const { translated } = gateway;
    const snapshot = translated && withHash(translated);
    const before = this.#states.get(gateway.key);
    if (before?.gateway.owner.uid === gateway.owner.uid) {
      Object.assign(before, { gateway, snapshot, failures: 0, retryAtMs: 0, pendingSinceMs: undefined });
    } else {
      this.#states.set(gateway.key, newState(gateway, snapshot));
    }
    this.#check(gateway.key, priority);
  }

  /** Leaves all other gateways alone: what was made for them goes with its SentryGateway, its owner. */
  retain(gateways: ReadonlySet<Key>): void {
    for (const [key, { gateway, observation }] of this.#states) {
      if (gateways.has(key)) continue;
      this.#states.delete(key);
      this.#maker.forget(gateway);
      this.#forgetPods(observation?.pods ?? [], []);
      this.#stepOuts.forget(key);
      void this.#observer.forget(key);
    }
  }

  /** What a gateway was given by an earlier run of the operator. @throws ApiError */
  async delivered(gateway: {
    readonly namespace: string;
    readonly name: string;
  }): Promise<SnapshotWithFiles | undefined> {
    const { namespace } = gateway;
    return readSnapshot(this.#options.client, { namespace, prefix: snapshotPrefix(gateway) });
  }

  /** Undefined until its pods were asked for the first time since the gateway was given another snapshot. */
  observationOf(key: Key): ClusterObservation | undefined {
    const state = this.#states.get(key);
    return state !== undefined && state.observedHash === state.snapshot?.hash ? state.observation : undefined;
  }

  /** Resolves when its signal has ended everything. */
  async done(): Promise<void> {
    await Promise.all([this.#pods.done, this.#owned.done]);
    await this.#observer.close();
  }

  /** Looks at the pods, and at everything that was made. */
  #check(key: Key, priority?: Priority): void {
    const state = this.#states.get(key);
    if (state === undefined) return;
    state.isStale = true;
    this.#queue.add(key, priority);
  }

  #look(key: Key): void {
    if (this.#states.has(key)) this.#queue.add(key);
  }

  #ownedChanged(key: Key, object: KubeObject): void {
    const gateway = this.#states.get(key)?.gateway;
    if (
      gateway !== undefined &&
      object.kind === 'Secret' &&
      object.metadata.name === keysSecretName(gateway)
    ) {
      this.#options.onKeysChange(key);
    }
    this.#check(key);
  }

  async #reconcile(key: Key): Promise<{ requeueAfterSeconds: number } | void> {
    const state = this.#states.get(key);
    if (state === undefined) return undefined;
    const made = await this.#makeWhatIsStale(state);
    const pods = this.#pods.of(key).filter(({ ending }) => !ending);
    if (made.delivery?.written === true) {
      // Kubelets take longest: they begin before the pods are asked.
      state.made = { ...made, delivery: { ...made.delivery, written: false } };
      await this.#touches.touch(pods, made.delivery.hash);
    }
    const observed = await this.#observer.observe(key, state.gateway.access, pods);
    const isServed = await this.#deliver(state, observed);
    const following = await this.#stepOut(state, observed);
    this.#remember(key, state, observed);
    const error = made.error ?? following.error;
    if (error !== undefined) throw error;
    const pauseSeconds = this.#pauseSeconds(state, observed, isServed);
    return {
      requeueAfterSeconds: following.unsettled ? Math.min(UNSETTLED_SECONDS, pauseSeconds) : pauseSeconds,
    };
  }

  async #makeWhatIsStale(state: State): Promise<Made> {
    const now = this.#options.now();
    const { made: before, isStale, failures, retryAtMs } = state;
    const isDue = isStale || (before?.problem !== undefined && now >= retryAtMs);
    if (before !== undefined && !isDue) return before;
    state.isStale = false;
    state.acknowledged = undefined;
    const made = await this.#maker.make(state.gateway, state.snapshot);
    if (made.error !== undefined) state.isStale = true;
    state.failures = made.problem === undefined ? 0 : failures + 1;
    state.retryAtMs = now + backoffMs(failures + 1, PROBLEM_RETRY);
    state.made = {
      ...made,
      delivery: made.delivery ?? (made.error === undefined ? undefined : before?.delivery),
    };
    return state.made;
  }

  /** Tells the pods of the snapshot, until all serve it; then keeps it for pods to come. True when all serve it. */
  async #deliver(state: State, observed: readonly ObservedPod[]): Promise<boolean> {
    const { gateway, snapshot, made } = state;
    if (snapshot === undefined || made?.delivery?.hash !== snapshot.hash) return false;
    if (!allServe(observed, snapshot.hash)) {
      await this.#touches.touch(observed, snapshot.hash);
      return false;
    }
    if (state.acknowledged !== snapshot.hash) {
      await this.#maker.acknowledge(gateway, snapshot, made.delivery);
      state.acknowledged = snapshot.hash;
    }
    return true;
  }

  /** Tells pods that do not reach what others reach to take no new phones. */
  async #stepOut(
    { gateway }: State,
    observed: readonly ObservedPod[],
  ): Promise<{ readonly unsettled: boolean; readonly error?: unknown }> {
    const deployment: Deployment | undefined = this.#owned.get(nameOf(gateway, resourceTypes.deployment));
    try {
      return await this.#stepOuts.follow(gateway, observed, deployment?.spec?.replicas);
    } catch (error) {
      return { unsettled: true, error };
    }
  }

  #pauseSeconds(state: State, observed: readonly ObservedPod[], isServed: boolean): number {
    const now = this.#options.now();
    const isPending =
      !isServed && state.snapshot !== undefined && observed.some(({ ip }) => ip !== undefined);
    state.pendingSinceMs = isPending ? (state.pendingSinceMs ?? now) : undefined;
    if (state.pendingSinceMs === undefined) {
      const retrySeconds = (state.retryAtMs - now) / 1000;
      return state.made?.problem === undefined
        ? SETTLED_SECONDS
        : Math.min(SETTLED_SECONDS, Math.max(PENDING_SECONDS, retrySeconds));
    }
    const tenth = (now - state.pendingSinceMs) / 10_000;
    return Math.min(MOST_PENDING_SECONDS, Math.max(PENDING_SECONDS, tenth));
  }

  #remember(key: Key, state: State, pods: readonly ObservedPod[]): void {
    const { made, snapshot, observation: before } = state;
    const addresses = this.#addresses(state);
    const delivery = made?.delivery;
    const isDelivered = snapshot !== undefined && delivery?.hash === snapshot.hash;
    const observation: ClusterObservation = {
      wanted: isDelivered
        ? { hash: delivery.hash, generation: delivery.generation, snapshot: snapshot.snapshot }
        : undefined,
      problem: made?.problem,
      pods,
      steppedOut: this.#stepOuts.outOf(key),
      addresses: addresses.values,
      addressPending: this.#isAddressPending(state, addresses),
    };
    this.#forgetPods(before?.pods ?? [], pods);
    const isNew = before === undefined || state.observedHash !== snapshot?.hash;
    state.observation = observation;
    state.observedHash = snapshot?.hash;
    if (isNew || !isSameObservation(before, observation)) this.#options.onChange(key);
  }

  #addresses({ gateway }: State): Addresses {
    return addressesOf(this.#owned.get(nameOf(gateway, resourceTypes.service)));
  }

  #isAddressPending(state: State, { awaited }: Addresses): boolean {
    const now = this.#options.now();
    state.addressAwaitedSinceMs = awaited ? (state.addressAwaitedSinceMs ?? now) : undefined;
    return state.addressAwaitedSinceMs !== undefined && now - state.addressAwaitedSinceMs < ADDRESS_WAIT_MS;
  }

  #forgetPods(before: readonly GatewayPod[], now: readonly GatewayPod[]): void {
    const present = new Set(now.map(({ uid }) => uid));
    const gone = before.map(({ uid }) => uid).filter((uid) => !present.has(uid));
    this.#touches.forget(gone);
    this.#observer.forgetPods(gone);
  }
}

/** True when there is a ready pod and every pod reports that it serves this content. */
function allServe(pods: readonly ObservedPod[], hash: string): boolean {
  return pods.some(({ ready }) => ready) && pods.every(({ report }) => report?.snapshot?.hash === hash);
}

/** Compares what a status is made of; of the servers a pod's last word is the same object while it says the same. */
function isSameObservation(a: ClusterObservation, b: ClusterObservation): boolean {
  return (
    a.wanted?.hash === b.wanted?.hash &&
    a.wanted?.generation === b.wanted?.generation &&
    a.problem?.message === b.problem?.message &&
    a.addressPending === b.addressPending &&
    a.addresses.join() === b.addresses.join() &&
    isDeepStrictEqual(a.steppedOut, b.steppedOut) &&
    a.pods.length === b.pods.length &&
    a.pods.every((pod, index) => isSamePod(pod, b.pods[index]))
  );
}

function isSamePod(a: ObservedPod, b: ObservedPod | undefined): boolean {
  return a.uid === b?.uid && a.ready === b.ready && a.error === b.error && isSameReport(a.report, b.report);
}

function isSameReport(a: ObservedPod['report'], b: ObservedPod['report']): boolean {
  return (
    a?.snapshot?.hash === b?.snapshot?.hash &&
    a?.refused?.hash === b?.refused?.hash &&
    a?.servers === b?.servers &&
    isDeepStrictEqual(a?.redirects, b?.redirects)
  );
}

function nameOf({ namespace, name }: ClusterGateway, { kind }: ResourceType): KubeObject {
  return { kind, metadata: { namespace, name } };
}

function newState(gateway: ClusterGateway, snapshot: HashedSnapshot | undefined): State {
  return {
    gateway,
    snapshot,
    isStale: true,
    made: undefined,
    failures: 0,
    retryAtMs: 0,
    acknowledged: undefined,
    pendingSinceMs: undefined,
    addressAwaitedSinceMs: undefined,
    observation: undefined,
    observedHash: undefined,
  };
}
