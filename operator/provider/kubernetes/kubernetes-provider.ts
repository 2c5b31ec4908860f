// Resources of an API server: both kinds watched whole, references by metadata, their content fetched on demand.
import type { ExchangeRoute } from '../../api/exchange-route.ts';
import type { ConfigMap, Secret } from '../../api/meta.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { backoffMs, wait } from '../../kube/backoff.ts';
import type { KubeClient } from '../../kube/client.ts';
import { Reflector } from '../../kube/reflector.ts';
import { type KubeObject, type ResourceType, apiVersionOf, resourceTypes } from '../../kube/resource.ts';
import type { OnChange, ProvidedResources, Provider } from '../types.ts';
import { ReferencedObjects } from './referenced-objects.ts';
import { referencesOf } from './references.ts';

/** Changes that come in one burst (a `kubectl apply` of many files) are looked at once. */
const SETTLE_MS = 20;

export interface KubernetesProviderOptions {
  readonly client: KubeClient;
  /** One namespace to look at; undefined for all. */
  readonly namespace?: string | undefined;
  /** The API server could not be reached or refused; the provider tries again by itself. */
  readonly onError: (error: unknown) => void;
}

/** Watches an API server: never rejects, every error is reported and tried again. */
export class KubernetesProvider implements Provider {
  readonly #options: KubernetesProviderOptions;

  constructor(options: KubernetesProviderOptions) {
    this.#options = options;
  }

  async start(signal: AbortSignal, onChange: OnChange): Promise<void> {
    const { onError } = this.#options;
    let changed = Promise.withResolvers<void>();
    const sources = new Sources({ ...this.#options, signal, onChange: () => changed.resolve() });
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    await Promise.race([ended, sources.synced()]);
    let failures = 0;
    while (!signal.aborted) {
      changed = Promise.withResolvers<void>();
      try {
        onChange(await sources.collect(), []);
        failures = 0;
      } catch (error) {
        failures += 1;
        onError(error);
        await wait(backoffMs(failures, { baseMs: 200, capMs: 15_000 }), signal);
        continue;
      }
      await Promise.race([ended, changed.promise]);
      await wait(SETTLE_MS, signal);
    }
    await sources.done();
  }
}

interface SourceOptions extends KubernetesProviderOptions {
  readonly signal: AbortSignal;
  readonly onChange: () => void;
}

/** The watches, and what they hold together. */
class Sources {
  readonly #options: SourceOptions;
  readonly #gateways: Reflector<SentryGateway>;
  readonly #routes: Reflector<ExchangeRoute>;
  readonly #namespaces: Reflector<KubeObject>;
  readonly #secrets: ReferencedObjects<Secret>;
  readonly #configMaps: ReferencedObjects<ConfigMap>;

  constructor(options: SourceOptions) {
    this.#options = options;
    const { namespace } = options;
    this.#gateways = this.#reflect(resourceTypes.sentryGateway, { namespace });
    this.#routes = this.#reflect(resourceTypes.exchangeRoute, { namespace });
    this.#namespaces = this.#reflect(resourceTypes.namespace, { metadataOnly: true });
    this.#secrets = new ReferencedObjects({ ...options, type: resourceTypes.secret, namespace });
    this.#configMaps = new ReferencedObjects({ ...options, type: resourceTypes.configMap, namespace });
  }

  async synced(): Promise<void> {
    await Promise.all(this.#all().map(({ synced }) => synced));
  }

  async done(): Promise<void> {
    await Promise.all(this.#all().map(({ done }) => done));
  }

  /** Everything as the watches know it now. @throws ApiError or a network error of a fetch */
  async collect(): Promise<ProvidedResources> {
    const gateways = this.#gateways.values().map((object) => withType(object, resourceTypes.sentryGateway));
    const routes = this.#routes.values().map((object) => withType(object, resourceTypes.exchangeRoute));
    const references = referencesOf(gateways, routes);
    return {
      gateways,
      routes,
      secrets: await this.#secrets.fetch(references.secrets),
      configMaps: await this.#configMaps.fetch(references.configMaps),
      namespaces: this.#namespaces.values(),
    };
  }

  #all(): readonly { readonly synced: Promise<void>; readonly done: Promise<void> }[] {
    return [this.#gateways, this.#routes, this.#namespaces, this.#secrets, this.#configMaps];
  }

  #reflect<T extends KubeObject>(
    type: ResourceType,
    selection: { namespace?: string | undefined; metadataOnly?: boolean },
  ): Reflector<T> {
    return new Reflector<T>({ ...this.#options, type, selection });
  }
}

/** Items of a list carry neither kind nor apiVersion. */
function withType<T extends KubeObject>(object: T, type: ResourceType): T {
  return { ...object, apiVersion: apiVersionOf(type), kind: type.kind };
}
