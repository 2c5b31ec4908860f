// The status of a SentryGateway: what the translation says and what was observed.
import { type ConditionUpdate, mergeConditions } from '../api/conditions.ts';
import type { Condition } from '../api/meta.ts';
import type { SentryGatewayStatus } from '../api/sentry-gateway.ts';
import type { GatewayVerdict } from '../translate/types.ts';
import type { GatewayObservations } from './observations.ts';
import { judgeObstacle, judgePods, type Programmed } from './programmed.ts';
import { steppedOutCondition } from './stepped-out.ts';
import { readyCondition } from './summary.ts';

/** As many as the API takes. */
const MAX_ADDRESSES = 16;

/**
 * The status to be written, with conditions Accepted, ResolvedRefs, Programmed and Ready, and SteppedOut once a pod was. One
 * that stands there for a newer generation is returned as it is. Write it only where `isSameStatus` says that it differs.
 */
export function gatewayStatus(
  verdict: GatewayVerdict,
  observations: GatewayObservations,
  previous: SentryGatewayStatus | undefined,
  now: Date,
): SentryGatewayStatus {
  const { observedGeneration } = verdict;
  if ((previous?.observedGeneration ?? 0) > observedGeneration) return previous ?? {};
  const decided = [
    ...verdict.conditions.map((condition) => withObstacle(condition, observations)),
    { type: 'Programmed', ...programmed(verdict, observations), observedGeneration },
  ];
  const before = previous?.conditions ?? [];
  const steppedOut = steppedOutCondition(observations, before, observedGeneration);
  const updates = [...decided, ready(decided, observations, before, observedGeneration), ...steppedOut];
  return {
    observedGeneration,
    conditions: mergeConditions(before, updates, now),
    addresses: observations.addresses.slice(0, MAX_ADDRESSES).map((value) => ({ value })),
    ...(verdict.selector !== undefined && { selector: verdict.selector }),
    replicas: observations.pods.length,
    readyReplicas: observations.pods.filter(({ ready }) => ready).length,
    listeners: verdict.listeners.map(({ name, certificate, attachedRoutes }) => ({
      name,
      ...(certificate && { certificate }),
      attachedRoutes,
    })),
    ...(observations.wanted && { snapshot: observations.wanted }),
    clients: verdict.clients,
  };
}

/** A gateway that was ready does not cease to be so for want of an address. */
function ready(
  decided: readonly ConditionUpdate[],
  { addressPending = false }: GatewayObservations,
  before: readonly Condition[],
  observedGeneration: number,
): ConditionUpdate {
  const condition = readyCondition(decided, observedGeneration);
  const wasReady = before.some(({ type, status }) => type === 'Ready' && status === 'True');
  if (condition.status !== 'True' || !addressPending || wasReady) return condition;
  const message =
    'Everything is served inside the cluster; the load balancer has given no address to the Service yet';
  return { ...condition, status: 'False', reason: 'AddressPending', message };
}

function withObstacle(condition: ConditionUpdate, { obstacle }: GatewayObservations): ConditionUpdate {
  if (condition.type !== 'Accepted' || obstacle?.reason !== 'PortUnavailable') return condition;
  return { ...condition, status: 'False', reason: obstacle.reason, message: obstacle.message };
}

function programmed(verdict: GatewayVerdict, observations: GatewayObservations): Programmed {
  const obstructed = judgeObstacle(observations);
  if (obstructed !== undefined) return obstructed;
  const { wanted, pods } = observations;
  if (!verdict.served) return { status: 'False', ...notServed(verdict) };
  if (wanted === undefined) return { status: 'False', reason: 'Pending', message: 'nothing was written yet' };
  return judgePods(pods, {
    name: `generation ${wanted.generation}`,
    hash: wanted.hash,
    isServedBy: (hash) => hash === wanted.hash,
  });
}

function notServed({ conditions }: GatewayVerdict): Pick<Programmed, 'reason' | 'message'> {
  const message = 'no listener can be served; what was served before stays';
  const accepted = conditions.find(({ type }) => type === 'Accepted');
  return { reason: accepted?.status === 'False' ? 'NotAccepted' : 'Pending', message };
}
