// Cluster mode: the operator as it runs in Kubernetes.
//
//   provider/kubernetes ──▶ keys ──▶ translate ──▶ infra/kubernetes ──▶ gateway pods
//                                                     │
//   status of the resources, events ◀── status ◀──────┘ what they report
//
// Everything before `keys` runs on all replicas; from there on only where the leadership is held.
import type { Logger } from 'pino';
import { ClusterKeys, type GatewayKeysState } from './cluster-keys.ts';
import { ClusterStatus } from './cluster-status.ts';
import { keyOf } from './api/meta.ts';
import type { SentryGateway } from './api/sentry-gateway.ts';
import { IncrementalTranslation, type Retranslated } from './incremental-translation.ts';
import { Cluster } from './infra/kubernetes/cluster.ts';
import type { ClusterGateway } from './infra/kubernetes/gateway-maker.ts';
import { IssuedCertificates } from './infra/kubernetes/issued-certificates.ts';
import { ownerOf } from './infra/kubernetes/owner.ts';
import { backoffMs } from './kube/backoff.ts';
import type { KubeClient } from './kube/client.ts';
import type { KernelMetrics } from './kube/metrics.ts';
import { KubernetesProvider } from './provider/kubernetes/kubernetes-provider.ts';
import type { ProvidedResources } from './provider/types.ts';
import type { Key, TranslatedGateway } from './translate/types.ts';
import { Trigger } from './trigger.ts';

const CHECK_EVERY_MS = 3_600_000;
const MAX_CONCURRENT_ROLLOUTS = 2;

export interface ClusterOperatorOptions {
  readonly client: KubeClient;
  /** The namespaces to look at; none: all. */
  readonly namespaces: readonly string[];
  readonly gatewayImage: string;
  readonly clusterCIDRs: readonly string[];
  /** How many gateways are rolled at once because the operator is another one. Default 2. */
  readonly maxConcurrentRollouts?: number | undefined;
  readonly clock: { now(): Date };
  readonly log: Logger;
  readonly metrics?: KernelMetrics | undefined;
  /** Called once everything was read for the first time, whether or not this replica may write. */
  readonly onSynced: () => void;
  /** Resolves when this replica may write; absent: at once. Until then it only reads. */
  readonly leadership?: Promise<void> | undefined;
  readonly signal: AbortSignal;
}

/** Runs until the signal aborts. Never rejects over the API server: whatever fails there is tried again. */
export async function runClusterOperator(options: ClusterOperatorOptions): Promise<void> {
  const { client, namespaces, log, signal } = options;
  const loop = new Loop(options);
  const provider = new KubernetesProvider({
    client,
    namespaces,
    onError: (error) => log.warn({ err: error }, 'the API server could not be read'),
  });
  await Promise.all([provider.start(signal, (resources) => loop.provide(resources)), loop.run()]);
}

/** Carries what the provider gives through the stages, one round at a time; pods and statuses have loops of their own. */
class Loop {
  readonly #options: ClusterOperatorOptions;
  readonly #trigger = new Trigger();
  readonly #keys: ClusterKeys;
  readonly #translation: IncrementalTranslation;
  readonly #certificates: IssuedCertificates;
  readonly #cluster: Cluster;
  readonly #status: ClusterStatus;
  readonly #given = new Map<Key, ClusterGateway>();
  #resources: ProvidedResources | undefined;
  #nextJudgement: Date | undefined;
  #failures = 0;

