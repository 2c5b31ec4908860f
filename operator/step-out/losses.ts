// Which routes a pod has lost, with hysteresis: one look at a server's health is no reason for anything.

/** So long no server of a route must have been in reach before the route counts as lost … */
export const LOST_AFTER_MS = 5_000;
/** … and so long one must have been in reach again before it no longer does. */
export const FOUND_AFTER_MS = 10_000;

/** A route of which a pod does not reach any server, or did not until a moment ago. Times as in `nowMs`. */
export interface Loss {
  readonly sinceMs: number;
  /** False until `LOST_AFTER_MS` have passed. */
  readonly lost: boolean;
  /** When a server came into reach again; undefined while none is. */
  readonly foundMs: number | undefined;
}

/** By route (`namespace/name`); routes that are in reach have no entry. */
export type Losses = ReadonlyMap<string, Loss>;

/**
 * The losses after a further look.
 * @param reached by route; undefined where the pod could not be asked: what was not certain yet begins anew then
 * @param options.sure the pod was told to step out by an operator before this one, which had watched it long enough
 */
export function nextLosses(
  before: Losses,
  reached: ReadonlyMap<string, boolean> | undefined,
  { nowMs, sure }: { readonly nowMs: number; readonly sure: boolean },
): Losses {
  const next = new Map<string, Loss>();
  if (reached === undefined) {
    for (const [route, loss] of before) if (loss.lost) next.set(route, { ...loss, foundMs: undefined });
    return next;
  }
  for (const [route, isReached] of reached) {
    const loss = before.get(route);
    const following = isReached
      ? afterReach(loss, nowMs)
      : afterMiss(loss ?? { sinceMs: nowMs, lost: sure, foundMs: undefined }, nowMs);
    if (following !== undefined) next.set(route, following);
  }
  return next;
}

function afterMiss({ sinceMs, lost }: Loss, nowMs: number): Loss {
  return { sinceMs, lost: lost || nowMs - sinceMs >= LOST_AFTER_MS, foundMs: undefined };
}

function afterReach(loss: Loss | undefined, nowMs: number): Loss | undefined {
  if (loss?.lost !== true) return undefined;
  const foundMs = loss.foundMs ?? nowMs;
  return nowMs - foundMs >= FOUND_AFTER_MS ? undefined : { ...loss, foundMs };
}
