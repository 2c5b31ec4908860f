// HTTP to the API server: one shared undici Agent, time-outs on everything, and the refusals that a second try mends.
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher } from 'undici';
import { ApiError } from './api-error.ts';
import { Availability } from './availability.ts';
import { Credentials, type Headers } from './credentials.ts';
import { configured, type KubeConfigSource } from './kubeconfig.ts';
import { Slots } from './slots.ts';

const CONNECT_TIMEOUT_MS = 5000;
/** Connections are as many as these and the open watches. */
const MOST_AT_ONCE = 32;
/** A longer Retry-After is the caller's to wait for: its key goes to the end of the queue meanwhile. */
const LONGEST_PAUSE_MS = 10_000;

export interface ObservedRequest {
  /** `host:port` of the API server. */
  readonly host: string;
  readonly method: string;
  /** The resource's path, without a query. */
  readonly path: string;
  /** Of the answer; 0 where none came. */
  readonly status: number;
}

/** Called with every request once its answer begins or fails. */
export type RequestObserver = (request: ObservedRequest) => void;

export interface ConnectionOptions {
  /** How long an ordinary request may take with its answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly userAgent: string;
  readonly onRequest: RequestObserver;
}

export interface Call {
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly query?: URLSearchParams | undefined;
  readonly body?: object | undefined;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the `status` of an error says. */
export interface StatusObject {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

export class Connection {
  readonly #agent: Agent;
  readonly #server: URL;
  readonly #credentials: Credentials;
  readonly #options: ConnectionOptions;
  readonly #slots = new Slots(MOST_AT_ONCE);
  readonly availability = new Availability();

  private constructor(agent: Agent, server: URL, credentials: Credentials, options: ConnectionOptions) {
    this.#agent = agent;
    this.#server = server;
    this.#credentials = credentials;
    this.#options = options;
  }

  /** Connects lazily. @throws Error when the configuration names no cluster or cannot be read */
  static async open(source: KubeConfigSource, options: ConnectionOptions): Promise<Connection> {
    const { server, tls, load } = await configured(source);
    const agent = new Agent({
      allowH2: false,
      headersTimeout: options.timeoutMs,
      bodyTimeout: 0,
      connect: {
        timeout: CONNECT_TIMEOUT_MS,
        keepAlive: true,
        keepAliveInitialDelay: 30_000,
        autoSelectFamilyAttemptTimeout: 2000,
        ...tls,
      },
    });
    return new Connection(agent, server, new Credentials(load, () => performance.now()), options);
  }

  /** The whole answer, parsed. @throws ApiError; Error with a `code` when there is no answer in time */
  async json<T>(call: Call): Promise<T> {
    return this.#slots.run(async () => {
      const { body } = await this.#send(call, this.#options.timeoutMs);
      return (await body.json()) as T;
    });
  }

  /** The answer as it comes, for `timeoutMs` at the most. @throws ApiError; Error with a `code` */
  async *lines(call: Call, timeoutMs: number): AsyncGenerator<string> {
    const { body } = await this.#send(call, timeoutMs);
    body.setEncoding('utf8');
    let rest = '';
    for await (const chunk of body as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield line;
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** Tries again once with credentials read anew (401), and after a short Retry-After (429): neither was done. */
  async #send(call: Call, timeoutMs: number): Promise<Dispatcher.ResponseData> {
    let pausedMs = 0;
    let isRenewed = false;
    for (;;) {
      const headers = await this.#credentials.headers();
      const response = await this.#attempt(call, headers, timeoutMs);
      if (response.statusCode < 300) return response;
      const error = await apiErrorOf(`${call.method} ${call.path}`, response);
      if (error.status === 401 && !isRenewed) {
        isRenewed = true;
        await this.#credentials.renew(headers);
        continue;
      }
      const pauseMs = error.status === 429 ? (error.retryAfterSeconds ?? Infinity) * 1000 : Infinity;
      pausedMs += pauseMs;
      if (pausedMs > Math.min(LONGEST_PAUSE_MS, timeoutMs)) throw error;
      await sleep(pauseMs, undefined, { signal: call.signal });
    }
  }

  async #attempt(call: Call, headers: Headers, timeoutMs: number): Promise<Dispatcher.ResponseData> {
    const { method, path, body, signal } = call;
    const query = call.query === undefined ? '' : `?${call.query.toString()}`;
    const deadline = deadlineOf(`${method} ${path}`, timeoutMs, signal);
    let status = 0;
    try {
      const response = await this.#agent.request({
        origin: this.#server.origin,
        path: `${this.#server.pathname.replace(/\/$/, '')}${path}${query}`,
        method,
        headers: {
          ...headers,
          accept: call.accept ?? 'application/json',
          'content-type': call.contentType ?? 'application/json',
          'user-agent': this.#options.userAgent,
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: deadline.signal,
      });
      status = response.statusCode;
      response.body.once('close', deadline.clear);
      return response;
    } catch (error) {
      deadline.clear();
      throw error;
    } finally {
      this.#options.onRequest({ host: this.#server.host, method, path, status });
      if (status > 0 && status < 500) this.availability.answered();
      else if (signal?.aborted !== true) this.availability.failed();
    }
  }
}

/** An undici request takes one signal: that of the caller, or time running out. */
function deadlineOf(
  request: string,
  milliseconds: number,
  signal: AbortSignal | undefined,
): { readonly signal: AbortSignal; readonly clear: () => void } {
  const either = new AbortController();
  const message = `The API server did not finish ${request} within ${milliseconds / 1000} s.`;
  const timer = setTimeout(
    () => either.abort(Object.assign(new Error(message), { code: 'ETIMEDOUT' })),
    milliseconds,
  );
  const onAbort = (): void => either.abort(signal?.reason);
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const clear = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  };
  return { signal: either.signal, clear };
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
