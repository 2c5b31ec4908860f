// Which users Exchange sent to another server, and who cannot go there. Held in memory only: a restart forgets it.
import { BoundedMap } from '../bounded-map.ts';

/** Where the mailbox of a user is now. */
interface LearntRedirect {
  readonly route: string;
  /** `https://host[:port]`. */
  readonly server: string;
  /** Digests of the credentials that were told so, the newest last. */
  readonly learners: readonly string[];
  /** The new server has let the user in. */
  readonly confirmed: boolean;
  /** When it was learnt, or when the new server let the user in last, in ms. */
  readonly at: number;
}

interface StuckUser {
  readonly route: string;
  readonly at: number;
}

/** Users of one route. */
export interface RedirectCounts {
  readonly route: string;
  /** Whose requests go to a learnt server. */
  readonly moved: number;
  /** Whom Exchange sends elsewhere, and who cannot go there. */
  readonly stuck: number;
}

export interface LearntRedirectsOptions {
  /** Of users, those that moved and those that cannot each. */
  readonly limit: number;
  /** How long a new server may take until it lets the user in: he has to sign in anew meanwhile. */
  readonly trialMs: number;
  /** After so long without an answer to the user it is forgotten. */
  readonly idleMs: number;
}

export const LEARNT_REDIRECTS: LearntRedirectsOptions = {
  limit: 65_536,
  trialMs: 600_000,
  idleMs: 86_400_000,
};
const MAX_LEARNERS = 8;
/** What a time is rounded by, so that not every answer writes. */
const REFRESH_MS = 60_000;

/**
 * A credential is sent to the learnt server if that has let the user in, if the credential itself was told to go there, or if
 * nothing is known of it (a new token). So whoever forges a name cannot lead the user's own sign-in anywhere.
 */
export class LearntRedirects {
  private readonly options: LearntRedirectsOptions;
  private readonly learnt: BoundedMap<string, LearntRedirect>;
  private readonly stuckUsers: BoundedMap<string, StuckUser>;
  private readonly moved = new Map<string, number>();
  private readonly stuck = new Map<string, number>();

  constructor(options: Partial<LearntRedirectsOptions> = {}) {
    this.options = { ...LEARNT_REDIRECTS, ...options };
    this.learnt = new BoundedMap(this.options.limit);
    this.stuckUsers = new BoundedMap(this.options.limit);
  }

  /** Users that moved; while it is 0 nothing need be asked. */
  get size(): number {
    return this.learnt.size;
  }

  get stuckSize(): number {
    return this.stuckUsers.size;
  }

  /**
   * The server to ask for this user, or undefined: those of the route.
   * @param user by route and name
   * @param acceptedElsewhere the credential is known to be good: without its own 451 it does not leave
   */
  serverFor(user: string, credential: string, acceptedElsewhere: boolean, now: number): string | undefined {
    const entry = this.learnt.peek(user);
    if (entry === undefined) return undefined;
    if (now - entry.at >= (entry.confirmed ? this.options.idleMs : this.options.trialMs)) {
      this.forget(user);
      if (!entry.confirmed) this.cannotMove(user, entry.route, now);
      return undefined;
    }
    if (entry.confirmed || !acceptedElsewhere || entry.learners.includes(credential)) return entry.server;
    return undefined;
  }

  /** A server that is no stranger to this credential sent the user to another one. */
  learn(user: string, route: string, server: string, credential: string, now: number): void {
    const known = this.learnt.get(user);
    if (known?.server === server && known.confirmed) return;
    const learners = known?.server === server ? known.learners : [];
    // The trial is not prolonged by asking again: else it would never end.
    const at = known?.server === server ? known.at : now;
    const entry: LearntRedirect = {
      route,
      server,
      learners: [...learners.filter((one) => one !== credential), credential].slice(-MAX_LEARNERS),
      confirmed: false,
      at,
    };
    if (known === undefined) add(this.moved, route, 1);
    const evicted = this.learnt.set(user, entry);
    if (evicted !== undefined) add(this.moved, evicted.route, -1);
  }

  /** The learnt server let the user in. */
  confirm(user: string, server: string, now: number): void {
    const entry = this.learnt.peek(user);
    if (entry?.server !== server || (entry.confirmed && now - entry.at < REFRESH_MS)) return;
    this.learnt.set(user, { ...entry, confirmed: true, at: now });
    this.canMove(user);
  }

  /** Whether this very credential was told to go where the user's requests go now. */
  isLearner(user: string, credential: string): boolean {
    return this.learnt.peek(user)?.learners.includes(credential) === true;
  }

  forget(user: string): void {
    const entry = this.learnt.peek(user);
    if (entry === undefined) return;
    this.learnt.delete(user);
    add(this.moved, entry.route, -1);
  }

  /** Exchange sends the user elsewhere, and he cannot go there. */
  cannotMove(user: string, route: string, now: number): void {
    if (this.stuckUsers.peek(user) === undefined) add(this.stuck, route, 1);
    const evicted = this.stuckUsers.set(user, { route, at: now });
    if (evicted !== undefined) add(this.stuck, evicted.route, -1);
  }

  /** The user was served, by whichever server. */
  canMove(user: string): void {
    const known = this.stuckUsers.peek(user);
    if (known === undefined) return;
    this.stuckUsers.delete(user);
    add(this.stuck, known.route, -1);
  }

  /** By route, those with any. */
  counts(now: number): RedirectCounts[] {
    const isOver = ({ at }: StuckUser): boolean => now - at >= this.options.idleMs;
    for (const { route } of this.stuckUsers.removeOldestWhile(isOver)) add(this.stuck, route, -1);
    const routes = new Set([...this.moved.keys(), ...this.stuck.keys()]);
    return [...routes].toSorted().map((route) => ({
      route,
      moved: this.moved.get(route) ?? 0,
      stuck: this.stuck.get(route) ?? 0,
    }));
  }
}

function add(counts: Map<string, number>, route: string, by: number): void {
  const count = (counts.get(route) ?? 0) + by;
  if (count > 0) counts.set(route, count);
  else counts.delete(route);
}
