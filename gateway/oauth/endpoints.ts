// The OAuth endpoints of one snapshot: which path belongs to which route, and what each request is answered.
import type { Snapshot, SnapshotFiles, SnapshotOAuth, SnapshotRoute } from '../config/snapshot.ts';
import { HeaderList } from '../http/headers.ts';
import { MAX_BODY_BYTES, type PlainAnswer, type PlainRequest } from './plain-answer.ts';
import {
  appendQuery,
  type OAuthErrorCode,
  rewriteAudience,
  type Rewritten,
  rewriteTokenForm,
} from './rewrite.ts';
import { TokenClient, TokenEndpointError } from './token-client.ts';

const PREFIX = '/proxyservice';
/** Seconds after which a phone is to ask again. */
const RETRY_AFTER = '30';
/** Others are 501 here as everywhere. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'OPTIONS']);
const FORM_TYPE = /^application\/x-www-form-urlencoded[\t ]*(;|$)/i;

/** True for every path that is ours, without its query: exactly `/proxyservice` or below it. */
export function isOAuthPath(path: string): boolean {
  return path === PREFIX || path.startsWith(`${PREFIX}/`);
}

/** How metrics and log call a request of this path; empty for one that is no endpoint. */
export function oauthCommand(path: string): 'OAuthAuthorize' | 'OAuthToken' | '' {
  if (path.endsWith('/oauth2/authorize')) return 'OAuthAuthorize';
  return path.endsWith('/oauth2/token') ? 'OAuthToken' : '';
}

/** The answer to a body above `MAX_BODY_BYTES`. */
export function bodyTooLarge(): PlainAnswer {
  return errorAnswer(400, 'invalid_request', `the body is larger than ${MAX_BODY_BYTES} bytes`);
}

export interface OAuthOptions {
  /** Told when a token endpoint gave no usable answer: the route (`namespace/name`) and a code without secrets. */
  readonly onUnreachable?: (route: string, code: string) => void;
}

interface Endpoint {
  readonly route: string;
  readonly kind: 'authorize' | 'token';
  readonly oauth: SnapshotOAuth;
  /** Configured authorization endpoint, up to where the query is appended. */
  readonly redirectTo: string;
  readonly client: TokenClient;
  /** False where a reference of the route does not resolve: its CA may be what is missing. */
  readonly isUsable: boolean;
}

/**
 * Makes the endpoints of a validated snapshot: `/proxyservice/<namespace>/<name>/oauth2/{authorize,token}` of every route of
 * type OAuth, and `/proxyservice/oauth2/{authorize,token}` of the default route where it is of that type, else of the
 * oldest; each on the listeners that the route is attached to.
 */
export function compileOAuth(
  snapshot: Snapshot,
  files: SnapshotFiles,
  options: OAuthOptions = {},
): OAuthEndpoints {
  return new OAuthEndpoints(snapshot, files, options);
}

export class OAuthEndpoints {
  /** By listener name, then by path. */
  private readonly listeners = new Map<string, Map<string, Endpoint>>();
  private readonly clients: TokenClient[] = [];
  private readonly options: OAuthOptions;

  constructor(snapshot: Snapshot, files: SnapshotFiles, options: OAuthOptions) {
    this.options = options;
    const paths = new Map<string, Map<string, Endpoint>>(
      snapshot.listeners.map(({ name }) => [name, new Map()]),
    );
    for (const route of defaultsFirst(snapshot.routes)) {
      if (route.authentication.type !== 'OAuth') continue;
      const endpoints = this.endpointsOf(route, route.authentication.oauth, files);
      for (const listener of route.listeners) addPaths(paths.get(listener), route, endpoints);
    }
    this.listeners = paths;
  }

  /** The route (`namespace/name`) whose endpoint this path is on this listener, or null. */
  owner(listener: string, path: string): string | null {
    return this.listeners.get(listener)?.get(path)?.route ?? null;
  }

  /**
   * Answers a request of a path for which `isOAuthPath` is true. Every failure is an answer; nothing is ever logged.
   *
   * @param signal aborted when the phone is gone; then the answer does not matter any more.
   */
  async answer(listener: string, request: PlainRequest, signal: AbortSignal): Promise<PlainAnswer> {
    const mark = request.target.indexOf('?');
    const path = mark < 0 ? request.target : request.target.slice(0, mark);
    const query = mark < 0 ? null : request.target.slice(mark + 1);
    const endpoint = this.listeners.get(listener)?.get(path);
    if (!METHODS.has(request.method))
      return { status: 501, headers: new HeaderList(), body: Buffer.alloc(0) };
    if (endpoint === undefined) return { status: 404, headers: new HeaderList(), body: Buffer.alloc(0) };
    if (!endpoint.isUsable) return unavailable('this route is not configured completely');
    if (request.body.length > MAX_BODY_BYTES) return bodyTooLarge();
    if (endpoint.kind === 'authorize') return answerAuthorize(endpoint, request, query);
    const rewritten = rewriteTokenRequest(endpoint, request, query);
    return rewritten.ok
      ? this.sendOn(endpoint, { ...request, body: rewritten.body }, query, signal)
      : rewritten.answer;
  }

