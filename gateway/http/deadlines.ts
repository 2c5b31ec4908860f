// Deadlines for many connections from one coarse ticker: arming one is an assignment, not a timer.
import { Roster, type Seat } from './roster.ts';

/** Something that may run out of time. It stays registered for its life and moves `deadline` as often as it likes. */
export interface Deadlined {
  /** In ms of the clock; Infinity: none. */
  deadline: number;
  /** For `Deadlines` alone. */
  seat?: Seat<Deadlined>;
  /** Called once `now ≥ deadline`; must move the deadline, else it is called again at the next tick. */
  onDeadline(now: number): void;
}

/** Milliseconds that only ever grow (`performance.now()`), so that a change of the wall clock ends nothing. */
export interface Clock {
  now(): number;
}

export const monotonicClock: Clock = { now: () => performance.now() };

export interface DeadlinesOptions {
  readonly clock?: Clock;
  /** How often deadlines are looked at, in ms: the most that one is late. */
  readonly tickMs?: number;
}

/** Watches deadlines. With a fake clock in a test call `check()` after moving it. */
export class Deadlines {
  readonly clock: Clock;
  private readonly entries = new Roster<Deadlined>();
  private readonly tickMs: number;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: DeadlinesOptions = {}) {
    this.clock = options.clock ?? monotonicClock;
    this.tickMs = options.tickMs ?? 250;
  }

  add(entry: Deadlined): void {
    entry.seat = this.entries.add(entry);
    this.timer ??= setInterval(() => this.check(), this.tickMs).unref();
  }

  remove(entry: Deadlined): void {
    if (entry.seat !== undefined) this.entries.remove(entry.seat);
    if (this.entries.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Calls whatever is overdue. */
  check(): void {
    const now = this.clock.now();
    for (const entry of this.entries) if (now >= entry.deadline) entry.onDeadline(now);
  }
}
