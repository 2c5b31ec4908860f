// A token bucket in one number: when it would be full again (generic cell rate algorithm, ITU-T I.371).

export interface BucketLimit {
  /** Between two tokens, in ms. */
  readonly intervalMs: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
}

export class TokenBucket {
  private fullAt = Number.NEGATIVE_INFINITY;

  /** How long until there is a token, in ms; 0: there is one. */
  wait(now: number, { intervalMs, burst }: BucketLimit): number {
    return Math.max(0, this.fullAt - (burst - 1) * intervalMs - now);
  }

  /** Takes the token that `wait` saw. */
  take(now: number, { intervalMs }: BucketLimit): void {
    this.fullAt = Math.max(this.fullAt, now) + intervalMs;
  }
}
