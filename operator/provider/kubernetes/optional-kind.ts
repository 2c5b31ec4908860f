// Objects of a kind that the cluster may not have: watched from when its CRD is there until it goes.
import { ApiError, isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { Reflector } from '../../kube/reflector.ts';
import { ReflectorSet } from '../../kube/reflector-set.ts';
import { type KubeObject, type ResourceType, resourceTypes } from '../../kube/resource.ts';

export interface OptionalKindOptions<T> {
  readonly client: KubeClient;
  readonly type: ResourceType;
  /** None: the whole cluster. */
  readonly namespaces: readonly string[];
  readonly labelSelector?: string;
  readonly keep: (object: T) => T;
  readonly signal: AbortSignal;
  /** Called when the kind came or went, or one of its objects has changed. */
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

interface Definition extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

interface Watch<T extends KubeObject> {
  readonly objects: ReflectorSet<T>;
  readonly stop: AbortController;
  isSynced: boolean;
}

/** Needs `list` and `watch` of the one CRD; a kind that is missing costs one quiet watch, and no retries. */
export class OptionalKind<T extends KubeObject> {
  readonly #options: OptionalKindOptions<T>;
  readonly #definition: Reflector<Definition>;
  readonly #settled = Promise.withResolvers<void>();
  #watch: Watch<T> | undefined;
  /** Resolves when the signal has ended everything. */
  readonly done: Promise<void>;

  constructor(options: OptionalKindOptions<T>) {
    this.#options = options;
    const { client, type, signal } = options;
    const name = `${type.plural}.${type.group}`;
    this.#definition = new Reflector<Definition>({
      client,
      type: resourceTypes.customResourceDefinition,
      selection: { fieldSelector: `metadata.name=${name}` },
      keep: withoutSchema,
      signal,
      onChange: (_key, definition) => this.#judge(definition),
      onError: (error) => this.#failed(error),
    });
    void this.#settleWithoutKind();
    signal.addEventListener('abort', () => this.#settled.resolve());
    this.done = this.#definition.done.then(() => this.#watch?.objects.done);
  }

  /** Resolves once it is known whether the kind is there, and then which objects; also where RBAC forbids to know. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** Undefined while the cluster does not have the kind, or its objects are not known. */
  values(): T[] | undefined {
    return this.#watch?.isSynced === true ? this.#watch.objects.values() : undefined;
  }

  #judge(definition: Definition | undefined): void {
    const isThere = definition?.status?.conditions?.some(
      ({ type, status }) => type === 'Established' && status === 'True',
    );
    if (isThere === true && this.#watch === undefined) this.#start();
    if (isThere !== true && this.#watch !== undefined) this.#end();
  }

  #start(): void {
    const { labelSelector, onChange, signal, ...options } = this.#options;
    const stop = new AbortController();
    const objects = new ReflectorSet<T>({
      ...options,
      selection: { labelSelector },
      signal: AbortSignal.any([signal, stop.signal]),
      onChange: () => onChange(),
      onError: (error) => {
        // The CRD has just gone: its own watch says so next.
        if (!isNotFound(error)) this.#failed(error);
      },
    });
    const watch = { objects, stop, isSynced: false };
    this.#watch = watch;
    void this.#settle(watch);
  }

  async #settleWithoutKind(): Promise<void> {
    await this.#definition.synced;
    if (this.#watch === undefined) this.#settled.resolve();
  }

  async #settle(watch: Watch<T>): Promise<void> {
    await watch.objects.synced;
    watch.isSynced = true;
    this.#settled.resolve();
    this.#options.onChange();
  }

  #end(): void {
    this.#watch?.stop.abort();
    this.#watch = undefined;
    this.#options.onChange();
  }

  #failed(error: unknown): void {
    if (error instanceof ApiError && error.status === 403) this.#settled.resolve();
    this.#options.onError(error);
  }
}

/** The schema is most of a CRD, and nobody reads it here. */
function withoutSchema({ metadata, status }: Definition): Definition {
  const { name, uid, resourceVersion } = metadata;
  return {
    metadata: {
      name,
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    status: { conditions: status?.conditions ?? [] },
  };
}
