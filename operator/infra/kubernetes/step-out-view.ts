// A pod as the decision on stepping out looks at it: made of its annotation and its report.
import type { GatewayReport } from '../../../gateway/config/report.ts';
import { parseOrder, type StepOutOrder } from '../../../gateway/step-out.ts';
import type { Order, PodView, RouteReach } from '../../step-out/pod.ts';
import { STEP_OUT_ANNOTATION } from '../../translate/objects/deployment.ts';

/** A pod that is not ending, and its report where it could be asked just now. */
export interface SteppingPod {
  readonly namespace: string;
  readonly name: string;
  /** Its condition Ready. */
  readonly ready: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  readonly report: GatewayReport | undefined;
}

/** @param operatorMs ms since 1970, for gateways too old to tell the time of theirs */
export function viewOf({ name, ready, annotations, report }: SteppingPod, operatorMs: number): PodView {
  const order = parseOrder(annotations[STEP_OUT_ANNOTATION] ?? '');
  return {
    name,
    ready,
    order: order === null ? undefined : fromAnnotation(order),
    report: report === undefined || report.draining ? undefined : reportView(report, operatorMs),
  };
}

/** The annotation's value. */
export function toAnnotation({ reason, expiresMs }: Order): string {
  return JSON.stringify({ reason, expires: new Date(expiresMs).toISOString() } satisfies StepOutOrder);
}

function fromAnnotation({ reason, expires }: StepOutOrder): Order {
  return { reason, expiresMs: Date.parse(expires) };
}

function reportView({ now, startedAt, servers }: GatewayReport, operatorMs: number): PodView['report'] {
  const clockMs = now === undefined ? operatorMs : Date.parse(now);
  const routes = new Map<string, RouteReach>();
  for (const { route, server, healthy, reachable = healthy, lastError } of servers) {
    const others = routes.get(route);
    const error = others?.error ?? (reachable || lastError === null ? undefined : `${server}: ${lastError}`);
    routes.set(route, { reached: reachable || others?.reached === true, error });
  }
  return { clockMs, ageMs: clockMs - Date.parse(startedAt), routes };
}
