// Users of a route whose mailboxes moved, as the pods of its gateways count them: never who they are.
import type { GatewayReport } from '../../gateway/config/report.ts';
import type { ExchangeRouteStatus } from '../api/exchange-route.ts';
import type { RouteStatusInput } from './observations.ts';

type RedirectReport = NonNullable<GatewayReport['redirects']>[number];

/**
 * The numbers of the pod with the most: a user who connects to several pods is counted by each of them. Undefined where no
 * mailbox moved.
 */
export function redirectStatus({
  key,
  verdict,
  observations,
}: RouteStatusInput): ExchangeRouteStatus['redirects'] {
  const gateways = new Set(verdict.parents.map(({ gateway }) => gateway));
  const reports = [...gateways].flatMap((gateway) =>
    (observations.get(gateway)?.pods ?? []).flatMap(({ report }) => report?.redirects ?? []),
  );
  const ofRoute = reports.filter(({ route }) => route === key);
  if (ofRoute.length === 0) return undefined;
  return { movedUsers: most(ofRoute, 'moved'), stuckUsers: most(ofRoute, 'stuck') };
}

function most(reports: readonly RedirectReport[], field: 'moved' | 'stuck'): number {
  return Math.max(...reports.map((report) => report[field]));
}
