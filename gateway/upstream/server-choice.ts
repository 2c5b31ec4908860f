// Which server of a route is asked next.
import type { Endpoint } from './endpoint.ts';
import type { HealthState } from './health.ts';

/** A server of a route. */
export interface RouteServer {
  readonly name: string;
  /** Lower is asked first. */
  readonly priority: number;
  readonly endpoint: Endpoint;
}

/** Servers in the order in which they are asked: by priority, equal ones as they are listed. */
export function inOrderOfPriority<Server extends Pick<RouteServer, 'priority'>>(
  servers: readonly Server[],
): Server[] {
  return servers.toSorted((a, b) => a.priority - b.priority);
}

/**
 * The first healthy server that was not tried yet, else the first that at least answers; undefined where none is left.
 * @param servers in the order of priority
 * @param tried in vain for this request
 */
export function chooseServer(
  servers: readonly RouteServer[],
  tried: readonly Endpoint[],
): RouteServer | undefined {
  return firstIn('Healthy', servers, tried) ?? firstIn('Degraded', servers, tried);
}

function firstIn(
  state: HealthState,
  servers: readonly RouteServer[],
  tried: readonly Endpoint[],
): RouteServer | undefined {
  for (const server of servers) {
    if (server.endpoint.health.state === state && !tried.includes(server.endpoint)) return server;
  }
  return undefined;
}
