// One selection of objects in several namespaces: a reflector for each, or one for the whole cluster.
import { Reflector, type ReflectorOptions } from './reflector.ts';
import type { KubeObject } from './resource.ts';

export interface ReflectorSetOptions<T> extends ReflectorOptions<T> {
  /** None: the whole cluster. */
  readonly namespaces: readonly string[];
}

/** Reads as a single reflector does. */
export class ReflectorSet<T extends KubeObject> {
  readonly #reflectors: readonly Reflector<T>[];
  /** Resolves once every first list is complete; never rejects. */
  readonly synced: Promise<void>;
  /** Resolves when the signal has ended all of them. */
  readonly done: Promise<void>;

  constructor({ namespaces, selection, ...options }: ReflectorSetOptions<T>) {
    const places = namespaces.length === 0 ? [undefined] : namespaces;
    this.#reflectors = places.map(
      (namespace) => new Reflector<T>({ ...options, selection: { ...selection, namespace } }),
    );
    this.synced = Promise.all(this.#reflectors.map(({ synced }) => synced)).then(() => undefined);
    this.done = Promise.all(this.#reflectors.map(({ done }) => done)).then(() => undefined);
  }

  /** @param key `namespace/name` */
  get(key: string): T | undefined {
    for (const reflector of this.#reflectors) {
      const object = reflector.get(key);
      if (object !== undefined) return object;
    }
    return undefined;
  }

  values(): T[] {
    return this.#reflectors.flatMap((reflector) => reflector.values());
  }
}
