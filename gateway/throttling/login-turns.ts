// Sign-ins that nobody has judged yet: of one user at one address only so many are on their way at once.

/** A sign-in that waits until one before it was judged. */
export interface WaitingLogin {
  /** To be judged anew: it may have to wait again. */
  goOn(): void;
}

interface Turn {
  /** On their way. */
  count: number;
  /** Nobody waits any more: those on their way are polls that Exchange holds, so it let them in. */
  open: boolean;
  readonly waiting: Set<WaitingLogin>;
  timer: NodeJS.Timeout | undefined;
}

/** Exchange refuses a password sooner than this; an accepted poll it holds for minutes. */
const MAX_WAIT_MS = 1000;

/** Holds nothing of users without a sign-in under way. */
export class LoginTurns {
  private readonly turns = new Map<string, Turn>();

  get size(): number {
    return this.turns.size;
  }

  /**
   * True where it may go to Exchange now: `ends` is to be called in the end. Else `waiting` is told when it is worth another try.
   * @param limit of those on their way
   */
  begins(key: string, limit: number, waiting: WaitingLogin): boolean {
    const turn = this.turns.get(key);
    if (turn === undefined) {
      this.turns.set(key, { count: 1, open: false, waiting: new Set(), timer: undefined });
      return true;
    }
    if (turn.open || turn.count < limit) {
      turn.count++;
      return true;
    }
    turn.waiting.add(waiting);
    turn.timer ??= setTimeout(() => {
      turn.open = true;
      goOn(turn);
    }, MAX_WAIT_MS);
    return false;
  }

  /** What `begins` let go was judged, or is over. */
  ends(key: string): void {
    const turn = this.turns.get(key);
    if (turn === undefined) return;
    turn.count--;
    if (turn.count === 0) this.turns.delete(key);
    goOn(turn);
  }

  /** It waits no longer. */
  leaves(key: string, waiting: WaitingLogin): void {
    this.turns.get(key)?.waiting.delete(waiting);
  }
}

function goOn(turn: Turn): void {
  clearTimeout(turn.timer);
  turn.timer = undefined;
  const waiting = [...turn.waiting];
  turn.waiting.clear();
  for (const one of waiting) one.goOn();
}
