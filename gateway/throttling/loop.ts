// A device that sends the same command again and again: held back before Exchange refuses "too many identical commands".

export interface LoopLimit {
  /** Identical commands within the window that pass while nothing new comes between them. */
  readonly limit: number;
  readonly windowMs: number;
  /** How long such a command is refused then. */
  readonly holdMs: number;
}

interface Repeated {
  count: number;
  since: number;
  heldUntil: number;
}

/** Commands that alternate without end are a loop too, so a few are remembered. */
const MAX_REMEMBERED = 8;

/** The commands of one device. A command that it did not send lately is progress: everything counts from zero again. */
export class CommandLoop {
  private readonly recent = new Map<string, Repeated>();

  /**
   * Counts a command.
   * @param fingerprint of its line and body
   * @returns how long it has to wait, in ms; 0: it passes
   */
  judge(fingerprint: string, now: number, { limit, windowMs, holdMs }: LoopLimit): number {
    const known = this.recent.get(fingerprint);
    if (known === undefined) {
      this.progress(fingerprint, now);
      return 0;
    }
    if (now < known.heldUntil) return known.heldUntil - now;
    if (now - known.since >= windowMs) {
      known.count = 0;
      known.since = now;
    }
    known.count++;
    if (known.count <= limit) return 0;
    known.count = 0;
    known.heldUntil = known.since = now + holdMs;
    return holdMs;
  }

  private progress(fingerprint: string, now: number): void {
    for (const known of this.recent.values()) {
      known.count = 0;
      known.since = now;
      known.heldUntil = 0;
    }
    if (this.recent.size >= MAX_REMEMBERED) {
      for (const oldest of this.recent.keys()) {
        this.recent.delete(oldest);
        break;
      }
    }
    this.recent.set(fingerprint, { count: 1, since: now, heldUntil: 0 });
  }
}
