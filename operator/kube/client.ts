// The client of the API server: every request of the operator goes through one shared undici Agent.
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher } from 'undici';
import { ApiError } from './api-error.ts';
import { type KubeObject, type ResourceType, resourcePath } from './resource.ts';

/** The name under which the operator owns fields in server-side apply. */
export const FIELD_MANAGER = 'sentry-operator';

const REQUEST_TIMEOUT_MS = 30_000;
/** Bookmarks arrive each minute: a watch without a byte for longer is half-open. */
const WATCH_SILENCE_MS = 150_000;
const WATCH_SECONDS = 290;
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

interface StatusObject {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** Called with every request: method, resource path and status (0 where no answer came). */
export type RequestObserver = (method: string, path: string, status: number) => void;

/** A typed, small client: get, list in pages, watch, create, apply, patch, delete. */
export class KubeClient {
  readonly #kubeConfig: KubeConfig;
  readonly #agent: Agent;
  readonly #server: URL;
  readonly #observe: RequestObserver;

  private constructor(kubeConfig: KubeConfig, agent: Agent, server: URL, observe: RequestObserver) {
    this.#kubeConfig = kubeConfig;
    this.#agent = agent;
    this.#server = server;
    this.#observe = observe;
  }

  /**
   * Connects lazily to the cluster of a kubeconfig file; without one to the cluster that the pod runs in, or to the
   * user's default kubeconfig. @throws Error when the configuration names no cluster
   */
  static async create(
    options: { kubeconfig?: string | undefined; onRequest?: RequestObserver } = {},
  ): Promise<KubeClient> {
    const kubeConfig = new KubeConfig();
    if (options.kubeconfig === undefined) kubeConfig.loadFromDefault();
    else kubeConfig.loadFromString(await readFile(options.kubeconfig, 'utf8'));
    const cluster = kubeConfig.getCurrentCluster();
    if (cluster === null) throw new Error('The kubeconfig has no current context with a cluster: set one.');
    const tls: RequestOptions = {};
    await kubeConfig.applyToHTTPSOptions(tls);
    const agent = new Agent({
      allowH2: false,
      headersTimeout: REQUEST_TIMEOUT_MS,
      bodyTimeout: REQUEST_TIMEOUT_MS,
      connect: {
        timeout: 10_000,
        keepAlive: true,
        keepAliveInitialDelay: 30_000,
        autoSelectFamilyAttemptTimeout: 2_000,
        ...(tls.ca === undefined ? {} : { ca: tls.ca }),
        ...(tls.cert === undefined ? {} : { cert: tls.cert }),
        ...(tls.key === undefined ? {} : { key: tls.key }),
        ...(cluster.tlsServerName === undefined ? {} : { servername: cluster.tlsServerName }),
        rejectUnauthorized: !cluster.skipTLSVerify,
      },
    });
    return new KubeClient(kubeConfig, agent, new URL(cluster.server), options.onRequest ?? (() => {}));
  }

  /** The object. @throws ApiError, with status 404 when it does not exist */
  async get<T extends KubeObject>(type: ResourceType, target: Target): Promise<T> {
    return this.#json<T>('GET', resourcePath(type, target), {});
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
      const page = await this.#json<{
        metadata: { resourceVersion: string; continue?: string };
        items: T[] | null;
      }>('GET', resourcePath(type, { namespace: selection.namespace }), {
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
   * Changes since a resourceVersion, until the server ends the watch (every few minutes).
   * @throws ApiError when the request is refused; a network error when the connection breaks or falls silent
   */
  async *watch<T extends KubeObject>(
    type: ResourceType,
    selection: Selection & { resourceVersion: string },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const query = selectionQuery(selection);
    query.set('watch', 'true');
    query.set('allowWatchBookmarks', 'true');
    query.set('timeoutSeconds', String(WATCH_SECONDS));
    query.set('resourceVersion', selection.resourceVersion);
    const response = await this.#request('GET', resourcePath(type, { namespace: selection.namespace }), {
      query,
      signal,
      accept: acceptOf('', selection),
      bodyTimeoutMs: WATCH_SILENCE_MS,
    });
    response.body.setEncoding('utf8');
    let rest = '';
    for await (const chunk of response.body as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line) as WatchEvent<T>;
    }
  }

