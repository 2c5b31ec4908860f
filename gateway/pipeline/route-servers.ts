// What a route says about its servers, worked out once for each snapshot, and what is remembered of its requests beyond that.
import type { SnapshotRoute } from '../config/snapshot.ts';
import type { SnapshotHealth } from '../config/health.ts';
import type { Deadlines } from '../http/deadlines.ts';
import type { EndpointTarget } from '../upstream/endpoint.ts';
import type { EndpointsChange } from '../upstream/endpoints.ts';
import { DEFAULT_MAX_REPLAY_PERCENT, ReplayBudget } from '../upstream/replay-budget.ts';
import type { RouteServer } from '../upstream/route-server.ts';
import { inOrderOfPriority, ServerChoice } from '../upstream/server-choice.ts';
import { WaitingRequests } from '../upstream/waiting-requests.ts';

/** Of one route, over all snapshots. */
export interface RouteTraffic {
  readonly waiting: WaitingRequests;
  readonly budget: ReplayBudget;
}

export interface RouteServers {
  /** In the order of priority. */
  readonly servers: readonly RouteServer[];
  readonly choice: ServerChoice;
  readonly traffic: RouteTraffic;
  readonly queue: { readonly maxRequests: number; readonly waitMs: number };
  readonly firstByteMs: number;
  /** The same for mails that are sent. */
  readonly uploadFirstByteMs: number;
  /** And for what is fetched: bodies and attachments. */
  readonly downloadFirstByteMs: number;
}

export const DEFAULT_QUEUED_REQUESTS = 500;
export const DEFAULT_QUEUE_SECONDS = 10;

export function newTraffic(deadlines: Deadlines): RouteTraffic {
  return { waiting: new WaitingRequests(deadlines), budget: new ReplayBudget() };
}

export function compileServers(
  route: SnapshotRoute,
  ca: Buffer | undefined,
  endpoints: EndpointsChange,
  traffic: RouteTraffic,
): RouteServers {
  const { timeouts, serverTLS, limits, health, balancing = 'Priority' } = route;
  const target: Omit<EndpointTarget, 'url'> = {
    ca,
    serverName: serverTLS.serverName,
    connectTimeoutMs: timeouts.connectSeconds * 1000,
    inactivityMs: timeouts.idleSeconds * 1000,
    ...healthOf(health),
  };
  const servers = inOrderOfPriority(
    route.servers.map(({ name, priority, weight, url }) => ({
      name,
      priority,
      weight,
      endpoint: endpoints.get({ ...target, url }),
    })),
  );
  traffic.budget.maxPercent = limits.maxReplayPercent ?? DEFAULT_MAX_REPLAY_PERCENT;
  return {
    servers,
    choice: new ServerChoice({
      clock: endpoints.clock,
      changes: endpoints.changes,
      balancing,
      servers,
      maxConnections: limits.maxConnections,
      maxConnectionsPerServer: limits.maxConnectionsPerServer,
      slowStartMs: (health?.slowStartSeconds ?? 0) * 1000,
      maxEjectedPercent: health?.passive?.maxEjectedPercent,
    }),
    traffic,
    queue: {
      maxRequests: limits.maxQueuedRequests ?? DEFAULT_QUEUED_REQUESTS,
      waitMs: (limits.queueSeconds ?? DEFAULT_QUEUE_SECONDS) * 1000,
    },
    firstByteMs: timeouts.firstByteSeconds * 1000,
    uploadFirstByteMs: (timeouts.uploadFirstByteSeconds ?? timeouts.firstByteSeconds) * 1000,
    downloadFirstByteMs: (timeouts.downloadFirstByteSeconds ?? timeouts.firstByteSeconds) * 1000,
  };
}

/** Only what the route says: the rest is as the gateway has it. */
function healthOf({ active = {}, passive = {} }: SnapshotHealth = {}): Pick<
  EndpointTarget,
  'probes' | 'health'
> {
  const { type, intervalSeconds, timeoutSeconds, unhealthyThreshold, healthyThreshold } = active;
  const { failingUsers, ejectionSeconds } = passive;
  return {
    probes: {
      ...(type !== undefined && { type }),
      ...(intervalSeconds !== undefined && { intervalMs: intervalSeconds * 1000 }),
      ...(timeoutSeconds !== undefined && { timeoutMs: timeoutSeconds * 1000 }),
    },
    health: {
      ...(unhealthyThreshold !== undefined && { failuresToDown: unhealthyThreshold }),
      ...(healthyThreshold !== undefined && { successesToReturn: healthyThreshold }),
      ...(failingUsers !== undefined && { usersToDegraded: failingUsers }),
      ...(ejectionSeconds !== undefined && { degradedHoldMs: ejectionSeconds * 1000 }),
    },
  };
}
