// The OAuth endpoints of one snapshot: which path belongs to which route, and what each request is answered.
import type { Snapshot, SnapshotFiles, SnapshotRoute } from '../config/snapshot.ts';
import type { HeaderList } from '../http/headers.ts';
import { mapAnsweredResource } from './answered-resource.ts';
import { throughGateway } from './configuration-document.ts';
import { type IdentityProviderClient, IdentityProviderError } from './identity-provider-client.ts';
import {
  bareAnswer,
  bodyTooLarge,
  errorAnswer,
  jsonAnswer,
  methodNotAllowed,
  redirectTo,
  refusal,
  unavailable,
} from './own-answers.ts';
import { type OAuthPath, parseOAuthPath, type Purpose } from './path.ts';
import { MAX_BODY_BYTES, type PlainAnswer, type PlainRequest } from '../http/plain-answer.ts';
import { appendQuery, rewriteAudience, rewriteDeviceForm, rewriteTokenForm } from './rewrite.ts';
import {
  type CompiledOAuth,
  OAuthCompiler,
  type OAuthCompilerOptions,
  type RouteOAuth,
} from './route-oauth.ts';

/** Others are 501 here as everywhere. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'OPTIONS']);
const ALLOWED: Readonly<Record<Purpose, 'GET' | 'POST'>> = {
  authorize: 'GET',
  token: 'POST',
  devicecode: 'POST',
  configuration: 'GET',
};
const FORM_TYPE = /^application\/x-www-form-urlencoded[\t ]*(;|$)/i;

export interface OAuthOptions extends OAuthCompilerOptions {
  /** Told when an identity provider gave no usable answer: the route (`namespace/name`) and a code without secrets. */
  readonly onUnreachable?: (route: string, code: string) => void;
  /** Told of every answer of 400 and above of an identity provider to a form, which passes to the phone. */
  readonly onErrorAnswer?: (route: string, answer: PlainAnswer) => void;
}

/** A request of a phone, taken apart. */
interface Asked {
  readonly path: OAuthPath;
  readonly query: string | null;
  readonly request: PlainRequest;
  readonly signal: AbortSignal;
}

interface ListenerRoutes {
  /** Owns the short paths. */
  first: RouteOAuth | undefined;
  /** By `namespace/name`. */
  readonly named: Map<string, RouteOAuth>;
}

/**
 * Makes the endpoints of a validated snapshot: those below `/proxyservice/<namespace>/<name>` of every route of type OAuth, and
 * those below `/proxyservice` of the default route where it is of that type, else of the oldest; each on the listeners that the
 * route is attached to.
 */
export function compileOAuth(
  snapshot: Snapshot,
  files: SnapshotFiles,
  options: OAuthOptions,
): OAuthEndpoints {
  return new OAuthEndpoints(snapshot, files, options);
}

export class OAuthEndpoints {
  /** By listener name. */
  private readonly listeners: ReadonlyMap<string, ListenerRoutes>;
  private readonly clients: readonly IdentityProviderClient[];
  private readonly options: OAuthOptions;

  constructor(snapshot: Snapshot, files: SnapshotFiles, options: OAuthOptions) {
    this.options = options;
    this.listeners = new Map(
      snapshot.listeners.map(({ name }) => [name, { first: undefined, named: new Map() }]),
    );
    const compiler = new OAuthCompiler(files, options);
    for (const route of defaultsFirst(snapshot.routes)) {
      if (route.authentication.type !== 'OAuth') continue;
      const compiled = compiler.compile(route, route.authentication.oauth);
      for (const name of route.listeners) this.offer(compiled, name);
    }
    this.clients = compiler.clients;
  }

  /** The route (`namespace/name`) whose endpoint this path is on this listener, or null. */
  owner(listener: string, path: string): string | null {
    const parsed = parseOAuthPath(path);
    return parsed === undefined ? null : (this.find(listener, parsed)?.key ?? null);
  }

  /**
   * Answers a request of a path for which `isOAuthPath` is true. Every failure is an answer; nothing is ever logged.
   *
   * @param signal aborted when the phone is gone; then the answer does not matter any more.
   */
  async answer(listener: string, request: PlainRequest, signal: AbortSignal): Promise<PlainAnswer> {
    const mark = request.target.indexOf('?');
    const path = parseOAuthPath(mark < 0 ? request.target : request.target.slice(0, mark));
    const query = mark < 0 ? null : request.target.slice(mark + 1);
    if (!METHODS.has(request.method)) return bareAnswer(501);
    const route = path && this.find(listener, path);
    if (path === undefined || route === undefined) return bareAnswer(404);
    if (!route.isUsable) return unavailable('this route is not configured completely');
    if (request.body.length > MAX_BODY_BYTES) return bodyTooLarge();
    const allowed = ALLOWED[path.purpose];
    if (request.method !== allowed) return methodNotAllowed(allowed);
    if (allowed === 'GET' && request.body.length > 0)
      return errorAnswer(400, 'invalid_request', 'a request of this endpoint has no body');
    return this.serve(route, { path, query, request, signal });
  }

