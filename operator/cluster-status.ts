// Statuses in a cluster: each is decided again when what it is made of has changed, and written where it differs.
import type { Logger } from 'pino';
import type { ExchangeRoute, ExchangeRouteStatus } from './api/exchange-route.ts';
import { keyOf } from './api/meta.ts';
import type { SentryGateway, SentryGatewayStatus } from './api/sentry-gateway.ts';
import type { ClusterObservation } from './infra/kubernetes/cluster.ts';
import { StatusWriter } from './infra/kubernetes/status-writer.ts';
import type { KubeClient } from './kube/client.ts';
import type { KernelMetrics } from './kube/metrics.ts';
import { WorkQueue } from './kube/work-queue.ts';
import type { ProvidedResources } from './provider/types.ts';
import { gatewayStatus } from './status/gateway-status.ts';
import type { GatewayObservations } from './status/observations.ts';
import { routeStatus } from './status/route-status.ts';
import { isSameStatus } from './status/same-status.ts';
import { serversByRoute } from './status/server-status.ts';
import { SnapshotHistory } from './status/snapshot-history.ts';
import { holdBackMs } from './status/urgency.ts';
import type { Key, Translation } from './translate/types.ts';

type Resource = SentryGateway | ExchangeRoute;
type Status = SentryGatewayStatus | ExchangeRouteStatus;

export interface ClusterStatusOptions {
  readonly client: KubeClient;
  readonly clock: { now(): Date };
  readonly log: Logger;
  readonly metrics?: KernelMetrics | undefined;
  readonly signal: AbortSignal;
  /** Undefined where it is not known yet. */
  readonly observationOf: (gateway: Key) => ClusterObservation | undefined;
}

interface Observed {
  readonly observation: ClusterObservation;
  readonly observations: GatewayObservations;
}

export class ClusterStatus {
  readonly #options: ClusterStatusOptions;
  readonly #writer: StatusWriter;
  readonly #queue: WorkQueue;
  readonly #resources = new Map<string, Resource>();
  readonly #observed = new Map<Key, Observed>();
  readonly #histories = new Map<Key, SnapshotHistory>();
  readonly #heldSinceMs = new Map<string, number>();
  #translation: Translation | undefined;
  #routesOf = new Map<Key, Key[]>();

