// How long a change of a status may wait for the next one: what passes by itself in a moment need not be written.
import type { ExchangeRouteStatus } from '../api/exchange-route.ts';
import type { Condition } from '../api/meta.ts';
import type { SentryGatewayStatus } from '../api/sentry-gateway.ts';

type Status = SentryGatewayStatus | ExchangeRouteStatus;

/** What was served a moment ago is on its way to the pods. */
const PENDING_MS = 2_000;
/** While pods come and go every route of their gateway counts them: once is enough. */
const COUNTS_MS = 5_000;

/** Milliseconds from the first difference on; 0 for what people and `kubectl wait` look for. */
export function holdBackMs(previous: Status | undefined, next: Status): number {
  if (previous === undefined) return 0;
  const isProgrammed = conditionOf(previous, 'Programmed')?.status === 'True';
  if (isProgrammed && conditionOf(next, 'Programmed')?.reason === 'Pending') return PENDING_MS;
  return 'servers' in next && says(previous) === says(next) ? COUNTS_MS : 0;
}

function conditionOf({ conditions = [] }: Status, wanted: string): Condition | undefined {
  return conditions.find(({ type }) => type === wanted);
}

/** What a status says but for messages and numbers of pods. */
function says(status: Status): string {
  const { observedGeneration, conditions } = status;
  const parents = 'gateways' in status ? (status.gateways ?? []) : [];
  const servers = 'servers' in status ? (status.servers ?? []) : [];
  return JSON.stringify([
    observedGeneration,
    essence(conditions),
    parents.map(({ gatewayRef, clients, ...parent }) => [gatewayRef, clients, essence(parent.conditions)]),
    servers.map(({ name, pods, healthyPods }) => [name, pods > 0, healthyPods > 0]),
  ]);
}

function essence(conditions: readonly Condition[] | undefined): unknown[] {
  return (conditions ?? []).map(({ type, status, reason }) => [type, status, reason]);
}