  /** Resolves when the token requests under way have been answered. */
  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }

  private async sendOn(
    endpoint: Endpoint,
    request: PlainRequest,
    query: string | null,
    signal: AbortSignal,
  ): Promise<PlainAnswer> {
    try {
      return await endpoint.client.post(request, query, signal);
    } catch (error) {
      const code = error instanceof TokenEndpointError ? error.code : 'Error';
      if (!signal.aborted) this.options.onUnreachable?.(endpoint.route, code);
      return unavailable('the identity provider cannot be reached');
    }
  }

  private endpointsOf(route: SnapshotRoute, oauth: SnapshotOAuth, files: SnapshotFiles): Endpoint[] {
    const client = new TokenClient(oauth.tokenEndpoint, files.get(oauth.caFile ?? ''));
    this.clients.push(client);
    const { origin, pathname, search } = new URL(oauth.authorizationEndpoint);
    const shared = {
      route: `${route.namespace}/${route.name}`,
      oauth,
      redirectTo: origin + pathname + search,
      client,
      isUsable: route.servers.length > 0,
    };
    return [
      { ...shared, kind: 'authorize' },
      { ...shared, kind: 'token' },
    ];
  }
}

/** Default routes before the others, each in their order of age: the first of type OAuth owns the short paths. */
function defaultsFirst(routes: readonly SnapshotRoute[]): SnapshotRoute[] {
  return [...routes.filter(isDefault), ...routes.filter((route) => !isDefault(route))];
}

function isDefault({ match }: SnapshotRoute): boolean {
  return match.users.length + match.deviceTypes.length + match.domains.length === 0;
}

function addPaths(
  paths: Map<string, Endpoint> | undefined,
  route: SnapshotRoute,
  endpoints: readonly Endpoint[],
): void {
  if (paths === undefined) return;
  for (const endpoint of endpoints) {
    const short = `${PREFIX}/oauth2/${endpoint.kind}`;
    if (!paths.has(short)) paths.set(short, endpoint);
    paths.set(`${PREFIX}/${route.namespace}/${route.name}/oauth2/${endpoint.kind}`, endpoint);
  }
}

type TokenRequest =
  { readonly ok: true; readonly body: Buffer } | { readonly ok: false; readonly answer: PlainAnswer };

function rewriteTokenRequest(endpoint: Endpoint, request: PlainRequest, query: string | null): TokenRequest {
  if (request.method !== 'POST') return { ok: false, answer: methodNotAllowed('POST') };
  const types = request.headers.getAll('content-type');
  if (types.length !== 1 || !FORM_TYPE.test(types[0] ?? '')) {
    const description = 'the content type must be application/x-www-form-urlencoded';
    return { ok: false, answer: errorAnswer(400, 'invalid_request', description) };
  }
  const rewritten = rewriteTokenForm(request.body.toString('latin1'), query, endpoint.oauth);
  if (!rewritten.ok) return { ok: false, answer: refusal(rewritten) };
  return { ok: true, body: Buffer.from(rewritten.text, 'latin1') };
}

function answerAuthorize(endpoint: Endpoint, request: PlainRequest, query: string | null): PlainAnswer {
  if (request.method !== 'GET') return methodNotAllowed('GET');
  if (request.body.length > 0)
    return errorAnswer(400, 'invalid_request', 'an authorization request has no body');
  const rewritten = rewriteAudience(query ?? '', endpoint.oauth);
  if (!rewritten.ok) return refusal(rewritten);
  const location = appendQuery(endpoint.redirectTo, query === null ? null : rewritten.text);
  return {
    status: 302,
    headers: HeaderList.of(['Location', location], ['Cache-Control', 'no-store']),
    body: Buffer.alloc(0),
  };
}

function methodNotAllowed(allowed: string): PlainAnswer {
  const answer = errorAnswer(405, 'invalid_request', `this endpoint answers ${allowed} alone`);
  answer.headers.append('Allow', allowed);
  return answer;
}

function refusal(rewritten: Extract<Rewritten, { ok: false }>): PlainAnswer {
  return errorAnswer(400, rewritten.error, rewritten.description);
}

function unavailable(description: string): PlainAnswer {
  const answer = errorAnswer(503, 'temporarily_unavailable', description);
  answer.headers.append('Retry-After', RETRY_AFTER);
  return answer;
}

/** The JSON of RFC 6749, 5.2. The description is a constant: nothing of the request comes back in it. */
function errorAnswer(status: number, error: OAuthErrorCode, description: string): PlainAnswer {
  return {
    status,
    headers: HeaderList.of(['Content-Type', 'application/json'], ['Cache-Control', 'no-store']),
    body: Buffer.from(JSON.stringify({ error, error_description: description })),
  };
}