  /** Creates an object. @throws ApiError, with status 409 when it exists */
  async create<T extends KubeObject>(type: ResourceType, object: KubeObject): Promise<T> {
    return this.#json<T>('POST', resourcePath(type, { namespace: object.metadata.namespace }), {
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
    return this.#json<T>(
      'PATCH',
      resourcePath(type, { namespace, name, ...(subresource && { subresource }) }),
      {
        query: new URLSearchParams({ fieldManager: FIELD_MANAGER, force: 'true', fieldValidation: 'Strict' }),
        body: object,
        contentType: 'application/apply-patch+yaml',
      },
    );
  }

  /** Merge patch of an object, or of a subresource. @throws ApiError */
  async mergePatch<T extends KubeObject>(
    type: ResourceType,
    target: Target,
    patch: object,
    subresource?: 'status',
  ): Promise<T> {
    return this.#json<T>('PATCH', resourcePath(type, { ...target, ...(subresource && { subresource }) }), {
      query: new URLSearchParams({ fieldManager: FIELD_MANAGER }),
      body: patch,
      contentType: 'application/merge-patch+json',
    });
  }

  /** Deletes the object with this uid, dependents in the background. @throws ApiError, 404 when it is gone */
  async delete(type: ResourceType, target: Target & { uid?: string | undefined }): Promise<void> {
    await this.#json('DELETE', resourcePath(type, { namespace: target.namespace, name: target.name }), {
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
    await this.#agent.destroy();
  }

  async #json<T>(method: Dispatcher.HttpMethod, path: string, options: RequestOptionsOf): Promise<T> {
    const response = await this.#request(method, path, options);
    return (await response.body.json()) as T;
  }

  async #request(
    method: Dispatcher.HttpMethod,
    path: string,
    options: RequestOptionsOf,
  ): Promise<Dispatcher.ResponseData> {
    const query = options.query === undefined ? '' : `?${options.query.toString()}`;
    const prefix = this.#server.pathname.replace(/\/$/, '');
    let status = 0;
    try {
      const response = await this.#agent.request({
        origin: this.#server.origin,
        path: `${prefix}${path}${query}`,
        method,
        headers: await this.#headers(options),
        body: options.body === undefined ? null : JSON.stringify(options.body),
        signal: options.signal ?? null,
        ...(options.bodyTimeoutMs === undefined ? {} : { bodyTimeout: options.bodyTimeoutMs }),
      });
      status = response.statusCode;
      if (status >= 300) throw await apiErrorOf(`${method} ${path}`, response);
      return response;
    } finally {
      this.#observe(method, path, status);
    }
  }

  async #headers({ accept, contentType }: RequestOptionsOf): Promise<Record<string, string>> {
    const authentication: RequestOptions = { headers: {} };
    await this.#kubeConfig.applyToHTTPSOptions(authentication);
    return {
      ...(authentication.headers as Record<string, string>),
      ...(authentication.auth == null
        ? {}
        : { authorization: `Basic ${Buffer.from(authentication.auth).toString('base64')}` }),
      accept: accept ?? 'application/json',
      'content-type': contentType ?? 'application/json',
      'user-agent': FIELD_MANAGER,
    };
  }
}

interface RequestOptionsOf {
  readonly query?: URLSearchParams | undefined;
  readonly body?: object | undefined;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly bodyTimeoutMs?: number | undefined;
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

async function apiErrorOf(request: string, response: Dispatcher.ResponseData): Promise<ApiError> {
  const retryAfter = Number(response.headers['retry-after']);
  const body = await response.body.text();
  let status: StatusObject = {};
  try {
    status = JSON.parse(body) as StatusObject;
  } catch {
    // Not a Status: a proxy's page, of which only the HTTP status is of use.
  }
  return new ApiError(response.statusCode, status.reason ?? 'Unknown', {
    request,
    message: request.includes('/secrets') ? undefined : status.message,
    retryAfterSeconds: Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : undefined,
  });
}
