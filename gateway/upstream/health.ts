// Whether one server is fit to be asked: what requests and probes observed, turned into a state with hysteresis.
import type { Clock } from '../http/deadlines.ts';

/**
 * - `Healthy`: asked in the order of priority. Every server begins like this.
 * - `Degraded`: it answers, but several users get 502, 503 or 504, or it was `Down` a moment ago. Asked only where no
 *   healthy server is left.
 * - `Down`: it does not answer. Not asked.
 *
 *     Healthy ──(failures to connect, probes)──▶ Down ──(a probe)──▶ Degraded ──(probes, hold time)──▶ Healthy
 *        └──────────(502, 503, 504)────────────────────────────────────▲
 */
export type HealthState = 'Healthy' | 'Degraded' | 'Down';

/** Counts the changes of state of many servers: what was made of their states holds as long as it stays the same. */
export interface HealthChanges {
  count: number;
}

export interface HealthSettings {
  /** Failures to connect or to be probed, without an answer between them, that make a server `Down`. */
  readonly failuresToDown: number;
  /** Users with a 502, 503 or 504 within the window that make it `Degraded`. */
  readonly usersToDegraded: number;
  readonly windowMs: number;
  /** Probes that have to succeed one after the other before it is `Healthy` again. */
  readonly successesToReturn: number;
  /** How long it stays away at least; doubled with each relapse within `relapseMs` of its return, up to `maxHoldMs`. */
  readonly downHoldMs: number;
  readonly degradedHoldMs: number;
  readonly maxHoldMs: number;
  readonly relapseMs: number;
}

export const DEFAULT_HEALTH_SETTINGS: HealthSettings = {
  failuresToDown: 2,
  usersToDegraded: 3,
  windowMs: 30_000,
  successesToReturn: 2,
  downHoldMs: 2_000,
  degradedHoldMs: 30_000,
  maxHoldMs: 300_000,
  relapseMs: 300_000,
};

export interface ServerHealthOptions {
  readonly clock: Clock;
  /** The wall clock's time, for `since`. */
  readonly now?: () => Date;
  readonly settings?: Partial<HealthSettings>;
  /** Called after each change of the state. */
  readonly onChange?: (health: ServerHealth) => void;
}

const MAX_USERS = 64;

/** The health of one server. */
export class ServerHealth {
  state: HealthState = 'Healthy';
  /** When it became healthy, or ceased to be. */
  since: Date;
  /** What is wrong, in words; null while nothing is known to be. */
  lastError: string | null = null;
  /** `Degraded` because it comes back from `Down`, and not for what it answers. */
  isRecovering = false;
  /** When it ceased to be healthy, and when it last became so again, in ms of the clock. */
  leftAt = Number.NEGATIVE_INFINITY;
  returnedAt = Number.NEGATIVE_INFINITY;
  /** How often it ceased to be healthy. */
  failureCount = 0;
  /** A request had no answer: the next probe decides, and it ought to come soon. */
  suspected = false;

  private readonly clock: Clock;
  private readonly now: () => Date;
  private readonly settings: HealthSettings;
  private readonly onChange: ((health: ServerHealth) => void) | undefined;
  private failures = 0;
  private successes = 0;
  private relapses = 0;
  private holdUntil = 0;
  /** Users whose requests were answered by 502, 503 or 504, with the time; the oldest first. */
  private readonly failingUsers = new Map<string, number>();
  private failingAnswers = 0;
  private otherAnswers = 0;

  constructor(options: ServerHealthOptions) {
    this.clock = options.clock;
    this.now = options.now ?? ((): Date => new Date());
    this.settings = { ...DEFAULT_HEALTH_SETTINGS, ...options.settings };
    this.onChange = options.onChange;
    this.since = this.now();
  }

  /** The connection for a request could not be made. */
  connectFailed(error: string): void {
    this.suspected = true;
    this.fail(error, 1);
  }

  /** A request was sent and had no valid answer: of one user, so it proves nothing until a probe fails too. */
  unanswered(error: string): void {
    this.suspected = true;
    this.lastError = error;
  }

  /** A request was answered; `failing`: by a 502, 503 or 504 that is no throttle of that user. */
  answered(failing: boolean, user: string): void {
    this.failures = 0;
    if (failing) this.countFailing(user);
    else if (this.failingUsers.size > 0) this.otherAnswers++;
  }

  /** A probe was answered below 500. */
  probeSucceeded(): void {
    this.failures = 0;
    this.suspected = false;
    if (this.state === 'Healthy') {
      this.lastError = null;
      return;
    }
    this.successes++;
    if (this.successes < this.settings.successesToReturn || this.clock.now() < this.holdUntil) {
      this.enter('Degraded');
      return;
    }
    this.returnedAt = this.clock.now();
    this.lastError = null;
    this.enter('Healthy');
  }

  /** A probe had no answer, or one of 500 and above. */
  probeFailed(error: string): void {
    this.fail(error, this.suspected ? this.settings.failuresToDown : 1);
    this.suspected = false;
  }

  private fail(error: string, weight: number): void {
    this.lastError = error;
    this.successes = 0;
    this.failures += weight;
    if (this.failures >= this.settings.failuresToDown) this.leave('Down', this.settings.downHoldMs);
  }

  private countFailing(user: string): void {
    const now = this.clock.now();
    for (const [known, at] of this.failingUsers) {
      if (now - at < this.settings.windowMs && this.failingUsers.size < MAX_USERS) break;
      this.failingUsers.delete(known);
    }
    if (this.failingUsers.size === 0) this.failingAnswers = this.otherAnswers = 0;
    this.failingUsers.delete(user);
    this.failingUsers.set(user, now);
    this.failingAnswers++;
    if (this.state !== 'Healthy' || this.failingUsers.size < this.settings.usersToDegraded) return;
    // A few users with broken mailboxes among many that are served are not the server's failure.
    if (this.otherAnswers > this.failingAnswers) return;
    this.lastError = `${this.failingUsers.size} users got 502, 503 or 504`;
    this.leave('Degraded', this.settings.degradedHoldMs);
  }

  private leave(state: HealthState, holdMs: number): void {
    const now = this.clock.now();
    if (this.state === 'Healthy') {
      this.leftAt = now;
      this.failureCount++;
      this.relapses = now - this.returnedAt < this.settings.relapseMs ? this.relapses + 1 : 0;
      this.holdUntil = now + Math.min(holdMs * 2 ** this.relapses, this.settings.maxHoldMs);
    }
    this.successes = 0;
    this.enter(state);
  }

  private enter(state: HealthState): void {
    if (state === this.state) return;
    if (state === 'Healthy' || this.state === 'Healthy') this.since = this.now();
    this.isRecovering = state === 'Degraded' && this.state === 'Down';
    this.state = state;
    this.failingUsers.clear();
    this.onChange?.(this);
  }
}
