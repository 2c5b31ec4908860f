// The mean of the last heartbeats, and the alarm that Exchange itself raises where it is short: something between the phones and
// the gateway ends connections that wait, so that phones ask again and again and their batteries run down.
import type { RequestRecord } from './request-record.ts';

/** What Exchange's own sample and threshold are. */
export const SAMPLE = 200;
export const SHORT_SECONDS = 540;
/** The alarm is over when the mean is above this again: it does not flutter. */
const LONG_SECONDS = 600;
/** What phones may ask for (MS-ASCMD 2.2.3.84 and 2.2.3.182); Exchange answers anything else at once. */
const MIN_SECONDS = 60;
const MAX_SECONDS = 3540;

export interface HeartbeatListener {
  /** The mean has become short, or is no longer. */
  onHeartbeats(isShort: boolean, meanSeconds: number): void;
}

export class Heartbeats {
  private readonly listener: HeartbeatListener;
  private readonly last = new Uint16Array(SAMPLE);
  private seen = 0;
  private sum = 0;
  private isShort = false;

  constructor(listener: HeartbeatListener) {
    this.listener = listener;
  }

  /** Of the last 200, in seconds; NaN before there were so many. */
  get mean(): number {
    return this.seen < SAMPLE ? Number.NaN : this.sum / SAMPLE;
  }

  /** Takes the heartbeat of a poll that came to its end; one that was refused, or that its phone left, says nothing. */
  observe({ poll, code, heartbeatSeconds }: RequestRecord): void {
    if (!poll || code !== 200 || heartbeatSeconds === null) return;
    if (heartbeatSeconds < MIN_SECONDS || heartbeatSeconds > MAX_SECONDS) return;
    const place = this.seen % SAMPLE;
    this.sum += heartbeatSeconds - (this.last[place] as number);
    this.last[place] = heartbeatSeconds;
    this.seen++;
    this.judge();
  }

  private judge(): void {
    const { mean } = this;
    const isShort = this.isShort ? mean <= LONG_SECONDS : mean <= SHORT_SECONDS;
    if (isShort === this.isShort) return;
    this.isShort = isShort;
    this.listener.onHeartbeats(isShort, mean);
  }
}
