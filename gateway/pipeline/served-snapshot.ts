// A snapshot as requests need it: everything that depends on the configuration alone is worked out here, once.
import { RouteTable } from '../access/route-table.ts';
import { TokenPolicy } from '../access/token-policy.ts';
import type { UserName } from '../access/user-name.ts';
import type { Snapshot, SnapshotFiles, SnapshotRoute } from '../config/snapshot.ts';
import { versionNumber } from '../eas/versions.ts';
import type { Clock } from '../http/deadlines.ts';
import { compileOAuth, type OAuthEndpoints, type OAuthOptions } from '../oauth/endpoints.ts';
import { routePath } from '../oauth/path.ts';
import type { EndpointsChange } from '../upstream/endpoints.ts';
import type { RedirectRules } from './redirects.ts';
import type { Throttling } from './throttle.ts';
import { compileRedirects, compileThrottling } from './route-rules.ts';
import { compileServers, type RouteServers, type RouteTraffic } from './route-servers.ts';
import { type OwnAnswer, USE_BASIC, USE_BEARER } from './own-answers.ts';
import { PlainServices } from './plain-services.ts';

/** A route without what found it: open polls keep it, and must not keep the whole snapshot. */
export interface ServedRoute extends RouteServers {
  /** `namespace/name`. */
  readonly key: string;
  readonly maxRequestBytes: number;
  readonly pollMs: number;
  readonly redirects: RedirectRules;
  readonly throttling: Throttling;
  /** Of ActiveSync, as `versionNumber` has it; 0 where there is none. */
  readonly minVersion: number;
  /** Undefined: Bearer tokens are Exchange's matter alone. */
  readonly tokenPolicy: TokenPolicy | undefined;
  /** To an Authorization that is bound to its connection. */
  readonly insteadOfConnectionBound: OwnAnswer;
  /** Path of the gateway that Exchange's Bearer challenges are to name; undefined: they stay. */
  readonly signInPath: string | undefined;
}

/** Thrown by `apply` where a snapshot cannot be served; the message says what to correct. */
export class SnapshotUnusableError extends Error {
  readonly code = 'SnapshotUnusable';
}

export interface ServedSnapshot {
  /** Counts the snapshots of this process. */
  readonly generation: number;
  readonly oauth: OAuthEndpoints;
  readonly services: PlainServices;
  readonly routes: readonly ServedRoute[];
  /** Between two requests on a connection: the longest that a route asks for, in ms. */
  readonly keepAliveMs: number;
  /** By listener name. */
  readonly tables: ReadonlyMap<string, RouteTable<ServedRoute>>;
}

const DEFAULT_KEEP_ALIVE_MS = 120_000;

export interface CompileOptions {
  /** What is remembered of a route's requests, by its key. */
  readonly trafficOf: (key: string) => RouteTraffic;
  /** URLs of the servers that users were moved to so far, by the route's key. */
  readonly learntServers: ReadonlyMap<string, readonly string[]>;
  readonly oauth: OAuthOptions;
  /** Ms since 1970. */
  readonly wallClock: Clock;
}

/**
 * Compiles a validated snapshot.
 * @throws SnapshotUnusableError where it names a file that is not there, or a pool cannot be made of its values.
 */
export function compileSnapshot(
  { snapshot, files }: { readonly snapshot: Snapshot; readonly files: SnapshotFiles },
  generation: number,
  endpoints: EndpointsChange,
  options: CompileOptions,
): ServedSnapshot {
  const routes = snapshot.routes.map((route) => compileRoute(route, files, endpoints, options));
  const tables = new Map(
    snapshot.listeners.map(({ name }) => {
      const attached = snapshot.routes.flatMap((route, at) => {
        const compiled = routes[at];
        return compiled !== undefined && route.listeners.includes(name)
          ? [{ match: route.match, route: compiled }]
          : [];
      });
      return [name, new RouteTable(attached)];
    }),
  );
  const keepAlives = snapshot.routes.map(({ timeouts }) => timeouts.keepAliveSeconds * 1000);
  const oauth = compileOAuth(snapshot, files, options.oauth);
  return {
    generation,
    oauth,
    services: new PlainServices(snapshot, oauth, options.wallClock),
    routes,
    keepAliveMs: keepAlives.length === 0 ? DEFAULT_KEEP_ALIVE_MS : Math.max(...keepAlives),
    tables,
  };
}

function compileRoute(
  route: SnapshotRoute,
  files: SnapshotFiles,
  endpoints: EndpointsChange,
  { learntServers, trafficOf }: CompileOptions,
): ServedRoute {
  const { timeouts, serverTLS } = route;
  const { tokenPolicy } = route.authentication;
  const key = `${route.namespace}/${route.name}`;
  const ca = serverTLS.caFile === undefined ? undefined : files.get(serverTLS.caFile);
  if (serverTLS.caFile !== undefined && ca === undefined) {
    throw new SnapshotUnusableError(`route ${key}: the file ${serverTLS.caFile} is missing`);
  }
  return {
    key,
    ...compileServers(route, ca, endpoints, trafficOf(key)),
    maxRequestBytes: route.limits.maxRequestBytes,
    pollMs: timeouts.pollSeconds * 1000,
    redirects: compileRedirects(route, files, endpoints, learntServers.get(key) ?? []),
    throttling: compileThrottling(route.throttling),
    minVersion: versionNumber(route.minProtocolVersion ?? ''),
    tokenPolicy: tokenPolicy && new TokenPolicy(tokenPolicy),
    insteadOfConnectionBound: route.authentication.type === 'OAuth' ? USE_BEARER : USE_BASIC,
    signInPath: signInPathOf(route, key),
  };
}

function signInPathOf({ authentication }: SnapshotRoute, key: string): string | undefined {
  const isNamed = authentication.type === 'OAuth' && authentication.oauth.challenges !== 'Pass';
  return isNamed ? routePath(key, '/oauth2/authorize') : undefined;
}

/** What `compileSnapshot` is to be told of the snapshot before. */
export function learntServers(routes: readonly ServedRoute[]): CompileOptions['learntServers'] {
  const moved = routes.filter(({ redirects }) => redirects.servers.size > 0);
  return new Map(moved.map(({ key, redirects }) => [key, [...redirects.servers.keys()]]));
}

/**
 * Step "pick route": the route of a request on a listener, or undefined.
 * @param anonymous neither a credential nor a name: the oldest route answers with its challenge
 */
export function pickRoute(
  table: RouteTable<ServedRoute>,
  user: UserName | undefined,
  deviceType: string,
  anonymous: boolean,
): ServedRoute | undefined {
  if (anonymous) return table.oldest;
  return table.find(user, deviceType) ?? (user === undefined ? table.oldest : undefined);
}
