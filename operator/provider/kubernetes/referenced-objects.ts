// The content of referenced objects of one kind: watched by metadata, fetched when it is needed and has changed.
import { isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { inParallel } from '../../kube/in-parallel.ts';
import { ReflectorSet } from '../../kube/reflector-set.ts';
import type { KubeObject, ResourceType } from '../../kube/resource.ts';
import type { Key } from '../../translate/types.ts';

const FETCHED_AT_ONCE = 16;

export interface ReferencedObjectsOptions {
  readonly client: KubeClient;
  readonly type: ResourceType;
  /** None: the whole cluster. */
  readonly namespaces: readonly string[];
  readonly signal: AbortSignal;
  /** Called when an object that was fetched before, or that was missing when it was asked for, has changed. */
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

/** Holds the content of the objects that the last `fetch` named, and of no other. */
export class ReferencedObjects<T extends KubeObject> {
  readonly #options: ReferencedObjectsOptions;
  readonly #metadata: ReflectorSet<KubeObject>;
  #wanted: ReadonlySet<Key> = new Set();
  #contents = new Map<Key, T>();

  constructor(options: ReferencedObjectsOptions) {
    this.#options = options;
    const { onChange, ...rest } = options;
    this.#metadata = new ReflectorSet<KubeObject>({
      ...rest,
      selection: { metadataOnly: true },
      keep: identityOnly,
      onChange: (key) => {
        if (this.#wanted.has(key)) onChange();
      },
    });
  }

  get synced(): Promise<void> {
    return this.#metadata.synced;
  }

  get done(): Promise<void> {
    return this.#metadata.done;
  }

  /**
   * The named objects as far as they exist, each as new as the watch knows it; the same object while it has not changed.
   * @throws ApiError or a network error
   */
  async fetch(wanted: ReadonlySet<Key>): Promise<T[]> {
    this.#wanted = wanted;
    const contents = new Map<Key, T>();
    await inParallel(FETCHED_AT_ONCE, wanted, async (key) => {
      const live = this.#metadata.get(key);
      if (live === undefined) return;
      const known = this.#contents.get(key);
      const isFresh = known?.metadata.resourceVersion === live.metadata.resourceVersion;
      const object = isFresh ? known : await this.#get(key);
      if (object !== undefined) contents.set(key, object);
    });
    this.#contents = contents;
    return [...contents.values()];
  }

  async #get(key: Key): Promise<T | undefined> {
    const [namespace, name = ''] = key.split('/');
    try {
      const object = await this.#options.client.get<T>(this.#options.type, { namespace, name });
      return { ...object, metadata: identityOnly(object).metadata };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

/** `kubectl apply` keeps a copy of the whole object, secrets included, in an annotation: dropped on arrival. */
function identityOnly({ metadata }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
  };
}
