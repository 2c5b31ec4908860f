// A reflector keeps a copy of one selection of objects: list, then watch, for ever.
import { ApiError, isExpired } from './api-error.ts';
import { backoffMs, wait } from './backoff.ts';
import type { KubeClient, Selection } from './client.ts';
import { type KubeObject, keyOf, type ResourceType } from './resource.ts';

export interface ReflectorOptions<T> {
  readonly client: KubeClient;
  readonly type: ResourceType;
  readonly selection?: Selection;
  readonly signal: AbortSignal;
  /** What is kept of an object on its arrival; it must keep name, namespace, uid and resourceVersion. Default: all of it. */
  readonly keep?: (object: T) => T;
  /** Called after the copy has changed, with the key; a deletion shows as `undefined`. Must not throw. */
  readonly onChange?: (key: string, object: T | undefined) => void;
  /** Called when the API server could not be reached or refused; the reflector goes on by itself. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Starts at once and never stops by itself but by its signal. It misses no state: whatever happened between two lists
 * shows as a change or a deletion (an object deleted and made again shows by its uid).
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #objects = new Map<string, T>();
  #resolveSynced!: () => void;
  /** Resolves once the first list is complete in the copy: a true barrier; never rejects. */
  readonly synced: Promise<void>;
  /** Resolves when the signal has ended it. */
  readonly done: Promise<void>;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.synced = new Promise((resolve) => {
      this.#resolveSynced = resolve;
    });
    this.done = this.#run();
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): T[] {
    return [...this.#objects.values()];
  }

  async #run(): Promise<void> {
    const { signal, onError } = this.#options;
    let resourceVersion: string | undefined;
    let failures = 0;
    while (!signal.aborted) {
      try {
        resourceVersion ??= await this.#list();
        failures = 0;
        resourceVersion = await this.#watch(resourceVersion);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof WatchInterrupted) resourceVersion = error.resourceVersion;
        if (isExpired(causeOf(error))) resourceVersion = undefined;
        else {
          failures += 1;
          onError?.(causeOf(error));
          await wait(backoffMs(failures, { baseMs: 200, capMs: 15_000 }), signal);
        }
      }
    }
  }

  async #list(): Promise<string> {
    const { client, type, selection, signal } = this.#options;
    const { items, resourceVersion } = await client.list<T>(type, selection, signal);
    const gone = new Set(this.#objects.keys());
    for (const item of items) {
      gone.delete(keyOf(item));
      this.#set(item);
    }
    for (const key of gone) this.#delete(key);
    this.#resolveSynced();
    return resourceVersion;
  }

  async #watch(from: string): Promise<string> {
    const { client, type, selection, signal } = this.#options;
    let resourceVersion = from;
    try {
      for await (const event of client.watch<T>(type, { ...selection, resourceVersion }, signal)) {
        if (event.type === 'ERROR') {
          const { code = 500, reason = 'Unknown', message } = event.object;
          throw new ApiError(code, reason, { request: `watch ${type.plural}`, message });
        }
        resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
        if (event.type === 'DELETED') this.#delete(keyOf(event.object));
        else if (event.type !== 'BOOKMARK') this.#set(event.object);
      }
    } catch (error) {
      throw new WatchInterrupted(resourceVersion, error);
    }
    return resourceVersion;
  }

  #set(object: T): void {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    if (
      before?.metadata.resourceVersion === object.metadata.resourceVersion &&
      before?.metadata.uid === object.metadata.uid
    )
      return;
    const kept = this.#options.keep?.(object) ?? object;
    this.#objects.set(key, kept);
    this.#options.onChange?.(key, kept);
  }

  #delete(key: string): void {
    if (this.#objects.delete(key)) this.#options.onChange?.(key, undefined);
  }
}

/** Carries how far a watch had come when it broke, so that the next one resumes there. */
class WatchInterrupted extends Error {
  readonly resourceVersion: string;

  constructor(resourceVersion: string, cause: unknown) {
    super('The watch was interrupted.', { cause });
    this.resourceVersion = resourceVersion;
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof WatchInterrupted ? error.cause : error;
}
