// The content of referenced objects of one kind: watched by metadata, fetched when it is needed and has changed.
import { isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { Reflector } from '../../kube/reflector.ts';
import type { KubeObject, ResourceType } from '../../kube/resource.ts';
import type { Key } from '../../translate/types.ts';

export interface ReferencedObjectsOptions {
  readonly client: KubeClient;
  readonly type: ResourceType;
  readonly namespace: string | undefined;
  readonly signal: AbortSignal;
  /** Called when an object that was fetched before, or that was missing when it was asked for, has changed. */
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

/** Holds the content of the objects that the last `fetch` named, and of no other. */
export class ReferencedObjects<T extends KubeObject> {
  readonly #options: ReferencedObjectsOptions;
  readonly #metadata: Reflector<KubeObject>;
  #wanted: ReadonlySet<Key> = new Set();
  #contents = new Map<Key, T>();

  constructor(options: ReferencedObjectsOptions) {
    this.#options = options;
    this.#metadata = new Reflector<KubeObject>({
      client: options.client,
      type: options.type,
      selection: { namespace: options.namespace, metadataOnly: true },
      signal: options.signal,
      onChange: (key) => {
        if (this.#wanted.has(key)) options.onChange();
      },
      onError: options.onError,
    });
  }

  get synced(): Promise<void> {
    return this.#metadata.synced;
  }

  get done(): Promise<void> {
    return this.#metadata.done;
  }

  /** The named objects as far as they exist, each as new as the watch knows it. @throws ApiError or a network error */
  async fetch(wanted: ReadonlySet<Key>): Promise<T[]> {
    this.#wanted = wanted;
    const contents = new Map<Key, T>();
    for (const key of wanted) {
      const live = this.#metadata.get(key);
      if (live === undefined) continue;
      const known = this.#contents.get(key);
      const object =
        known?.metadata.resourceVersion === live.metadata.resourceVersion ? known : await this.#get(key);
      if (object !== undefined) contents.set(key, object);
    }
    this.#contents = contents;
    return [...contents.values()];
  }

  async #get(key: Key): Promise<T | undefined> {
    const [namespace, name = ''] = key.split('/');
    try {
      const object = await this.#options.client.get<T>(this.#options.type, { namespace, name });
      return withoutAnnotations(object);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

/** `kubectl apply` keeps a copy of the whole object, secrets included, in an annotation. */
function withoutAnnotations<T extends KubeObject>(object: T): T {
  const { annotations: _annotations, ...metadata } = object.metadata;
  return { ...object, metadata };
}