  constructor(options: ClusterStatusOptions) {
    this.#options = options;
    const { client, log, signal, metrics } = options;
    this.#writer = new StatusWriter(options);
    this.#queue = new WorkQueue({
      name: 'status',
      server: client,
      metrics: metrics?.queue('status'),
      signal,
      concurrency: 8,
      reconcile: (id) => this.#write(id),
      onError: (id, error, retryMs) =>
        log.warn({ resource: id, retryMs, err: error }, 'a status could not be written'),
    });
  }

  /** Takes the resources as they are now, what was made of them, and whose translation is another one. */
  update(
    { gateways, routes }: ProvidedResources,
    translation: Translation,
    changed: { readonly gateways: ReadonlySet<Key>; readonly routes: ReadonlySet<Key> },
  ): void {
    const priority = this.#translation === undefined ? 'low' : 'normal';
    this.#translation = translation;
    this.#routesOf = routesByGateway(translation);
    const present = new Set<string>();
    for (const resource of [...gateways, ...routes]) {
      const id = idOf(resource);
      present.add(id);
      const isChanged = (resource.kind === 'SentryGateway' ? changed.gateways : changed.routes).has(
        keyOf(resource.metadata),
      );
      if (!isChanged && this.#resources.get(id) === resource) continue;
      this.#resources.set(id, resource);
      this.#queue.add(id, priority);
    }
    for (const id of this.#resources.keys()) if (!present.has(id)) this.#forget(id);
  }

  /** Something about the gateway was seen that is another than before. */
  observed(gateway: Key): void {
    this.#queue.add(`SentryGateway ${gateway}`);
    for (const route of this.#routesOf.get(gateway) ?? []) this.#queue.add(`ExchangeRoute ${route}`);
  }

  #forget(id: string): void {
    this.#resources.delete(id);
    this.#heldSinceMs.delete(id);
    this.#writer.forget(id);
    const [kind, key = ''] = id.split(' ');
    if (kind !== 'SentryGateway') return;
    this.#observed.delete(key);
    this.#histories.delete(key);
  }

  async #write(id: string): Promise<{ requeueAfterSeconds: number } | void> {
    const resource = this.#resources.get(id);
    const status = resource && this.#decide(resource);
    if (resource === undefined || status === undefined) return undefined;
    const holdMs = this.#holdMs(id, this.#writer.previous(resource), status);
    if (holdMs > 0) return { requeueAfterSeconds: holdMs / 1000 };
    await this.#writer.write(resource, status);
    return undefined;
  }

  /** Undefined while the pods of a gateway have not been asked: nothing is said of what was not seen. */
  #decide(resource: Resource): Status | undefined {
    const key = keyOf(resource.metadata);
    const now = this.#options.clock.now();
    if (resource.kind === 'SentryGateway') {
      const verdict = this.#translation?.gatewayStatuses.get(key);
      const observations = this.#observationsOf(key);
      if (verdict === undefined || observations === undefined) return undefined;
      return gatewayStatus(verdict, observations, this.#writer.previous(resource), now);
    }
    const verdict = this.#translation?.routeStatuses.get(key);
    if (verdict === undefined) return undefined;
    const observations = new Map<Key, GatewayObservations>();
    for (const { gateway } of verdict.parents) {
      if (!this.#resources.has(`SentryGateway ${gateway}`)) continue;
      const observed = this.#observationsOf(gateway);
      if (observed === undefined) return undefined;
      observations.set(gateway, observed);
    }
    return routeStatus({ key, verdict, observations }, this.#writer.previous(resource), now);
  }

  #observationsOf(gateway: Key): GatewayObservations | undefined {
    const observation = this.#options.observationOf(gateway);
    if (observation === undefined) return undefined;
    const known = this.#observed.get(gateway);
    if (known?.observation === observation) return known.observations;
    const history = this.#histories.get(gateway) ?? new SnapshotHistory();
    this.#histories.set(gateway, history);
    const observations = observationsOf(observation, history);
    this.#observed.set(gateway, { observation, observations });
    return observations;
  }

  /** For how long the status is not written yet. */
  #holdMs(id: string, previous: Status | undefined, next: Status): number {
    const holdMs = isSameStatus(previous, next) ? 0 : holdBackMs(previous, next);
    if (holdMs === 0) {
      this.#heldSinceMs.delete(id);
      return 0;
    }
    const now = this.#options.clock.now().getTime();
    const since = this.#heldSinceMs.get(id) ?? now;
    this.#heldSinceMs.set(id, since);
    const leftMs = Math.min(holdMs, since + holdMs - now);
    if (leftMs <= 0) this.#heldSinceMs.delete(id);
    return leftMs;
  }
}

function idOf({ kind, metadata }: Resource): string {
  return `${kind} ${keyOf(metadata)}`;
}

function routesByGateway({ routeStatuses }: Translation): Map<Key, Key[]> {
  const routes = new Map<Key, Key[]>();
  for (const [route, { parents }] of routeStatuses) {
    for (const gateway of new Set(parents.map((parent) => parent.gateway))) {
      const others = routes.get(gateway);
      if (others === undefined) routes.set(gateway, [route]);
      else others.push(route);
    }
  }
  return routes;
}

function observationsOf(observation: ClusterObservation, history: SnapshotHistory): GatewayObservations {
  const { wanted, pods, addresses, addressPending, steppedOut, problem } = observation;
  if (wanted !== undefined) history.add(wanted.hash, wanted.snapshot);
  const served = pods.map(({ report }) => report?.snapshot?.hash);
  history.retain([wanted?.hash, ...served].filter((hash) => hash !== undefined));
  return {
    wanted: wanted && { hash: wanted.hash, generation: wanted.generation },
    pods,
    servers: serversByRoute(pods),
    addresses,
    addressPending,
    steppedOut,
    obstacle: problem,
    history,
  };
}
