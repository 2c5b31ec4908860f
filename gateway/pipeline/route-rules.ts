// What a route says about redirects and throttling, worked out once for each snapshot.
import { RedirectHosts } from '../redirects/allowed-hosts.ts';
import type { BucketLimit } from '../throttling/bucket.ts';
import type { SnapshotFiles, SnapshotRoute } from '../config/snapshot.ts';
import { DEFAULT_FAILED_LOGINS, type SnapshotThrottling } from '../config/throttling.ts';
import type { EndpointsChange } from '../upstream/endpoints.ts';
import type { RouteServer } from '../upstream/route-server.ts';
import { learntServer } from './learnt-server.ts';
import type { RedirectRules } from './redirects.ts';
import type { Throttling } from './throttle.ts';

/**
 * @param learnt servers that users of the route were moved to so far: those that it still allows keep connections and health
 */
export function compileRedirects(
  { redirects, timeouts }: SnapshotRoute,
  files: SnapshotFiles,
  endpoints: EndpointsChange,
  learnt: readonly string[],
): RedirectRules {
  const { policy, allowedHosts = [], allowBasicCredentials = false, caFile } = redirects;
  const hosts = new RedirectHosts(allowedHosts);
  const target = {
    ca: caFile === undefined ? undefined : files.get(caFile),
    serverName: undefined,
    connectTimeoutMs: timeouts.connectSeconds * 1000,
    inactivityMs: timeouts.idleSeconds * 1000,
  };
  const servers = new Map<string, RouteServer>();
  for (const url of learnt) {
    if (hosts.serverOf(url) === undefined) continue;
    servers.set(url, learntServer(url, endpoints.get({ ...target, url })));
  }
  return { policy, hosts, allowBasicCredentials, target, servers };
}

/** Absent parts of a snapshot are the defaults. */
export function compileThrottling(throttling: SnapshotThrottling = {}): Throttling {
  const { retryAfter, identicalCommands, deviceRequests, userRequests } = throttling;
  const logins = throttling.failedLogins ?? DEFAULT_FAILED_LOGINS;
  return {
    honorRetryAfter: retryAfter !== 'Pass',
    failedLogins:
      logins.limit === 0
        ? undefined
        : {
            limit: logins.limit,
            windowMs: logins.windowSeconds * 1000,
            addressLimit: logins.addressLimit,
          },
    identicalCommands: identicalCommands && {
      limit: identicalCommands.limit,
      windowMs: identicalCommands.windowSeconds * 1000,
      holdMs: identicalCommands.retryAfterSeconds * 1000,
    },
    deviceRequests: bucket(deviceRequests),
    userRequests: bucket(userRequests),
  };
}

function bucket(rate: SnapshotThrottling['deviceRequests']): BucketLimit | undefined {
  return rate && { intervalMs: 60_000 / rate.perMinute, burst: rate.burst };
}