  /** Resolves when the requests under way have been answered. */
  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
  }

  private offer(route: RouteOAuth, listener: string): void {
    const routes = this.listeners.get(listener);
    if (routes === undefined) return;
    routes.first ??= route;
    routes.named.set(route.key, route);
  }

  private find(listener: string, { route, purpose }: OAuthPath): RouteOAuth | undefined {
    const routes = this.listeners.get(listener);
    const owner = route === '' ? routes?.first : routes?.named.get(route);
    return owner?.oauth.endpoints[purpose] === undefined ? undefined : owner;
  }

  private async serve(route: RouteOAuth, asked: Asked): Promise<PlainAnswer> {
    const { key, oauth } = route;
    try {
      switch (asked.path.purpose) {
        case 'authorize':
          return answerAuthorize(oauth, asked);
        case 'token':
        case 'devicecode':
          return await this.answerForm(route, asked.path.purpose, asked);
        case 'configuration':
          return await answerConfiguration(oauth, asked);
      }
    } catch (error) {
      if (!(error instanceof IdentityProviderError)) throw error;
      if (!asked.signal.aborted) this.options.onUnreachable?.(key, error.code);
      return unavailable('the identity provider cannot be reached');
    }
  }

  private async answerForm(
    route: RouteOAuth,
    purpose: 'token' | 'devicecode',
    asked: Asked,
  ): Promise<PlainAnswer> {
    const sent = await sendForm(route.oauth, purpose, asked);
    if (!sent.ok) return sent.answer;
    if (sent.answer.status >= 400) this.options.onErrorAnswer?.(route.key, sent.answer);
    return sent.mapsAnswer ? mapAnsweredResource(sent.answer, route.oauth.audience) : sent.answer;
  }
}

/** Default routes before the others, each in their order of age: the first of type OAuth owns the short paths. */
function defaultsFirst(routes: readonly SnapshotRoute[]): SnapshotRoute[] {
  return [...routes.filter(isDefault), ...routes.filter((route) => !isDefault(route))];
}

function isDefault({ match }: SnapshotRoute): boolean {
  return match.users.length + match.deviceTypes.length + match.domains.length === 0;
}

function answerAuthorize({ endpoints, audience }: CompiledOAuth, { path, query }: Asked): PlainAnswer {
  const rewritten = rewriteAudience(query ?? '', audience);
  if (!rewritten.ok) return refusal(rewritten);
  const { origin } = endpoints.authorize;
  const target = endpoints.authorize.path(path.tenant);
  return redirectTo(origin + appendQuery(target, query === null ? null : rewritten.text));
}

/** `ok`: the answer is the identity provider's, whatever its status. */
type SentForm =
  | { readonly ok: true; readonly answer: PlainAnswer; readonly mapsAnswer: boolean }
  | { readonly ok: false; readonly answer: PlainAnswer };

async function sendForm(
  { audience, client, endpoints }: CompiledOAuth,
  purpose: 'token' | 'devicecode',
  { path, query, request, signal }: Asked,
): Promise<SentForm> {
  const types = request.headers.getAll('content-type');
  if (types.length !== 1 || !FORM_TYPE.test(types[0] ?? '')) {
    const description = 'the content type must be application/x-www-form-urlencoded';
    return { ok: false, answer: errorAnswer(400, 'invalid_request', description) };
  }
  const form = request.body.toString('latin1');
  const rewrite = purpose === 'token' ? rewriteTokenForm : rewriteDeviceForm;
  const rewritten = rewrite(form, query, audience);
  if (!rewritten.ok) return { ok: false, answer: refusal(rewritten) };
  const mapsAnswer = purpose === 'token' && audience.answeredResource === 'Gateway';
  const answer = await client.send(
    {
      method: 'POST',
      endpoint: endpoints[purpose] ?? endpoints.token,
      tenant: path.tenant,
      query,
      headers: mapsAnswer ? withoutEncodings(request.headers) : request.headers,
      body: Buffer.from(rewritten.text, 'latin1'),
    },
    signal,
  );
  return { ok: true, answer, mapsAnswer };
}

async function answerConfiguration(
  { documents, endpoints }: CompiledOAuth,
  { path, request }: Asked,
): Promise<PlainAnswer> {
  if (documents === undefined) return bareAnswer(404);
  const document = await documents.get(path.tenant);
  return jsonAnswer(
    200,
    throughGateway(document, {
      url: `https://${request.host}${path.base}`,
      version: path.version,
      hasDeviceCode: endpoints.devicecode !== undefined,
    }),
  );
}

/** What is to be read must not come compressed. */
function withoutEncodings(headers: HeaderList): HeaderList {
  const copy = headers.clone();
  copy.remove('accept-encoding');
  return copy;
}
