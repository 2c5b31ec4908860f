// Which server of a route is asked next: by health and priority first, then by the way of balancing. Compiled once for each snapshot;
// a choice looks at each server at most twice and allocates nothing.
import type { Clock } from '../http/deadlines.ts';
import { type Balancer, balancerOf, type Balancing, Candidate } from './balancing.ts';
import type { Endpoint } from './endpoint.ts';
import type { HealthChanges } from './health.ts';
import type { RouteServer } from './route-server.ts';

export interface ChoiceOptions {
  readonly clock: Clock;
  readonly changes: HealthChanges;
  readonly balancing: Balancing;
  /** With their weights; default 1. */
  readonly servers: readonly (RouteServer & { readonly weight?: number | undefined })[];
  /** Requests under way at all servers together; default: no bound. */
  readonly maxConnections?: number | undefined;
  readonly maxConnectionsPerServer?: number | undefined;
  /** A server that returned gets a growing share of its requests for so long; default 0. */
  readonly slowStartMs?: number | undefined;
  /** So many of the servers, rounded up, may be out at a time because of what they answer; default 50. */
  readonly maxEjectedPercent?: number | undefined;
}

/** Servers that are chosen from together, because none is preferred to another. */
interface Level {
  readonly candidates: readonly Candidate[];
  /** These failed a moment ago: asked only where no better one is left. */
  readonly isLastResort: boolean;
}

export const DEFAULT_MAX_EJECTED_PERCENT = 50;
/** The golden ratio: its multiples spread evenly. */
const TURN = 0.618_033_988_749_894_9;

/** Servers in the order in which they are asked: by priority, equal ones as they are listed. */
export function inOrderOfPriority<Server extends Pick<RouteServer, 'priority'>>(
  servers: readonly Server[],
): Server[] {
  return servers.toSorted((a, b) => a.priority - b.priority);
}

export class ServerChoice {
  /** Whether requests are told apart by their users: then `choose` is to be given a hash. */
  readonly byUser: boolean;
  /** The last choice passed over a server only because it has as many requests as it may have. */
  isFull = false;
  private readonly options: ChoiceOptions;
  private readonly balancer: Balancer;
  private readonly candidates: readonly Candidate[];
  private readonly maxConnections: number;
  private readonly maxPerServer: number;
  private readonly slowStartMs: number;
  private levels: readonly Level[] = [];
  /** Of the health that the levels were made of. */
  private seenChanges = -1;
  /** Until then a server is in its slow start. */
  private slowUntil = Number.NEGATIVE_INFINITY;
  private turn = 0;

  constructor(options: ChoiceOptions) {
    this.options = options;
    this.byUser = options.balancing === 'UserHash';
    this.balancer = balancerOf(options.balancing);
    this.candidates = inOrderOfPriority(options.servers).map((server) => new Candidate(server));
    this.maxConnections = options.maxConnections ?? Infinity;
    this.maxPerServer = options.maxConnectionsPerServer ?? Infinity;
    this.slowStartMs = options.slowStartMs ?? 0;
  }

  /**
   * The server to ask; undefined where none is left, or (`isFull`) none has room.
   * @param user a hash, where `byUser`
   * @param tried in vain for this request
   */
  choose(user: number, tried: readonly Endpoint[]): RouteServer | undefined {
    if (this.seenChanges !== this.options.changes.count) this.regroup();
    this.turn = (this.turn + TURN) % 1;
    this.isFull = this.maxConnections !== Infinity && this.active() >= this.maxConnections;
    if (this.isFull) return undefined;
    const isSlow = this.slowUntil !== Number.NEGATIVE_INFINITY && this.warmUp();
    return (isSlow ? this.firstOf(user, tried, true) : undefined) ?? this.firstOf(user, tried, false);
  }

  private firstOf(user: number, tried: readonly Endpoint[], slowly: boolean): RouteServer | undefined {
    for (const { candidates, isLastResort } of this.levels) {
      if (isLastResort && (this.isFull || slowly)) return undefined;
      let isAny = false;
      let warmth = 0;
      for (const candidate of candidates) {
        candidate.isOpen = this.hasRoom(candidate.server.endpoint, tried);
        if (!candidate.isOpen) continue;
        isAny = true;
        warmth = Math.max(warmth, candidate.warmth);
      }
      if (isAny && (!slowly || this.turn < warmth)) return this.balancer(candidates, user, this.turn).server;
    }
    return undefined;
  }

  private hasRoom(endpoint: Endpoint, tried: readonly Endpoint[]): boolean {
    if (tried.includes(endpoint)) return false;
    if (this.maxPerServer === Infinity || endpoint.pool.active < this.maxPerServer) return true;
    this.isFull = true;
    return false;
  }

  private active(): number {
    let sum = 0;
    for (const { server } of this.candidates) sum += server.endpoint.pool.active;
    return sum;
  }

  /** Sets how warm each server is; false once all of them are. */
  private warmUp(): boolean {
    const now = this.options.clock.now();
    for (const candidate of this.candidates) candidate.warmUp(now, this.slowStartMs);
    if (now >= this.slowUntil) this.slowUntil = Number.NEGATIVE_INFINITY;
    return now < this.slowUntil;
  }

  /** The health of a server has changed: who is chosen from, in which order. */
  private regroup(): void {
    const { candidates, slowStartMs, options } = this;
    this.seenChanges = options.changes.count;
    const isInService = inService(candidates, options.maxEjectedPercent ?? DEFAULT_MAX_EJECTED_PERCENT);
    const good = candidates.filter(isInService);
    const poor = candidates.filter(
      (one) => one.server.endpoint.health.state === 'Degraded' && !isInService(one),
    );
    this.levels = [...this.levelsOf(good, false), ...this.levelsOf(poor, true)];
    if (slowStartMs === 0) return;
    const returned = candidates.map(({ server }) => server.endpoint.health.returnedAt);
    this.slowUntil = Math.max(...returned) + slowStartMs;
  }

  private levelsOf(candidates: readonly Candidate[], isLastResort: boolean): Level[] {
    if (this.options.balancing === 'Priority') {
      return candidates.map((one) => ({ candidates: [one], isLastResort }));
    }
    const byPriority = Map.groupBy(candidates, ({ server }) => server.priority);
    return [...byPriority.values()].map((level) => ({ candidates: level, isLastResort }));
  }
}

/** Healthy servers, and those that would be out for what they answer if not too many were out already: the last to fail stay. */
function inService(candidates: readonly Candidate[], maxEjectedPercent: number): (one: Candidate) => boolean {
  const healthOf = ({ server }: Candidate) => server.endpoint.health;
  const failing = candidates
    .filter((one) => healthOf(one).state === 'Degraded' && !healthOf(one).isRecovering)
    .toSorted((a, b) => healthOf(a).leftAt - healthOf(b).leftAt);
  const healthy = candidates.filter((one) => healthOf(one).state === 'Healthy');
  const gone = candidates.length - healthy.length - failing.length;
  const mayGo = Math.max(0, Math.ceil((candidates.length * maxEjectedPercent) / 100) - gone);
  const kept = new Set([...healthy, ...failing.slice(mayGo)]);
  return (one) => kept.has(one);
}
