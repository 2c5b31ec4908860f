// The client of the API server: its verbs, typed and small.
import { Connection, type RequestObserver, type StatusObject } from './connection.ts';
import { type KubeObject, type ResourceType, resourcePath } from './resource.ts';

/** The name under which the operator owns fields in server-side apply. */
export const FIELD_MANAGER = 'sentry-operator';

/** Beyond what a webhook may take; short enough that a connection that has died unnoticed delays nothing by half a minute. */
const REQUEST_TIMEOUT_MS = 20_000;
/** Short, so that a half-open connection is noticed soon: bookmarks, each minute only, could not tell it from silence. */
const WATCH_SECONDS = { least: 15, most: 20 };
/** What a watch may take beyond its time: a bookmark comes two seconds before its end. */
const WATCH_GRACE_MS = 4000;
const PAGE_SIZE = 500;

export interface Target {
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface Selection {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Ask for metadata only (PartialObjectMetadata), so that no secret is ever held. */
  readonly metadataOnly?: boolean | undefined;
}

export interface List<T> {
  readonly items: T[];
  readonly resourceVersion: string;
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: T }
  | { readonly type: 'ERROR'; readonly object: StatusObject };

export interface KubeClientOptions {
  /** A kubeconfig file; undefined: the cluster that the pod runs in, or the user's default kubeconfig. */
  readonly kubeconfig?: string | undefined;
  readonly onRequest?: RequestObserver;
  /** How long a request may take with its answer, in milliseconds. Default 20,000. */
  readonly timeoutMs?: number;
  /** How long one watch lasts before it is opened anew, in whole seconds, by chance between the two. Default 15 to 20. */
  readonly watchSeconds?: { readonly least: number; readonly most: number };
}

/** Get, list in pages, watch, create, update, apply, patch, delete: everything through one connection pool. */
export class KubeClient {
  readonly #connection: Connection;
  readonly #watchSeconds: { readonly least: number; readonly most: number };

  private constructor(connection: Connection, watchSeconds: { least: number; most: number }) {
    this.#connection = connection;
    this.#watchSeconds = watchSeconds;
  }

  /** Connects lazily. @throws Error when the configuration names no cluster or cannot be read */
  static async create({
    kubeconfig,
    onRequest = () => {},
    timeoutMs = REQUEST_TIMEOUT_MS,
    watchSeconds = WATCH_SECONDS,
  }: KubeClientOptions = {}): Promise<KubeClient> {
    const connection = await Connection.open(kubeconfig, { timeoutMs, onRequest, userAgent: FIELD_MANAGER });
    return new KubeClient(connection, watchSeconds);
  }

  /** Calls the listener whenever the API server answers again after trouble, until the signal aborts. */
  onRecovered(listener: () => void, signal: AbortSignal): void {
    this.#connection.availability.onRecovered(listener, signal);
  }

  /** The object. @throws ApiError, with status 404 when it does not exist */
  async get<T extends KubeObject>(type: ResourceType, target: Target): Promise<T> {
    return this.#connection.json<T>({ method: 'GET', path: resourcePath(type, target) });
  }

