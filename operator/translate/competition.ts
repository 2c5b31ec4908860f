// Routes by gateway, older first, and what each holds on each listener against the others.
import type { ObjectMeta } from '../api/meta.ts';
import type { Parent } from './attachment.ts';
import { type Claim, MatchClaims } from './conflicts.ts';
import type { ResolvedRoute } from './routes.ts';
import type { Key } from './types.ts';

/** A route on one gateway. */
export interface Contender {
  readonly resolved: ResolvedRoute;
  /** By listener that it asks for, in the order of the gateway. */
  readonly claims: ReadonlyMap<string, Claim<Key>>;
}

/** Older first: by creation time, then by namespace/name; those without a time come last. */
export function compareAge(a: ObjectMeta, b: ObjectMeta): number {
  const [timeA, timeB] = [createdAt(a), createdAt(b)];
  if (timeA !== timeB) return timeA - timeB;
  return a.namespace === b.namespace ? compareText(a.name, b.name) : compareText(a.namespace, b.namespace);
}

function createdAt({ creationTimestamp }: ObjectMeta): number {
  const time = creationTimestamp === undefined ? Number.NaN : Date.parse(creationTimestamp);
  return Number.isNaN(time) ? Number.MAX_SAFE_INTEGER : time;
}

function compareText(a: string, b: string): number {
  return Number(a > b) - Number(a < b);
}

/** By the key of the route, older first. */
export type Contenders = ReadonlyMap<Key, Contender>;

/**
 * Lets the routes claim their values on each listener of each gateway.
 *
 * @param routes older first
 */
export function compete(
  routes: readonly ResolvedRoute[],
  parentsOf: (route: ResolvedRoute) => readonly Parent[],
): ReadonlyMap<Key, Contenders> {
  const contenders = new Map<Key, Map<Key, Contender>>();
  const listeners = new Map<string, MatchClaims<Key>>();
  for (const resolved of routes) {
    for (const [gateway, names] of listenersByGateway(parentsOf(resolved))) {
      const claims = new Map<string, Claim<Key>>();
      for (const name of names) {
        const listener = getOrAdd(listeners, `${gateway}/${name}`, () => new MatchClaims<Key>());
        claims.set(name, listener.claim(resolved.key, resolved.match));
      }
      getOrAdd(contenders, gateway, () => new Map<Key, Contender>()).set(resolved.key, { resolved, claims });
    }
  }
  return contenders;
}

function listenersByGateway(parents: readonly Parent[]): Map<Key, Set<string>> {
  const byGateway = new Map<Key, Set<string>>();
  for (const { gateway, listeners } of parents) {
    for (const name of listeners) getOrAdd(byGateway, gateway, () => new Set<string>()).add(name);
  }
  return byGateway;
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
