// The health of a route's servers, as the pods of its gateways see it.
import type { GatewayReport } from '../../gateway/config/report.ts';
import type { ExchangeRouteStatus } from '../api/exchange-route.ts';
import type { Key } from '../translate/types.ts';
import type { GatewayObservations, PodObservation, RouteStatusInput } from './observations.ts';
import { kubernetesTime } from './time.ts';

type ServerStatus = NonNullable<ExchangeRouteStatus['servers']>[number];
type ServerReport = GatewayReport['servers'][number];

/** As much as the API takes. */
const MAX_ERROR = 1024;

/** In the order of the spec. `since` moves only with the number of healthy pods. */
export function serverStatuses(
  { key, verdict, observations }: RouteStatusInput,
  previous: readonly ServerStatus[],
  now: Date,
): ServerStatus[] {
  const gateways = new Set(verdict.parents.map(({ gateway }) => gateway));
  const reports = [...gateways].flatMap((gateway) => reportsOf(key, observations.get(gateway)));
  return verdict.servers.map((name) => {
    const ofServer = reports.filter(({ server }) => server === name);
    return serverStatus(
      name,
      ofServer,
      previous.find((one) => one.name === name),
      now,
    );
  });
}

function reportsOf(route: Key, observations: GatewayObservations | undefined): readonly ServerReport[] {
  if (observations === undefined) return [];
  const byRoute = observations.servers ?? serversByRoute(observations.pods);
  return byRoute.get(route) ?? [];
}

/** What all pods say of the servers, by route: made once for all routes of a gateway. */
export function serversByRoute(pods: readonly PodObservation[]): ReadonlyMap<Key, readonly ServerReport[]> {
  const byRoute = new Map<Key, ServerReport[]>();
  for (const server of pods.flatMap(({ report }) => report?.servers ?? [])) {
    const others = byRoute.get(server.route);
    if (others === undefined) byRoute.set(server.route, [server]);
    else others.push(server);
  }
  return byRoute;
}

function serverStatus(
  name: string,
  reports: readonly ServerReport[],
  previous: ServerStatus | undefined,
  now: Date,
): ServerStatus {
  const healthyPods = reports.filter(({ healthy }) => healthy).length;
  const since = previous?.healthyPods === healthyPods ? previous.since : kubernetesTime(now);
  const lastError = lastErrorOf(reports);
  return {
    name,
    healthyPods,
    pods: reports.length,
    ...(since !== undefined && reports.length > 0 && { since }),
    ...(lastError !== undefined && { lastError }),
  };
}

/** That of the pod that lost the server last; none while all reach it. */
function lastErrorOf(reports: readonly ServerReport[]): string | undefined {
  const failed = reports.filter(({ healthy, lastError }) => !healthy && lastError !== null);
  const [latest] = failed.toSorted((a, b) => Date.parse(b.since) - Date.parse(a.since));
  return latest?.lastError?.slice(0, MAX_ERROR);
}
