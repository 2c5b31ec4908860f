// Which changes of a status are told as events.
import type { ExchangeRouteStatus } from '../api/exchange-route.ts';
import type { Condition } from '../api/meta.ts';
import type { SentryGatewayStatus } from '../api/sentry-gateway.ts';

/** An event, as `kubectl describe` shows it. */
export interface StatusEvent {
  readonly type: 'Normal' | 'Warning';
  /** A reason of a condition, or one of `serverEventReasons`. */
  readonly reason: string;
  readonly message: string;
}

/** Reasons of events that no condition carries. */
export const serverEventReasons = {
  /** No gateway pod reaches the server any more. */
  ServerUnreachable: 'ServerUnreachable',
  /** Some pods no longer reach the server, others do. */
  ServerPartlyReachable: 'ServerPartlyReachable',
  /** Pods reach the server again. */
  ServerReachable: 'ServerReachable',
} as const;

/** Whoever tells a pod to step out writes an event of it, and the summary would only say all twice. */
const silentTypes = new Set(['Ready', 'SteppedOut']);
/** A step on the way that needs nobody. */
const silentReasons = new Set(['Pending', 'CertificatePending', 'NotRunning']);
/** Types of which True is the bad news. */
const negativeTypes = new Set(['Conflicted']);

type Status = SentryGatewayStatus | ExchangeRouteStatus;

/** The events of a change from `previous` (undefined: the first status) to `next`, in the order of conditions and servers. */
export function statusEvents(previous: Status | undefined, next: Status): StatusEvent[] {
  return [
    ...conditionEvents(previous?.conditions ?? [], next.conditions ?? []),
    ...serverEvents(previous, next),
  ];
}

function conditionEvents(previous: readonly Condition[], next: readonly Condition[]): StatusEvent[] {
  return next.flatMap(({ type, status, reason, message }) => {
    const before = previous.find((condition) => condition.type === type);
    if (silentTypes.has(type) || silentReasons.has(reason)) return [];
    if (reason === 'NoReadyGateway' && before?.status !== 'True') return [];
    if (before?.status === status && before.reason === reason) return [];
    const isGood = (status === 'True') !== negativeTypes.has(type);
    return [{ type: isGood ? 'Normal' : 'Warning', reason, message }];
  });
}

function serverEvents(previous: Status | undefined, next: Status): StatusEvent[] {
  const before = new Map(serversOf(previous).map((server) => [server.name, reachOf(server)]));
  return serversOf(next).flatMap((server): StatusEvent[] => {
    const was = before.get(server.name) ?? 'All';
    const is = server.pods === 0 ? was : reachOf(server);
    return is === was ? [] : [serverEvent(server, was, is)];
  });
}

/** By how many pods a server is reached. Where there are none, nothing is known to be wrong. */
type Reach = 'All' | 'Some' | 'None';
type ServerStatus = NonNullable<ExchangeRouteStatus['servers']>[number];

function reachOf({ healthyPods, pods }: ServerStatus): Reach {
  if (healthyPods === pods) return 'All';
  return healthyPods === 0 ? 'None' : 'Some';
}

function serverEvent(
  { name, healthyPods, pods, lastError }: ServerStatus,
  was: Reach,
  is: Reach,
): StatusEvent {
  const { ServerUnreachable, ServerPartlyReachable, ServerReachable } = serverEventReasons;
  const because = lastError === undefined ? '' : `: ${lastError}`;
  if (is === 'None') {
    return {
      type: 'Warning',
      reason: ServerUnreachable,
      message: `no pod reaches server ${name}${because}`,
    };
  }
  if (was === 'All') {
    const message = `only ${healthyPods} of ${pods} pods reach server ${name}${because}`;
    return { type: 'Warning', reason: ServerPartlyReachable, message };
  }
  const message = `${healthyPods} of ${pods} pods reach server ${name} again`;
  return { type: 'Normal', reason: ServerReachable, message };
}

function serversOf(status: Status | undefined): NonNullable<ExchangeRouteStatus['servers']> {
  return status !== undefined && 'servers' in status ? (status.servers ?? []) : [];
}
