// Whether the operator has told this gateway to leave the endpoints for a while: a file of the mounted volume (downward API).
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { type Clock, monotonicClock } from './http/deadlines.ts';

/** The longest that one order holds: the operator renews it, and without an operator a gateway comes back by itself. */
const LONGEST_MS = 60_000;

/** `expires` is meant by the clock of the gateway that reads it. */
const orderSchema = z.object({ reason: z.string().max(500), expires: z.iso.datetime({ offset: true }) });

/** What the operator writes into the annotation. */
export type StepOutOrder = z.infer<typeof orderSchema>;

export interface StepOutOptions {
  /** Absent: never out. */
  readonly file: string | undefined;
  /** Wall clock, ms since 1970. */
  readonly now?: () => number;
  /** Never jumps: for how long an order has been there. */
  readonly clock?: Clock;
}

export class StepOut {
  private readonly file: string | undefined;
  private readonly now: () => number;
  private readonly clock: Clock;
  private content = '';
  /** When this content was first seen, by the clock that never jumps: the node's wall clock may be put back meanwhile. */
  private seen = 0;

  constructor({ file, now = Date.now, clock = monotonicClock }: StepOutOptions) {
    this.file = file;
    this.now = now;
    this.clock = clock;
  }

  /** The reason while the order in the file holds, else null. A file that is missing, empty or wrong is no order: in doubt phones are served. */
  async reason(): Promise<string | null> {
    if (this.file === undefined) return null;
    const content = await readFile(this.file, 'utf8').catch(() => '');
    if (content !== this.content) {
      this.content = content;
      this.seen = this.clock.now();
    }
    const order = parseOrder(content);
    if (order === null) return null;
    const holds = this.now() < Date.parse(order.expires) && this.clock.now() < this.seen + LONGEST_MS;
    return holds ? order.reason : null;
  }
}

/** The order in an annotation or file, null where there is none. */
export function parseOrder(content: string): StepOutOrder | null {
  try {
    return orderSchema.parse(JSON.parse(content));
  } catch {
    return null;
  }
}
