// A pod as it shows itself, and as it is remembered.
import { type Losses, nextLosses } from './losses.ts';

/** What one pod is told. */
export interface Order {
  /** In words; at most 500 characters. */
  readonly reason: string;
  /** In ms since 1970 by the pod's own clock. */
  readonly expiresMs: number;
}

/** What a pod says of one route. */
export interface RouteReach {
  /** True when at least one server of the route is in reach. */
  readonly reached: boolean;
  /** Why not, in words. */
  readonly error?: string | undefined;
}

export interface PodView {
  readonly name: string;
  /** Its condition Ready. */
  readonly ready: boolean;
  /** What its annotation says. Only that of a pod never seen before counts: afterwards the memory knows better than a watch. */
  readonly order: Order | undefined;
  /** What it said just now; undefined where it could not be asked, or is draining. */
  readonly report:
    | {
        /** The pod's own clock, in ms since 1970. */
        readonly clockMs: number;
        readonly ageMs: number;
        /** By `namespace/name`. */
        readonly routes: ReadonlyMap<string, RouteReach>;
      }
    | undefined;
}

/** What is remembered of a pod from one decision to the next. */
export interface PodMemory {
  readonly losses: Losses;
  readonly order: (Order & { readonly givenMs: number }) | undefined;
  readonly letBackMs: number | undefined;
}

/** By name of the pod. */
export type StepOutMemory = ReadonlyMap<string, PodMemory>;

/** A pod with all that is known of it. */
export interface Pod extends Omit<PodView, 'order'>, PodMemory {}

/** The pod after this look at it. */
export function watched(view: PodView, known: PodMemory | undefined, nowMs: number): Pod {
  const foundOrder = view.order && { ...view.order, givenMs: nowMs };
  const order = known === undefined ? foundOrder : known.order;
  const routes = view.report && [...view.report.routes];
  const reached = routes && new Map(routes.map(([route, { reached }]) => [route, reached]));
  const before: Losses = known?.losses ?? new Map();
  const sure = order !== undefined && before.size === 0;
  const losses = nextLosses(before, reached, { nowMs, sure });
  return { ...view, order, losses, letBackMs: known?.letBackMs };
}
