// Cluster mode: the operator as it runs in Kubernetes.
//
//   provider/kubernetes ──▶ keys ──▶ translate ──▶ infra/kubernetes ──▶ gateway pods
//                                                     │
//   status of the resources, events ◀── status ◀──────┘ what they report
import type { Logger } from 'pino';
import { ClusterKeys } from './cluster-keys.ts';
import { type ExchangeRoute } from './api/exchange-route.ts';
import { keyOf } from './api/meta.ts';
import type { SentryGateway } from './api/sentry-gateway.ts';
import { Cluster, type ClusterGateway, type ClusterObservation } from './infra/kubernetes/cluster.ts';
import { ownerOf } from './infra/kubernetes/owner.ts';
import { StatusWriter } from './infra/kubernetes/status-writer.ts';
import { backoffMs } from './kube/backoff.ts';
import type { KubeClient } from './kube/client.ts';
import type { EnsuredKeys } from './pki/gateway-keys.ts';
import { KubernetesProvider } from './provider/kubernetes/kubernetes-provider.ts';
import type { ProvidedResources } from './provider/types.ts';
import { gatewayStatus } from './status/gateway-status.ts';
import type { GatewayObservations } from './status/observations.ts';
import { routeStatus } from './status/route-status.ts';
import { SnapshotHistory } from './status/snapshot-history.ts';
import { translate } from './translate/translate.ts';
import type { Key, SnapshotWithFiles, Translation } from './translate/types.ts';
import { Trigger } from './trigger.ts';

const CHECK_EVERY_MS = 3_600_000;

export interface ClusterOperatorOptions {
  readonly client: KubeClient;
  /** One namespace to look at; undefined for all. */
  readonly namespace?: string | undefined;
  readonly gatewayImage: string;
  readonly clusterCIDRs: readonly string[];
  readonly clock: { now(): Date };
  readonly log: Logger;
  /** Called once everything was read for the first time. */
  readonly onSynced: () => void;
  readonly signal: AbortSignal;
}

/** Runs until the signal aborts. Never rejects over the API server: whatever fails there is tried again. */
export async function runClusterOperator(options: ClusterOperatorOptions): Promise<void> {
  const { client, namespace, log, signal } = options;
  const loop = new Loop(options);
  const provider = new KubernetesProvider({
    client,
    namespace,
    onError: (error) => log.warn({ err: error }, 'the API server could not be read'),
  });
  await Promise.all([provider.start(signal, (resources) => loop.provide(resources)), loop.run()]);
}

/** Carries what the provider gives through the stages, one round at a time. */
class Loop {
  readonly #options: ClusterOperatorOptions;
  readonly #trigger = new Trigger();
  readonly #keys: ClusterKeys;
  readonly #cluster: Cluster;
  readonly #status: StatusWriter;
  readonly #histories = new Map<Key, SnapshotHistory>();
  #resources: ProvidedResources | undefined;
  #translation: Translation | undefined;
  #isDue = false;
  #failures = 0;

