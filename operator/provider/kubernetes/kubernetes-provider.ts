// Resources of an API server: both kinds watched whole, references by metadata, their content fetched on demand.
import { kinds, rootSchema } from '../../api/custom-resource-definition.ts';
import { withoutUnknown } from '../../api/defaults.ts';
import type { ExchangeRoute } from '../../api/exchange-route.ts';
import type { ConfigMap, Secret } from '../../api/meta.ts';
import type { SchemaNode } from '../../api/schema-node.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { backoffMs, wait } from '../../kube/backoff.ts';
import type { KubeClient } from '../../kube/client.ts';
import { ReflectorSet } from '../../kube/reflector-set.ts';
import { apiVersionOf, type KubeObject, type ResourceType, resourceTypes } from '../../kube/resource.ts';
import type { OnChange, ProvidedResources, Provider } from '../types.ts';
import { CertManager } from './cert-manager.ts';
import { ReferencedObjects } from './referenced-objects.ts';
import { referencesOf } from './references.ts';

/** Changes that come in one burst (a `kubectl apply` of many files) are looked at once. */
const SETTLE_MS = 20;

export interface KubernetesProviderOptions {
  readonly client: KubeClient;
  /** The namespaces to look at; none: all. */
  readonly namespaces: readonly string[];
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
  readonly #gateways: ReflectorSet<SentryGateway>;
  readonly #routes: ReflectorSet<ExchangeRoute>;
  readonly #namespaces: ReflectorSet<KubeObject>;
  readonly #secrets: ReferencedObjects<Secret>;
  readonly #configMaps: ReferencedObjects<ConfigMap>;
  readonly #certManager: CertManager;

  constructor(options: SourceOptions) {
    this.#options = options;
    const { namespaces } = options;
    this.#gateways = this.#watch(resourceTypes.sentryGateway, namespaces);
    this.#routes = this.#watch(resourceTypes.exchangeRoute, namespaces);
    this.#namespaces = new ReflectorSet<KubeObject>({
      ...options,
      type: resourceTypes.namespace,
      namespaces: [],
      selection: { metadataOnly: true },
      keep: withoutBallast,
    });
    this.#secrets = new ReferencedObjects({ ...options, type: resourceTypes.secret });
    this.#configMaps = new ReferencedObjects({ ...options, type: resourceTypes.configMap });
    this.#certManager = new CertManager(options);
  }

  async synced(): Promise<void> {
    await Promise.all(this.#all().map(({ synced }) => synced));
  }

  async done(): Promise<void> {
    await Promise.all(this.#all().map(({ done }) => done));
    await this.#certManager.done();
  }

  /** Everything as the watches know it now. @throws ApiError or a network error of a fetch */
  async collect(): Promise<ProvidedResources> {
    const gateways = this.#gateways.values();
    const routes = this.#routes.values();
    const references = referencesOf(gateways, routes);
    const [secrets, configMaps, certManager] = await Promise.all([
      this.#secrets.fetch(references.secrets),
      this.#configMaps.fetch(references.configMaps),
      this.#certManager.objectsFor(gateways),
    ]);
    const namespaces = this.#namespaces.values();
    return { gateways, routes, secrets, configMaps, namespaces, ...(certManager && { certManager }) };
  }

  #all(): readonly { readonly synced: Promise<void>; readonly done: Promise<void> }[] {
    return [this.#gateways, this.#routes, this.#namespaces, this.#secrets, this.#configMaps];
  }

  /** Items of a list carry neither kind nor apiVersion. */
  #watch<T extends KubeObject & { readonly spec: unknown }>(
    type: ResourceType,
    namespaces: readonly string[],
  ): ReflectorSet<T> {
    const named = { apiVersion: apiVersionOf(type), kind: type.kind };
    const spec = specSchema(type.kind);
    const keep = (object: T): T => ({
      ...withoutBallast(object),
      ...named,
      spec: withoutUnknown(spec, object.spec),
    });
    return new ReflectorSet<T>({ ...this.#options, type, namespaces, keep });
  }
}

/** CRDs of a later version fill in defaults of fields that this one does not know. */
function specSchema(kind: string): SchemaNode | undefined {
  const description = kinds.find((each) => each.kind === kind);
  return description && rootSchema(description).properties?.['spec'];
}

/** Nobody reads who owns which field, nor annotations: `kubectl apply` doubles the object there. */
function withoutBallast<T extends KubeObject>(object: T): T {
  const { managedFields: _managedFields, annotations: _annotations, ...metadata } = object.metadata;
  return { ...object, metadata };
}
