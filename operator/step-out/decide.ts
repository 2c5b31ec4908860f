// Which pods of a gateway are to step out of the endpoints: pure, without clock and I/O.
//
//   reports ──▶ losses (hysteresis) ──▶ who has a better sibling ──▶ how many may go ──▶ step out, renew, let back
import { type Order, type Pod, type PodMemory, type PodView, type StepOutMemory, watched } from './pod.ts';
import { reasonOf } from './reason.ts';
import { differ, failing, withReplacement } from './siblings.ts';

/** How long an order holds: as long as a failover of the operator takes, and half of what a gateway grants at most. */
export const HOLD_MS = 30_000;
/** An order that holds for less than this is renewed. */
export const RENEW_MS = 20_000;
/** A pod that was let back stays for so long, and is not missed for so long while it becomes ready. */
export const REST_MS = 10_000;
/** No gateway obeys an order for longer. */
const LONGEST_HOLD_MS = 60_000;

export interface StepOutInput {
  readonly pods: readonly PodView[];
  /** How many pods there are to be. More than that are a rollout's: one of those that is not ready yet is not missed. */
  readonly wanted?: number | undefined;
  readonly memory: StepOutMemory;
  /** Of a clock that never jumps, in ms. */
  readonly nowMs: number;
}

export type StepOutAction =
  | { readonly kind: 'StepOut' | 'Renew'; readonly pod: string; readonly order: Order }
  | { readonly kind: 'LetBack'; readonly pod: string };

export interface StepOutDecision {
  /** In the order of the pods' names. */
  readonly actions: readonly StepOutAction[];
  /** As it is once the actions are done. */
  readonly memory: StepOutMemory;
  /** True while a pod is out, or pods differ in what they reach: ask them again soon. */
  readonly unsettled: boolean;
}

/**
 * Decides which pods are out from now on. A pod is out only while a ready sibling that stays reaches all that it reaches and a
 * route that it has lost; never more than half of the pods (those that are not ready for other reasons count), never the last
 * ready one. Where every pod has lost the same, or each something else, all stay.
 */
export function decideStepOut(input: StepOutInput): StepOutDecision {
  const pods = input.pods
    .map((pod) => watched(pod, input.memory.get(pod.name), input.nowMs))
    .toSorted(byName);
  const replaceable = withReplacement(pods);
  const out = choose(pods, replaceable, input);
  const decided = pods.map((pod) => follow(pod, out.has(pod), replaceable.get(pod) ?? [], input.nowMs));
  return {
    actions: decided.flatMap(({ action }) => action ?? []),
    memory: new Map(decided.map(({ pod, memory }) => [pod.name, memory])),
    unsettled: decided.some(({ memory }) => memory.order !== undefined) || differ(pods),
  };
}

function byName(a: Pod, b: Pod): number {
  return a.name < b.name ? -1 : 1;
}

// ——— how many may go ———

/** Those that are out go first, so that nobody changes places. */
function choose(
  pods: readonly Pod[],
  replaceable: ReadonlyMap<Pod, readonly string[]>,
  { wanted, nowMs }: StepOutInput,
): ReadonlySet<Pod> {
  const isOut = ({ order }: Pod): boolean => order !== undefined;
  const mayGo = (pod: Pod): boolean => replaceable.has(pod) && (isOut(pod) || !isResting(pod, nowMs));
  const isSilent = ({ report, order }: Pod): boolean =>
    report === undefined && order !== undefined && nowMs - order.givenMs < LONGEST_HOLD_MS;
  const byNeed = pods.filter(mayGo).toSorted((a, b) => failing(b).length - failing(a).length);
  const ranked = [...byNeed.filter(isOut), ...pods.filter(isSilent), ...byNeed.filter((pod) => !isOut(pod))];
  const out = new Set(ranked.slice(0, Math.max(0, places(pods, wanted, nowMs))));
  return pods.some((pod) => pod.ready && !isOut(pod) && !out.has(pod)) ? out : new Set();
}

/** How many pods may be out. */
function places(pods: readonly Pod[], wanted: number | undefined, nowMs: number): number {
  const missing = pods.filter(
    (pod) => !pod.ready && pod.order === undefined && !isResting(pod, nowMs),
  ).length;
  const surge = Math.min(missing, Math.max(0, pods.length - (wanted ?? pods.length)));
  return Math.floor((pods.length - surge) / 2) - (missing - surge);
}

function isResting({ letBackMs }: Pod, nowMs: number): boolean {
  return letBackMs !== undefined && nowMs - letBackMs < REST_MS;
}

// ——— step out, renew, let back ———

interface Followed {
  readonly pod: Pod;
  readonly memory: PodMemory;
  readonly action?: StepOutAction;
}

function follow(pod: Pod, isOut: boolean, routes: readonly string[], nowMs: number): Followed {
  const { name, losses, order, letBackMs, report } = pod;
  if (!isOut) {
    if (order === undefined) return { pod, memory: { losses, order, letBackMs } };
    return {
      pod,
      memory: { losses, order: undefined, letBackMs: nowMs },
      action: { kind: 'LetBack', pod: name },
    };
  }
  const leftMs = report === undefined || order === undefined ? RENEW_MS : order.expiresMs - report.clockMs;
  const holds = order !== undefined && leftMs >= RENEW_MS && leftMs <= HOLD_MS;
  if (report === undefined || holds) return { pod, memory: { losses, order, letBackMs } };
  const given = {
    reason: reasonOf(routes, report.routes, order?.reason),
    expiresMs: report.clockMs + HOLD_MS,
  };
  const kind = order === undefined ? 'StepOut' : 'Renew';
  return {
    pod,
    memory: { losses, order: { ...given, givenMs: nowMs }, letBackMs },
    action: { kind, pod: name, order: given },
  };
}