  constructor(options: ClusterOperatorOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#keys = new ClusterKeys({
      ...options,
      onMade: (gateway, subject, message) => log.info({ gateway, message }, `made anew: ${subject}`),
    });
    this.#cluster = new Cluster({
      ...options,
      now: () => clock.now().getTime(),
      onChange: () => this.#trigger.fire(),
    });
    this.#status = new StatusWriter(options);
  }

  provide(resources: ProvidedResources): void {
    this.#resources = resources;
    this.#isDue = true;
    this.#trigger.fire();
  }

  async run(): Promise<void> {
    const { signal, log, onSynced } = this.#options;
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    await Promise.race([this.#cluster.synced, ended]);
    while (!signal.aborted) {
      await this.#trigger.wait(this.#pauseMs(), signal);
      if (signal.aborted || this.#resources === undefined) continue;
      try {
        await this.#round(this.#resources);
        this.#failures = 0;
        onSynced();
      } catch (error) {
        this.#failures += 1;
        this.#isDue = true;
        log.warn({ err: error }, 'the resources could not be worked on; it is tried again');
      }
    }
    await this.#cluster.done();
  }

  #pauseMs(): number {
    if (this.#failures > 0) return backoffMs(this.#failures, { baseMs: 200, capMs: 15_000 });
    return Math.max(0, Math.min(CHECK_EVERY_MS, this.#keys.nextCheckMs() ?? CHECK_EVERY_MS));
  }

  async #round(resources: ProvidedResources): Promise<void> {
    const isOld = (this.#keys.nextCheckMs() ?? 1) <= 0;
    if (this.#isDue || isOld || this.#translation === undefined) {
      this.#isDue = false;
      this.#translation = await this.#translate(resources);
    }
    await this.#writeStatuses(resources, this.#translation);
  }

  async #translate(resources: ProvidedResources): Promise<Translation> {
    const { gatewayImage: image, clusterCIDRs, signal } = this.#options;
    const { gateways } = resources;
    const ensured = await this.#keys.ensure(gateways, signal);
    const previous = new Map<Key, SnapshotWithFiles>();
    for (const { metadata } of gateways) {
      const given = await this.#cluster.previous(metadata);
      if (given !== undefined) previous.set(keyOf(metadata), given);
    }
    const keys = new Map([...ensured].map(([key, { keys }]) => [key, keys]));
    const translation = translate(
      { ...resources, keys, previous },
      { image, clusterCIDRs, target: 'Cluster' },
    );
    this.#cluster.apply(wantedOf(gateways, translation, ensured), new Set(ensured.keys()));
    return translation;
  }

  async #writeStatuses(resources: ProvidedResources, translation: Translation): Promise<void> {
    const now = this.#options.clock.now();
    const observations = this.#observe(resources.gateways);
    this.#status.retain([...resources.gateways, ...resources.routes]);
    for (const gateway of resources.gateways) {
      const key = keyOf(gateway.metadata);
      const verdict = translation.gatewayStatuses.get(key);
      const observed = observations.get(key);
      if (verdict === undefined || observed === undefined) continue;
      await this.#status.write(
        gateway,
        gatewayStatus(verdict, observed, this.#status.previous(gateway), now),
      );
    }
    for (const route of resources.routes) await this.#writeRoute(route, translation, observations, now);
  }

  async #writeRoute(
    route: ExchangeRoute,
    { routeStatuses }: Translation,
    observations: ReadonlyMap<Key, GatewayObservations>,
    now: Date,
  ): Promise<void> {
    const key = keyOf(route.metadata);
    const verdict = routeStatuses.get(key);
    if (verdict === undefined) return;
    const input = { key, verdict, observations };
    await this.#status.write(route, routeStatus(input, this.#status.previous(route), now));
  }

  #observe(gateways: readonly SentryGateway[]): ReadonlyMap<Key, GatewayObservations> {
    return new Map(
      gateways.map(({ metadata }) => {
        const key = keyOf(metadata);
        const history = this.#histories.get(key) ?? new SnapshotHistory();
        this.#histories.set(key, history);
        return [key, observationsOf(this.#cluster.observationOf(key), history)];
      }),
    );
  }
}

function wantedOf(
  gateways: readonly SentryGateway[],
  translation: Translation,
  ensured: ReadonlyMap<Key, EnsuredKeys>,
): ClusterGateway[] {
  const byKey = new Map(gateways.map((gateway) => [keyOf(gateway.metadata), gateway]));
  return translation.gateways.flatMap((translated) => {
    const gateway = byKey.get(translated.key);
    const keys = ensured.get(translated.key);
    if (gateway === undefined || keys?.operator === undefined) return [];
    const { namespace, name } = gateway.metadata;
    const { operator } = keys;
    return [{ ...translated, namespace, name, operator, ca: keys.keys.ca, owner: ownerOf(gateway) }];
  });
}

function observationsOf(
  observation: ClusterObservation | undefined,
  history: SnapshotHistory,
): GatewayObservations {
  const wanted = observation?.wanted;
  const pods = observation?.pods ?? [];
  if (wanted !== undefined) history.add(wanted.hash, wanted.snapshot);
  const served = pods.map(({ report }) => report?.snapshot?.hash);
  history.retain([wanted?.hash, ...served].filter((hash) => hash !== undefined));
  return {
    wanted: wanted && { hash: wanted.hash, generation: wanted.generation },
    pods,
    addresses: observation?.addresses ?? [],
    obstacle: observation?.problem,
    history,
  };
}
