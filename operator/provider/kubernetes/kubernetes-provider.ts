// Resources of an API server: both kinds watched whole, references by metadata, their content fetched on demand.
import type { ExchangeRoute } from '../../api/exchange-route.ts';
import type { ConfigMap, Namespace, Secret } from '../../api/meta.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { backoffMs, wait } from '../../kube/backoff.ts';
import type { KubeClient } from '../../kube/client.ts';
import { Reflector } from '../../kube/reflector.ts';
import { type KubeObject, type ResourceType, apiVersionOf, resourceTypes } from '../../kube/resource.ts';
import type { Resources } from '../../translate/types.ts';
import { ReferencedObjects } from './referenced-objects.ts';
import { referencesOf } from './references.ts';

/** Changes that come in one burst (a `kubectl apply` of many files) are looked at once. */
const SETTLE_MS = 20;

export interface KubernetesProviderOptions {
  readonly client: KubeClient;
  /** One namespace to look at; undefined for all. */
  readonly namespace?: string | undefined;
  readonly signal: AbortSignal;
  /** Called with everything there is, at first and after each change; a call never overlaps the one before. */
  readonly onResources: (resources: Omit<Resources, 'keys'>) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** Runs until its signal is aborted; every error is reported and tried again. */
export async function provideFromKubernetes(options: KubernetesProviderOptions): Promise<void> {
  const source = new KubernetesSource(options);
  await source.run();
}

class KubernetesSource {
  readonly #options: KubernetesProviderOptions;
  readonly #gateways: Reflector<SentryGateway>;
  readonly #routes: Reflector<ExchangeRoute>;
  readonly #namespaces: Reflector<KubeObject>;
  readonly #secrets: ReferencedObjects<Secret>;
  readonly #configMaps: ReferencedObjects<ConfigMap>;
  #changed = Promise.withResolvers<void>();

  constructor(options: KubernetesProviderOptions) {
    this.#options = options;
    this.#gateways = this.#reflect(resourceTypes.sentryGateway, options.namespace);
    this.#routes = this.#reflect(resourceTypes.exchangeRoute, options.namespace);
    this.#namespaces = this.#reflect(resourceTypes.namespace, undefined, true);
    this.#secrets = this.#reference(resourceTypes.secret);
    this.#configMaps = this.#reference(resourceTypes.configMap);
  }

  async run(): Promise<void> {
    const { signal, onError } = this.#options;
    const sources = [this.#gateways, this.#routes, this.#namespaces, this.#secrets, this.#configMaps];
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    await Promise.race([ended, Promise.all(sources.map(({ synced }) => synced))]);
    let failures = 0;
    while (!signal.aborted) {
      this.#changed = Promise.withResolvers<void>();
      try {
        await this.#options.onResources(await this.#collect());
        failures = 0;
      } catch (error) {
        failures += 1;
        onError(error);
        await wait(backoffMs(failures, { baseMs: 200, capMs: 15_000 }), signal);
        continue;
      }
      await Promise.race([ended, this.#changed.promise]);
      await wait(SETTLE_MS, signal);
    }
    await Promise.all(sources.map(({ done }) => done));
  }

  async #collect(): Promise<Omit<Resources, 'keys'>> {
    const gateways = this.#gateways.values().map((object) => withType(object, resourceTypes.sentryGateway));
    const routes = this.#routes.values().map((object) => withType(object, resourceTypes.exchangeRoute));
    const references = referencesOf(gateways, routes);
    return {
      gateways,
      routes,
      secrets: await this.#secrets.fetch(references.secrets),
      configMaps: await this.#configMaps.fetch(references.configMaps),
      namespaces: this.#namespaces.values() as Namespace[],
    };
  }

  #reflect<T extends KubeObject>(
    type: ResourceType,
    namespace: string | undefined,
    metadataOnly = false,
  ): Reflector<T> {
    const { client, signal, onError } = this.#options;
    return new Reflector<T>({
      client,
      type,
      selection: { namespace, metadataOnly },
      signal,
      onError,
      onChange: () => this.#changed.resolve(),
    });
  }

  #reference<T extends KubeObject>(type: ResourceType): ReferencedObjects<T> {
    const { client, namespace, signal, onError } = this.#options;
    return new ReferencedObjects<T>({
      client,
      type,
      namespace,
      signal,
      onError,
      onChange: () => this.#changed.resolve(),
    });
  }
}

/** Items of a list carry neither kind nor apiVersion. */
function withType<T extends KubeObject>(object: T, type: ResourceType): T {
  return { ...object, apiVersion: apiVersionOf(type), kind: type.kind };
}
