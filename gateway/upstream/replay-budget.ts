// How many requests may be sent again: a share of all, so that servers that fail are not asked twice by everybody.

const WINDOW_MS = 5_000;
/** Within two windows, however few requests there are: the death of a server costs nothing on a quiet day. */
const MIN_REPLAYS = 100;
export const DEFAULT_MAX_REPLAY_PERCENT = 20;

/** Of one route. Counts over the last 5 to 10 seconds. */
export class ReplayBudget {
  /** Of the requests; set by each snapshot. */
  maxPercent = DEFAULT_MAX_REPLAY_PERCENT;
  private windowEnd = Number.NEGATIVE_INFINITY;
  private requests = 0;
  private replays = 0;
  private requestsBefore = 0;
  private replaysBefore = 0;

  /** A request begins. `now` in ms, as in all methods here. */
  countRequest(now: number): void {
    if (now >= this.windowEnd) this.turn(now);
    this.requests++;
  }

  /** Takes one replay; false where no more are to be had. */
  take(now: number): boolean {
    if (now >= this.windowEnd) this.turn(now);
    const share = ((this.requests + this.requestsBefore) * this.maxPercent) / 100;
    if (this.replays + this.replaysBefore >= Math.max(share, this.maxPercent === 0 ? 0 : MIN_REPLAYS)) {
      return false;
    }
    this.replays++;
    return true;
  }

  private turn(now: number): void {
    const isNext = now < this.windowEnd + WINDOW_MS;
    this.requestsBefore = isNext ? this.requests : 0;
    this.replaysBefore = isNext ? this.replays : 0;
    this.requests = this.replays = 0;
    this.windowEnd = now + WINDOW_MS;
  }
}
