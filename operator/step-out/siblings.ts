// Which pods another pod could stand in for: it reaches all that they reach, and a route that they have lost.
import type { Pod } from './pod.ts';

/** A gateway takes every server for healthy when it starts: what it says of its servers counts from this age on. */
export const TRUSTED_AGE_MS = 10_000;

/** Routes that are a reason to be out. One that is in reach again keeps a pod out for a while, but sends none out. */
export function failing({ losses, order }: Pod): string[] {
  return [...losses]
    .filter(([, { lost, foundMs }]) => lost && (order !== undefined || foundMs === undefined))
    .map(([route]) => route);
}

/** Whether a sibling reaches a route. `leniently`: a first look at its trouble does not count yet. */
function reaches(sibling: Pod, route: string, leniently: boolean): boolean {
  if (sibling.report?.routes.has(route) !== true) return false;
  const loss = sibling.losses.get(route);
  return loss === undefined || (leniently && !loss.lost);
}

/**
 * The failing routes that the sibling reaches; none unless it reaches everything that the pod does. A pod goes only for a
 * sibling that is beyond doubt, and does not come back over the first doubt.
 */
function replacedBy(pod: Pod, sibling: Pod): string[] {
  const isOut = pod.order !== undefined;
  const lost = new Set(failing(pod));
  if (lost.size === 0 || (!isOut && !isTrusted(sibling))) return [];
  const kept = [...(pod.report?.routes.keys() ?? [])].filter((route) => !lost.has(route));
  if (!kept.every((route) => reaches(sibling, route, isOut))) return [];
  return [...lost].filter((route) => reaches(sibling, route, isOut));
}

/** The pods that could go, each with the routes that a sibling reaches in its place. Only siblings that will stay count. */
export function withReplacement(pods: readonly Pod[]): ReadonlyMap<Pod, readonly string[]> {
  const reporting = pods.filter(({ report }) => report !== undefined);
  const siblings = reporting.filter(({ ready, order }) => ready && order === undefined);
  const replaceable = reporting.filter((pod) =>
    siblings.some((sibling) => replacedBy(pod, sibling).length > 0),
  );
  const staying = siblings.filter((sibling) => !replaceable.includes(sibling));
  return new Map(
    replaceable.flatMap((pod) => {
      const routes = new Set(staying.flatMap((sibling) => replacedBy(pod, sibling)));
      return routes.size === 0 ? [] : [[pod, [...routes].toSorted()] as const];
    }),
  );
}

function isTrusted({ report }: Pod): boolean {
  return (report?.ageMs ?? 0) >= TRUSTED_AGE_MS;
}

/** True where a pod misses a route that another reaches. */
export function differ(pods: readonly Pod[]): boolean {
  const reporting = pods.filter(({ report }) => report !== undefined);
  return reporting.some(({ losses }) =>
    [...losses.keys()].some((route) => reporting.some((other) => reaches(other, route, false))),
  );
}
