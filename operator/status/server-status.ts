// The health of a route's servers, as the pods of its gateways see it.
import type { GatewayReport } from '../../gateway/config/report.ts';
import type { ExchangeRouteStatus } from '../api/exchange-route.ts';
import type { RouteStatusInput } from './observations.ts';
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
  const pods = [...gateways].flatMap((gateway) => observations.get(gateway)?.pods ?? []);
  const reports = pods.flatMap(({ report }) => report?.servers ?? []).filter(({ route }) => route === key);
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
