// A reflector keeps a copy of one selection of objects: list, then watch, for ever.
import { ApiError, isExpired, isServerTrouble } from './api-error.ts';
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
  /**
   * Called after the copy has changed, with the key; a deletion shows as `undefined`. `isInitial`: it was there when
   * the reflector started, so nobody waits for it.
   */
  readonly onChange?: (key: string, object: T | undefined, isInitial: boolean) => void;
  /** Called when the API server could not be reached or refused; the reflector goes on by itself. */
  readonly onError?: (error: unknown) => void;
}

/** A watch that ends sooner, without an event, is taken for a failure: else two requests a moment would go on for ever. */
const SHORT_WATCH_MS = 1000;
/** So often in a row a watch is resumed where it broke; then it begins anew, in case the server went back in time. */
const MOST_RESUMED = 4;

/** How a watch ended. */
interface WatchEnd {
  /** How far it came. */
  readonly resourceVersion: string;
  /** True when it gave events, or lasted and was ended by the server. */
  readonly hasWorked: boolean;
  readonly error?: unknown;
}

/**
 * Starts at once and never stops by itself but by its signal. It misses no state: whatever happened between two lists
 * shows as a change or a deletion (an object deleted and made again shows by its uid).
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #objects = new Map<string, T>();
  #recovered = new AbortController();
  #isSynced = false;
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
    options.client.onRecovered(() => this.#recovered.abort(), options.signal);
    this.done = this.#run();
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): T[] {
    return [...this.#objects.values()];
  }

  async #run(): Promise<void> {
    const { signal } = this.#options;
    let position: string | undefined;
    let failures = 0;
    while (!signal.aborted) {
      try {
        position ??= await this.#list();
      } catch (error) {
        await this.#pause((failures += 1), error);
        continue;
      }
      if (signal.aborted) return;
      const end = await this.#watch(position);
      const hasFailed = end.error !== undefined || !end.hasWorked;
      if (end.hasWorked) failures = 0;
      if (hasFailed) failures += 1;
      position = hasFailed && mustListAgain(end.error, failures) ? undefined : end.resourceVersion;
      if (hasFailed) await this.#pause(failures, end.error);
    }
  }

  /** Waits longer after each failure; shorter when another request shows that the API server answers again. */
  async #pause(failures: number, error: unknown): Promise<void> {
    const { signal, onError } = this.#options;
    if (signal.aborted || (failures === 1 && isExpired(error))) return;
    if (error !== undefined && !isExpired(error)) onError?.(error);
    const askedMs = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const pauseMs = Math.max(askedMs, backoffMs(failures, { baseMs: 200, capMs: 15_000 }));
    this.#recovered = new AbortController();
    await wait(pauseMs, AbortSignal.any([signal, this.#recovered.signal]));
  }

  async #list(): Promise<string> {
    const { client, type, selection, signal } = this.#options;
    const { items, resourceVersion } = await client.list<T>(type, selection, signal);
    if (signal.aborted) return resourceVersion;
    const gone = new Set(this.#objects.keys());
    for (const item of items) {
      gone.delete(keyOf(item));
      this.#set(item);
    }
    for (const key of gone) this.#delete(key);
    this.#isSynced = true;
    this.#resolveSynced();
    return resourceVersion;
  }

  /** Follows changes until the watch ends, however it ends. */
  async #watch(from: string): Promise<WatchEnd> {
    const { client, type, selection, signal } = this.#options;
    const startedMs = performance.now();
    let resourceVersion = from;
    let events = 0;
    try {
      for await (const event of client.watch<T>(type, { ...selection, resourceVersion }, signal)) {
        if (event.type === 'ERROR') {
          const { code = 500, reason = 'Unknown', message } = event.object;
          throw new ApiError(code, reason, { request: `watch ${type.plural}`, message });
        }
        events += 1;
        resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
        if (event.type === 'DELETED') this.#delete(keyOf(event.object));
        else if (event.type !== 'BOOKMARK') this.#set(event.object);
      }
      return { resourceVersion, hasWorked: events > 0 || performance.now() - startedMs > SHORT_WATCH_MS };
    } catch (error) {
      return { resourceVersion, hasWorked: events > 0, error };
    }
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
    this.#tell(key, kept);
  }

  #delete(key: string): void {
    if (this.#objects.delete(key)) this.#tell(key, undefined);
  }

  /** What a listener throws is told, and does not keep the copy from being complete. */
  #tell(key: string, object: T | undefined): void {
    const { onChange, onError } = this.#options;
    try {
      onChange?.(key, object, !this.#isSynced);
    } catch (error) {
      onError?.(error);
    }
  }
}

/** A watch is resumed where the connection or the server broke; where the request was refused, or breaks again and again, not. */
function mustListAgain(error: unknown, failures: number): boolean {
  if (failures % (MOST_RESUMED + 1) === 0) return true;
  if (!(error instanceof ApiError)) return false;
  return isExpired(error) || !(isServerTrouble(error) || error.status === 403);
}
