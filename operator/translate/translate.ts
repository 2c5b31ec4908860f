// The translation: resources in, snapshots, Kubernetes objects and verdicts out. No clock, no I/O, no randomness.
import { keyOf } from '../api/meta.ts';
import type { SentryGateway } from '../api/sentry-gateway.ts';
import { Attachment } from './attachment.ts';
import { compareAge, compete } from './competition.ts';
import { translateGateway } from './gateway.ts';
import { References } from './references.ts';
import { type ParentOutcome, routeVerdict } from './route-verdict.ts';
import { type ResolvedRoute, resolveRoute } from './routes.ts';
import type { Resources, TranslateOptions, Translation } from './types.ts';

/**
 * Translates everything that there is. The same resources in any order give the same translation. Never throws over what a
 * user wrote: what is missing or wrong becomes a condition, and costs the listener or route that names it, nothing else.
 */
export function translate(resources: Resources, options: TranslateOptions): Translation {
  const references = new References(resources);
  const attachment = new Attachment(resources.gateways, resources.namespaces);
  const routes = resources.routes
    .toSorted((a, b) => compareAge(a.metadata, b.metadata))
    .map((route) => resolveRoute(route, references));
  const parents = new Map(routes.map(({ key, route }) => [key, attachment.parentsOf(route)]));
  const contenders = compete(routes, ({ key }) => parents.get(key) ?? []);

  const gateways = new Map(
    sortByKey(resources.gateways).map((gateway) => [keyOf(gateway.metadata), gateway]),
  );
  const results = new Map(
    [...gateways].map(([key, gateway]) => {
      const input = {
        gateway,
        keys: resources.keys.get(key),
        previous: resources.previous?.get(key),
        certManager: resources.certManager,
        at: resources.at,
        contenders: contenders.get(key) ?? new Map(),
      };
      return [key, translateGateway(input, references, options)];
    }),
  );

  const outcomesOf = ({ key }: ResolvedRoute): ParentOutcome[] =>
    (parents.get(key) ?? []).map((parent) => {
      const result = results.get(parent.gateway);
      const entry = result?.entries.get(key);
      return {
        parent,
        gateway: gateways.get(parent.gateway),
        contender: contenders.get(parent.gateway)?.get(key),
        entry,
        served: result?.translated !== undefined && (entry?.entry.listeners.length ?? 0) > 0,
      };
    });
  const nextJudgement = earliest([...results.values()].flatMap(({ turningPoints }) => turningPoints));
  return {
    certificates: new Map([...results].map(([key, { certificates }]) => [key, certificates])),
    ...(nextJudgement && { nextJudgement }),
    gateways: [...results.values()].flatMap(({ translated }) => translated ?? []),
    gatewayStatuses: new Map([...results].map(([key, { verdict }]) => [key, verdict])),
    routeStatuses: new Map(routes.map((route) => [route.key, routeVerdict(route, outcomesOf(route))])),
  };
}

function sortByKey(gateways: readonly SentryGateway[]): SentryGateway[] {
  return gateways.toSorted((a, b) => (keyOf(a.metadata) < keyOf(b.metadata) ? -1 : 1));
}

function earliest(dates: readonly Date[]): Date | undefined {
  return dates.length === 0 ? undefined : new Date(Math.min(...dates.map((date) => date.getTime())));
}
