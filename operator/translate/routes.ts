// A route as the gateway reads it, and what becomes of it while something that it needs is missing.
import { isDeepStrictEqual } from 'node:util';
import { snapshotSchema, type SnapshotRoute } from '../../gateway/config/snapshot.ts';
import type { ExchangeRoute } from '../api/exchange-route.ts';
import { keyOf } from '../api/meta.ts';
import { autodiscoverOf } from './autodiscover.ts';
import { ContentFiles } from './content-files.ts';
import { type Match, normalizeMatch } from './match.ts';
import { joinProblems, type Problem, type ReferenceReason } from './problem.ts';
import type { CAReference, References } from './references.ts';
import { redirectsOf } from './redirects.ts';
import { serversOf } from './route-servers.ts';
import { throttlingOf } from './throttling.ts';
import { tokenPolicyOf } from './token-policy.ts';
import type { Key, SnapshotWithFiles } from './types.ts';

/** A route with what its references name. */
export interface ResolvedRoute {
  readonly key: Key;
  readonly route: ExchangeRoute;
  readonly match: Match;
  /** PEM; absent where the public CAs are meant, or with `unresolved`. */
  readonly serverCA: string | undefined;
  readonly redirectCA: string | undefined;
  readonly oauthCA: string | undefined;
  readonly unresolved: Problem<ReferenceReason> | undefined;
  readonly invalid: Problem<'Invalid'> | undefined;
}

/** Follows the references of a route and checks that the gateway would take it. */
export function resolveRoute(route: ExchangeRoute, references: References): ResolvedRoute {
  const { serverTLS, redirects, authentication } = route.spec;
  const bundle = (reference: CAReference | undefined) =>
    reference && references.caBundle(route.metadata.namespace, reference);
  const [server, redirect, oauth] = [
    bundle(serverTLS.caRef),
    bundle(redirects.caRef),
    bundle(authentication.oauth?.caRef),
  ];
  const resolved: ResolvedRoute = {
    key: keyOf(route.metadata),
    route,
    match: normalizeMatch(route.spec.match),
    serverCA: server?.ok ? server.value : undefined,
    redirectCA: redirect?.ok ? redirect.value : undefined,
    oauthCA: oauth?.ok ? oauth.value : undefined,
    unresolved: joinProblems(
      [server, redirect, oauth].flatMap((result) => (result?.ok === false ? [result.problem] : [])),
    ),
    invalid: undefined,
  };
  return { ...resolved, invalid: refusal(resolved) };
}

/** What serves a route: what it says now, its last good version, or nothing (503). */
export type Service = 'Current' | 'LastGood' | 'Unavailable';

/** Names of a gateway's listeners. */
export interface RouteListeners {
  /** On which it holds some of its match. */
  readonly held: readonly string[];
  /** Those of them that have certificates. */
  readonly served: readonly string[];
}

export interface RouteEntry {
  /** For the snapshot, where any of its listeners is served. */
  readonly entry: SnapshotRoute;
  readonly held: readonly string[];
  readonly service: Service;
}

/**
 * The route for a snapshot. While it cannot be served as it is, its last good version stays, if that takes the same users; else
 * it stands there without servers, so that its users get 503 and never another route's servers or identity provider.
 */
export function routeEntry(
  resolved: ResolvedRoute,
  { held, served }: RouteListeners,
  files: ContentFiles,
  previous: SnapshotWithFiles | undefined,
): RouteEntry {
  if (resolved.invalid === undefined && resolved.unresolved === undefined) {
    return { entry: currentRoute(resolved, served, files), held, service: 'Current' };
  }
  const last = lastGood(resolved, previous);
  if (last === undefined)
    return { entry: unavailableRoute(resolved, served, files), held, service: 'Unavailable' };
  for (const name of caFilesOf(last)) files.keep(name, previous?.files.get(name) ?? Buffer.alloc(0));
  return { entry: { ...last, listeners: [...served] }, held, service: 'LastGood' };
}

function lastGood(
  { route, match }: ResolvedRoute,
  previous: SnapshotWithFiles | undefined,
): SnapshotRoute | undefined {
  const { namespace, name } = route.metadata;
  const last = previous?.snapshot.routes.find((one) => one.namespace === namespace && one.name === name);
  if (last === undefined || last.servers.length === 0 || !isDeepStrictEqual(last.match, match))
    return undefined;
  return caFilesOf(last).every((name) => previous?.files.has(name)) ? last : undefined;
}

function caFilesOf({ serverTLS, redirects, authentication }: SnapshotRoute): string[] {
  const oauthFile = authentication.type === 'OAuth' ? authentication.oauth.caFile : undefined;
  return [serverTLS.caFile, redirects.caFile, oauthFile].filter((name) => name !== undefined);
}

function currentRoute(
  resolved: ResolvedRoute,
  listeners: readonly string[],
  files: ContentFiles,
): SnapshotRoute {
  const { route, match, serverCA } = resolved;
  const { minProtocolVersion } = route.spec;
  const { serverTLS, limits, timeouts } = route.spec;
  return {
    namespace: route.metadata.namespace,
    name: route.metadata.name,
    listeners: [...listeners],
    match,
    ...serversOf(route.spec),
    serverTLS: {
      ...(serverCA !== undefined && { caFile: files.add('ca', serverCA) }),
      ...(serverTLS.serverName !== undefined && { serverName: serverTLS.serverName }),
    },
    authentication: authenticationOf(resolved, files),
    ...autodiscoverOf(route.spec),
    redirects: redirectsOf(route.spec, resolved.redirectCA, files),
    ...throttlingOf(route.spec),
    ...(minProtocolVersion !== undefined && { minProtocolVersion }),
    limits,
    timeouts,
  };
}

function unavailableRoute(
  resolved: ResolvedRoute,
  listeners: readonly string[],
  files: ContentFiles,
): SnapshotRoute {
  const route = { ...currentRoute(resolved, listeners, files), servers: [] };
  return resolved.invalid === undefined ? route : { ...route, authentication: { type: 'PassThrough' } };
}

function authenticationOf(
  { route, oauthCA }: ResolvedRoute,
  files: ContentFiles,
): SnapshotRoute['authentication'] {
  const { type, oauth } = route.spec.authentication;
  const tokenPolicy = tokenPolicyOf(route.spec);
  if (type === 'PassThrough' || oauth === undefined) return { type: 'PassThrough', ...tokenPolicy };
  const { caRef: _caRef, answeredResource, challenges, ...rest } = oauth;
  return {
    type: 'OAuth',
    oauth: {
      ...rest,
      ...(answeredResource === 'Gateway' && { answeredResource }),
      ...(challenges === 'Pass' && { challenges }),
      ...(oauthCA !== undefined && { caFile: files.add('ca', oauthCA) }),
    },
    ...tokenPolicy,
  };
}

/** What the gateway's own schema would say: one bad route must not cost the whole snapshot. */
function refusal(resolved: ResolvedRoute): Problem<'Invalid'> | undefined {
  const schema = snapshotSchema.shape.routes.element;
  const result = schema.safeParse(currentRoute(resolved, ['any'], new ContentFiles()));
  const issue = result.error?.issues[0];
  if (issue === undefined) return undefined;
  return { reason: 'Invalid', message: `spec.${issue.path.join('.')}: ${issue.message}: correct it` };
}
