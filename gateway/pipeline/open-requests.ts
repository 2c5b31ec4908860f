// The requests under way, and how they come to their end when the gateway goes away.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../http/deadlines.ts';
import { Roster, type Seat } from '../http/roster.ts';

/** A request under way. */
export interface OpenRequest {
  /** For `OpenRequests` alone. */
  seat?: Seat<OpenRequest>;
  /** Finishes an open poll by the gateway's own answer. Called only after `pollBegins(…, true)`. */
  endPoll(): void;
  /** Stops waiting where it waits for a server that is down: 503 where nothing was answered yet. */
  leaveDeadServer?(): void;
  /** The time is over: 503 where nothing was answered yet. */
  cutShort(): void;
}

export interface DrainOptions {
  /** How long the requests under way may take. */
  readonly seconds: number;
  /** Aborted: the rest is cut short at once. */
  readonly signal?: AbortSignal;
}

export interface ReleaseOptions {
  readonly seconds: number;
  /** Aborted: the polls that are left stay. */
  readonly signal: AbortSignal;
}

const TICK_MS = 50;
/** Polls end in this part of the time; what is left belongs to those that must finish by themselves. */
const POLL_SHARE = 0.9;

export class OpenRequests {
  /** Polls that wait for their answer. */
  polls = 0;
  private readonly clock: Clock;
  private readonly open = new Roster<OpenRequest>();
  /** Those of the polls that the gateway may end, in the order of their beginning. */
  private readonly endable = new Set<OpenRequest>();
  private onEmpty: (() => void) | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  begin(request: OpenRequest): void {
    request.seat = this.open.add(request);
  }

  end(request: OpenRequest): void {
    if (request.seat !== undefined) this.open.remove(request.seat);
    if (this.open.size === 0) this.onEmpty?.();
  }

  pollBegins(request: OpenRequest, endable: boolean): void {
    this.polls++;
    if (endable) this.endable.add(request);
  }

  pollEnds(request: OpenRequest): void {
    this.polls--;
    this.endable.delete(request);
  }

  /**
   * Ends the polls evenly over the time, so that the phones come back to the other gateways one after the other, and
   * lets everything else finish; at the deadline what has no answer yet gets its 503. Requests that still come are served.
   */
  async drain({ seconds, signal }: DrainOptions): Promise<void> {
    const finished = new Promise<void>((resolve) => {
      this.onEmpty = resolve;
    });
    const deadline = this.clock.now() + seconds * 1000;
    const endPolls = this.pollsOver(seconds * POLL_SHARE);
    const tick = (): void => {
      if (signal?.aborted === true || this.clock.now() >= deadline) this.cutShort();
      else endPolls();
    };
    const timer = setInterval(tick, TICK_MS);
    if (this.open.size > 0) await finished;
    clearInterval(timer);
    this.onEmpty = undefined;
  }

  /**
   * Lets phones go that another gateway can serve: requests that wait for a server that is down get their 503 at once; polls end
   * evenly over the time, also those that begin meanwhile. Nothing else changes.
   */
  async release({ seconds, signal }: ReleaseOptions): Promise<void> {
    for (const request of this.open) if (!this.endable.has(request)) request.leaveDeadServer?.();
    const deadline = this.clock.now() + seconds * 1000;
    const endPolls = this.pollsOver(seconds);
    while (!signal.aborted && this.clock.now() < deadline) {
      await sleep(TICK_MS);
      if (!signal.aborted) endPolls();
    }
  }

  /** Called again and again, the function ends as many polls as are due, all of them at the end of the time. */
  private pollsOver(seconds: number): () => void {
    let last = this.clock.now();
    const deadline = last + seconds * 1000;
    let owed = 0;
    return () => {
      const now = this.clock.now();
      const share = now >= deadline ? 1 : (now - last) / (deadline - last);
      owed = this.endPolls(owed + this.endable.size * share);
      last = now;
    };
  }

  /** Ends as many polls as are due, the oldest first, and returns the fraction of one that is still owed. */
  private endPolls(due: number): number {
    let left = due;
    for (const request of this.endable) {
      if (left < 1) return left;
      left--;
      request.endPoll();
    }
    return Math.min(left, 1);
  }

  private cutShort(): void {
    for (const request of this.open) request.cutShort();
    this.open.clear();
    this.onEmpty?.();
  }
}