  /** All objects of a selection, fetched in pages. @throws ApiError; status 410 when a page has expired */
  async list<T extends KubeObject>(
    type: ResourceType,
    selection: Selection = {},
    signal?: AbortSignal,
  ): Promise<List<T>> {
    const items: T[] = [];
    let continuation: string | undefined;
    for (;;) {
      const query = selectionQuery(selection);
      query.set('limit', String(PAGE_SIZE));
      if (continuation !== undefined) query.set('continue', continuation);
      const page = await this.#connection.json<Page<T>>({
        method: 'GET',
        path: resourcePath(type, { namespace: selection.namespace }),
        query,
        signal,
        accept: acceptOf('List', selection),
      });
      items.push(...(page.items ?? []));
      continuation = page.metadata.continue;
      if (continuation === undefined || continuation === '') {
        return { items, resourceVersion: page.metadata.resourceVersion };
      }
    }
  }

  /**
   * Changes since a resourceVersion, until the server ends the watch (after seconds: open the next one).
   * @throws ApiError when the request is refused; Error with a `code` when the connection breaks or falls silent
   */
  async *watch<T extends KubeObject>(
    type: ResourceType,
    selection: Selection & { resourceVersion: string },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const { least, most } = this.#watchSeconds;
    const seconds = least + Math.floor(Math.random() * (most - least + 1));
    const query = selectionQuery(selection);
    query.set('watch', 'true');
    query.set('allowWatchBookmarks', 'true');
    query.set('timeoutSeconds', String(seconds));
    query.set('resourceVersion', selection.resourceVersion);
    const path = resourcePath(type, { namespace: selection.namespace });
    const call = { method: 'GET', path, query, signal, accept: acceptOf('', selection) } as const;
    for await (const line of this.#connection.lines(call, seconds * 1000 + WATCH_GRACE_MS)) {
      yield JSON.parse(line) as WatchEvent<T>;
    }
  }

  /** Creates an object. @throws ApiError, with status 409 when it exists */
  async create<T extends KubeObject>(type: ResourceType, object: KubeObject): Promise<T> {
    return this.#connection.json<T>({
      method: 'POST',
      path: resourcePath(type, { namespace: object.metadata.namespace }),
      query: new URLSearchParams({ fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' }),
      body: object,
    });
  }

  /** Replaces the object as it was seen. @throws ApiError, with reason Conflict when it has changed since */
  async update<T extends KubeObject>(type: ResourceType, object: KubeObject): Promise<T> {
    const { namespace, name } = object.metadata;
    return this.#connection.json<T>({
      method: 'PUT',
      path: resourcePath(type, { namespace, name }),
      query: new URLSearchParams({ fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' }),
      body: object,
    });
  }

  /**
   * Server-side apply of an object, or of its `status`, as our field manager; fields that another manager owns are
   * taken over. @throws ApiError, with status 409 when the object carries a uid that is no longer the live one's
   */
  async apply<T extends KubeObject>(
    type: ResourceType,
    object: KubeObject,
    subresource?: 'status',
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    return this.#connection.json<T>({
      method: 'PATCH',
      path: resourcePath(type, { namespace, name, ...(subresource && { subresource }) }),
      query: new URLSearchParams({ fieldManager: FIELD_MANAGER, force: 'true', fieldValidation: 'Strict' }),
      body: object,
      contentType: 'application/apply-patch+yaml',
    });
  }

  /** Merge patch of an object, or of a subresource. @throws ApiError */
  async mergePatch<T extends KubeObject>(
    type: ResourceType,
    target: Target,
    patch: object,
    subresource?: 'status',
  ): Promise<T> {
    return this.#connection.json<T>({
      method: 'PATCH',
      path: resourcePath(type, { ...target, ...(subresource && { subresource }) }),
      query: new URLSearchParams({ fieldManager: FIELD_MANAGER }),
      body: patch,
      contentType: 'application/merge-patch+json',
    });
  }

  /** Deletes the object with this uid, dependents in the background. @throws ApiError, 404 when it is gone */
  async delete(type: ResourceType, target: Target & { uid?: string | undefined }): Promise<void> {
    await this.#connection.json({
      method: 'DELETE',
      path: resourcePath(type, { namespace: target.namespace, name: target.name }),
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
        ...(target.uid === undefined ? {} : { preconditions: { uid: target.uid } }),
      },
    });
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await this.#connection.close();
  }
}

interface Page<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[] | null;
}

function selectionQuery({ labelSelector, fieldSelector }: Selection): URLSearchParams {
  const query = new URLSearchParams();
  if (labelSelector !== undefined) query.set('labelSelector', labelSelector);
  if (fieldSelector !== undefined) query.set('fieldSelector', fieldSelector);
  return query;
}

function acceptOf(suffix: 'List' | '', { metadataOnly }: Selection): string {
  return metadataOnly === true
    ? `application/json;as=PartialObjectMetadata${suffix};g=meta.k8s.io;v=v1`
    : 'application/json';
}
