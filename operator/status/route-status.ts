// The status of an ExchangeRoute: what the translation says and what its gateways' pods report.
import { isDeepStrictEqual } from 'node:util';
import { type ConditionUpdate, mergeConditions } from '../api/conditions.ts';
import type { ExchangeRouteStatus } from '../api/exchange-route.ts';
import type { Key, ParentVerdict } from '../translate/types.ts';
import type { GatewayObservations, RouteStatusInput } from './observations.ts';
import { judgeObstacle, judgePods, type Programmed } from './programmed.ts';
import { redirectStatus } from './redirect-status.ts';
import { serverStatuses } from './server-status.ts';
import { readyCondition, withoutConflict, worstOf } from './summary.ts';

type ParentStatus = NonNullable<ExchangeRouteStatus['gateways']>[number];

const types = ['Accepted', 'ResolvedRefs', 'Conflicted', 'Programmed'] as const;

/**
 * The status to be written: conditions with each gateway, their summary, and the health of the servers. One that stands there
 * for a newer generation is returned as it is. It does not change while other routes are edited. Write it only where
 * `isSameStatus` says that it differs.
 */
export function routeStatus(
  input: RouteStatusInput,
  previous: ExchangeRouteStatus | undefined,
  now: Date,
): ExchangeRouteStatus {
  const { observedGeneration, parents } = input.verdict;
  if ((previous?.observedGeneration ?? 0) > observedGeneration) return previous ?? {};
  const decided = parents.map((parent) => ({ parent, conditions: parentConditions(parent, input) }));
  const summary = summarize(decided, observedGeneration);
  const before = previous?.conditions ?? [];
  const redirects = redirectStatus(input);
  return {
    observedGeneration,
    conditions: mergeConditions(before, withoutConflict(summary, before, observedGeneration), now),
    gateways: decided.map((one) => parentStatus(one, previous?.gateways ?? [], observedGeneration, now)),
    servers: serverStatuses(input, previous?.servers ?? [], now),
    ...(redirects && { redirects }),
  };
}

function no(reason: string, message: string): Programmed {
  return { status: 'False', reason, message };
}

interface DecidedParent {
  readonly parent: ParentVerdict;
  readonly conditions: readonly ConditionUpdate[];
}

function parentStatus(
  { parent: { gatewayRef, clients }, conditions }: DecidedParent,
  previous: readonly ParentStatus[],
  observedGeneration: number,
  now: Date,
): ParentStatus {
  const last = previous.find((status) => isDeepStrictEqual(status.gatewayRef, gatewayRef));
  const before = last?.conditions ?? [];
  const updates = withoutConflict(conditions, before, observedGeneration);
  return { gatewayRef, conditions: mergeConditions(before, updates, now), ...(clients && { clients }) };
}

function parentConditions(
  parent: ParentVerdict,
  { key, verdict, observations }: RouteStatusInput,
): ConditionUpdate[] {
  const { observedGeneration } = verdict;
  const programmed = routeProgrammed(parent, key, observations.get(parent.gateway));
  const decided: ConditionUpdate[] = [
    ...parent.conditions,
    { type: 'Programmed', ...programmed, observedGeneration },
  ];
  return [...decided, readyCondition(decided, observedGeneration)];
}

function routeProgrammed(
  { conditions, served }: ParentVerdict,
  key: Key,
  observations: GatewayObservations | undefined,
): Programmed {
  const isFalse = (type: string) => conditions.some((one) => one.type === type && one.status === 'False');
  if (isFalse('Accepted')) return no('NotAccepted', 'the route is not accepted');
  const obstructed = observations && judgeObstacle(observations);
  if (obstructed !== undefined) return obstructed;
  if (isFalse('ResolvedRefs')) return no('Pending', 'a reference of the route does not resolve');
  if (!served) return no('Pending', 'no listener that it is attached to can be served');
  const wanted = observations?.wanted;
  if (observations === undefined || wanted === undefined) return no('Pending', 'nothing was written yet');
  return judgePods(observations.pods, {
    name: 'the route',
    hash: wanted.hash,
    isServedBy: (hash) => observations.history.serves(hash, wanted.hash, key),
  });
}

/** Of each type the worst; a conflict anywhere is one. With several gateways the message names the one that it is about. */
function summarize(parents: readonly DecidedParent[], observedGeneration: number): ConditionUpdate[] {
  const summary = types.flatMap((type) => {
    const conditions = parents.flatMap(({ parent, conditions }) =>
      conditions
        .filter((condition) => condition.type === type)
        .map((condition) => (parents.length === 1 ? condition : named(condition, parent.gateway))),
    );
    return (type === 'Conflicted' ? conditions[0] : worstOf(conditions)) ?? [];
  });
  return [...summary, readyCondition(summary, observedGeneration)];
}

function named(condition: ConditionUpdate, gateway: Key): ConditionUpdate {
  return { ...condition, message: `SentryGateway ${gateway}: ${condition.message}` };
}