  constructor(options: ClusterOperatorOptions) {
    this.#options = options;
    const { clock, log, gatewayImage: image, clusterCIDRs } = options;
    const again = (): void => this.#trigger.fire();
    options.client.onRecovered(again, options.signal);
    this.#keys = new ClusterKeys({
      ...options,
      onMade: (gateway, subject, message) => log.info({ gateway, message }, `made anew: ${subject}`),
    });
    this.#certificates = new IssuedCertificates({ ...options, onChange: again });
    this.#cluster = new Cluster({
      ...options,
      maxConcurrentRollouts: options.maxConcurrentRollouts ?? MAX_CONCURRENT_ROLLOUTS,
      now: () => clock.now().getTime(),
      onChange: (gateway) => this.#status.observed(gateway),
      onKeysChange: (gateway) => {
        this.#keys.forget(gateway);
        again();
      },
    });
    this.#translation = new IncrementalTranslation({
      translate: { image, clusterCIDRs, target: 'Cluster' },
      clock,
      delivered: (gateway) => this.#cluster.delivered(gateway),
    });
    this.#status = new ClusterStatus({
      ...options,
      observationOf: (gateway) => this.#cluster.observationOf(gateway),
    });
  }

  provide(resources: ProvidedResources): void {
    this.#resources = resources;
    this.#trigger.fire();
  }

  async run(): Promise<void> {
    const { signal, log } = this.#options;
    await this.#mayWrite();
    while (!signal.aborted) {
      if (this.#resources !== undefined) {
        try {
          await this.#round(this.#resources);
          this.#failures = 0;
        } catch (error) {
          this.#failures += 1;
          log.warn({ err: error }, 'the resources could not be worked on; it is tried again');
        }
      }
      await this.#trigger.wait(this.#pauseMs(), signal);
    }
    await this.#cluster.done();
  }

  /** Resolves when everything was read and this replica leads, or when the signal aborts. */
  async #mayWrite(): Promise<void> {
    const { signal, onSynced, leadership } = this.#options;
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    await Promise.race([this.#cluster.synced, ended]);
    while (!signal.aborted && this.#resources === undefined) {
      await this.#trigger.wait(CHECK_EVERY_MS, signal);
    }
    if (!signal.aborted) onSynced();
    await Promise.race([leadership, ended]);
  }

  #pauseMs(): number {
    if (this.#failures > 0) return backoffMs(this.#failures, { baseMs: 200, capMs: 15_000 });
    const judgementMs =
      this.#nextJudgement && this.#nextJudgement.getTime() - this.#options.clock.now().getTime();
    const next = Math.min(judgementMs ?? CHECK_EVERY_MS, this.#keys.nextCheckMs() ?? CHECK_EVERY_MS);
    return Math.max(0, Math.min(CHECK_EVERY_MS, next));
  }

  async #round(resources: ProvidedResources): Promise<void> {
    const keys = await this.#keys.ensure(resources.gateways, this.#options.signal);
    const ensured = [...keys].flatMap(([key, { ensured }]) =>
      ensured ? [[key, ensured.keys] as const] : [],
    );
    const retranslated = await this.#translation.update(resources, new Map(ensured));
    this.#nextJudgement = retranslated.translation.nextJudgement;
    this.#requestCertificates(resources, retranslated);
    this.#run(resources, retranslated, keys);
    this.#status.update(resources, retranslated.translation, retranslated);
  }

  /** Gives to the cluster what is another than before. */
  #run(
    { gateways }: ProvidedResources,
    { translation, gateways: changed }: Retranslated,
    keys: ReadonlyMap<Key, GatewayKeysState>,
  ): void {
    const present = new Set(gateways.map(({ metadata }) => keyOf(metadata)));
    const priority = this.#given.size === 0 ? 'low' : 'normal';
    const translated = new Map(translation.gateways.map((gateway) => [gateway.key, gateway]));
    this.#cluster.retain(present);
    for (const key of this.#given.keys()) if (!present.has(key)) this.#given.delete(key);
    for (const gateway of gateways) {
      const key = keyOf(gateway.metadata);
      const wanted = this.#clusterGateway(gateway, translated.get(key), keys.get(key));
      const before = this.#given.get(key);
      if (!changed.has(key) && before?.problem?.message === wanted.problem?.message) continue;
      this.#given.set(key, wanted);
      this.#cluster.set(wanted, priority);
    }
  }

  #clusterGateway(
    gateway: SentryGateway,
    translated: TranslatedGateway | undefined,
    keys: GatewayKeysState | undefined,
  ): ClusterGateway {
    const { namespace, name, generation = 1 } = gateway.metadata;
    const key = keyOf(gateway.metadata);
    const { operator, keys: made } = keys?.ensured ?? {};
    const foreign = keys?.foreign ?? this.#certificates.problemOf(key);
    return {
      key,
      namespace,
      name,
      generation,
      owner: ownerOf(gateway),
      access: operator && made && { namespace, name, ca: made.ca, operator },
      translated,
      problem: foreign === undefined ? undefined : { reason: 'ForeignObject', message: foreign },
    };
  }

  #requestCertificates({ gateways, certManager }: ProvidedResources, { translation }: Retranslated): void {
    this.#certificates.apply(
      gateways.map((gateway) => ({
        gateway: keyOf(gateway.metadata),
        owner: ownerOf(gateway),
        wanted: translation.certificates.get(keyOf(gateway.metadata)) ?? [],
        live: certManager?.certificates.filter(({ metadata }) => isOf(gateway, metadata)),
      })),
    );
  }
}

function isOf(
  { metadata: { namespace, name } }: SentryGateway,
  metadata: { readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> },
): boolean {
  return metadata.namespace === namespace && metadata.labels?.['app.kubernetes.io/instance'] === name;
}
