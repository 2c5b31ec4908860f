// A Ping or a Sync: whether it waits for mail, how long its answer may take, and how the gateway may end it.
import { type DrainAnswer, drainAnswer, isPoll } from '../eas/drain-answer.ts';
import { type RequestScan, scanRequest } from '../eas/request-scan.ts';
import type { HeldBody } from './held-body.ts';
import { type OwnAnswer, pollEnd, SERVER_LOST } from './own-answers.ts';
import type { ServedRoute } from './served-snapshot.ts';

/** What a server may take longer than the heartbeat that it was asked for. */
const HEARTBEAT_MARGIN_MS = 60_000;
/** No phone may ask for more than 59 minutes: what asks for more is answered at once, or is nobody's business for longer than this. */
const MAX_HEARTBEAT_SECONDS = 3600;
/** A poll that was open for longer is ended instead of being sent again: the phone's own time-out would pass. */
const MAX_REPLAYED_POLL_MS = 30_000;

export class Poll {
  /** Known once the body is complete. */
  scan: RequestScan = 'Unknown';
  /** It is a poll that waits for its answer. */
  waiting = false;
  /** How the gateway may end it. */
  private ending: DrainAnswer | undefined;
  private readonly command: 'Ping' | 'Sync';

  private constructor(command: 'Ping' | 'Sync') {
    this.command = command;
  }

  /** Undefined for every command that cannot be a poll. */
  static of(command: string | undefined): Poll | undefined {
    return command === 'Ping' || command === 'Sync' ? new Poll(command) : undefined;
  }

  /** The heartbeat or wait that was asked for, in seconds; null where none is known. */
  get heartbeatSeconds(): number | null {
    return this.scan === 'Unknown' ? null : (this.scan.waitSeconds ?? null);
  }

  get mayBeEnded(): boolean {
    return this.ending !== undefined;
  }

  /** Reads the body, which is complete; true where it is a poll that waits from now on. */
  read(body: HeldBody, contentEncoding: string | undefined): boolean {
    const whole = body.whole();
    if (whole !== undefined) this.scan = scanRequest(this.command, whole, contentEncoding);
    this.waiting = isPoll(this.command, this.scan);
    if (this.waiting) this.ending = drainAnswer(this.command, this.scan);
    return this.waiting;
  }

  firstByteTimeoutMs({ pollMs }: ServedRoute): number {
    const heartbeatSeconds = Math.min(this.heartbeatSeconds ?? 0, MAX_HEARTBEAT_SECONDS);
    return Math.max(pollMs, heartbeatSeconds * 1000 + HEARTBEAT_MARGIN_MS);
  }

  /** True where it was open for so long that it is ended rather than sent again. */
  isTooOldToReplay(openMs: number): boolean {
    return this.waiting && openMs > MAX_REPLAYED_POLL_MS;
  }

  /** The end of the poll as if nothing had happened; undefined where the gateway must not end it. */
  end(reason: 'drain'): OwnAnswer | undefined {
    return this.ending === undefined ? undefined : pollEnd(this.ending, reason);
  }

  /** The answer where its server was lost. */
  endAsLost(): OwnAnswer {
    return this.ending === undefined ? SERVER_LOST : pollEnd(this.ending, 'poll-lost');
  }
}
