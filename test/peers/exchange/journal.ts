// What the simulated Exchange saw: requests, violations of the specification, sent mail, figures.

/** One breach of the specification by a client, or by the proxy in front of it. */
export interface Violation {
  /** Which rule, in kebab case, e.g. `cookie-mixed`; see judge.ts and device.ts. */
  readonly rule: string;
  readonly message: string;
  /** Where it is written, e.g. `MS-ASHTTP R4076` or `RFC 9110 7.6.1`. */
  readonly reference: string;
  readonly at: string;
  readonly frontEnd: string;
  readonly command?: string | undefined;
  readonly user?: string | undefined;
  readonly deviceId?: string | undefined;
}

/** One request as it arrived, byte for byte, and what became of it. */
export interface RequestRecord {
  readonly at: string;
  readonly frontEnd: string;
  /** Number of the TLS connection, counted over the whole organisation. */
  readonly connection: number;
  readonly method: string;
  /** The request target, undecoded. */
  readonly target: string;
  /** Header names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  command?: string;
  user?: string;
  deviceId?: string;
  bodyBytes: number;
  bodySha256?: string;
  status?: number;
  /**
   * `open` until an answer leaves; `aborted` when the client went before the answer was complete; `faulted` when a
   * fault had a hand in it.
   */
  outcome: 'open' | 'answered' | 'aborted' | 'faulted';
  milliseconds?: number;
}

/** One mail that a client submitted (SendMail, SmartForward, SmartReply). */
export interface SentMail {
  readonly at: string;
  readonly frontEnd: string;
  readonly user: string;
  readonly deviceId: string;
  readonly command: string;
  readonly clientId?: string | undefined;
  readonly messageId?: string | undefined;
  readonly subject: string;
  readonly to: readonly string[];
  readonly bytes: number;
  /** The same ClientId or Message-ID was submitted by this user before. */
  readonly duplicate: boolean;
}

/** A long poll that is held now. */
export interface OpenPoll {
  readonly frontEnd: string;
  readonly user: string;
  readonly deviceId: string;
  readonly command: 'Ping' | 'Sync';
  readonly since: string;
  /** In seconds, as the client asked. */
  readonly heartbeatSeconds: number;
}

export interface Statistics {
  readonly requests: number;
  /** By `<command> <status>`; an aborted or faulted request without status counts as `<command> -`. */
  readonly answers: Readonly<Record<string, number>>;
  readonly aborted: number;
  readonly violations: number;
  readonly sentMail: number;
  readonly duplicateMail: number;
  readonly openPolls: number;
  /** Polls that ended by mail, by their heartbeat, by a newer request of the same device, by the client's leaving. */
  readonly polls: Readonly<Record<'changed' | 'expired' | 'superseded' | 'gone', number>>;
  /** Mean of the last 200 heartbeats in seconds, as Exchange watches it (alert at 540 or less); absent without any. */
  readonly meanHeartbeatSeconds?: number;
  readonly connections: number;
  readonly openConnections: number;
}

export interface JournalLimits {
  /** How many requests are remembered; the oldest go first. */
  readonly requests: number;
  readonly violations: number;
  readonly sentMail: number;
}

const defaults: JournalLimits = { requests: 20_000, violations: 10_000, sentMail: 100_000 };

/** Keeps the records of one organisation, bounded. */
export class Journal {
  readonly #limits: JournalLimits;
  readonly #onViolation: ((violation: Violation) => void) | undefined;
  readonly #requests: RequestRecord[] = [];
  readonly #violations: Violation[] = [];
  readonly #sentMail: SentMail[] = [];
  readonly #polls = new Set<OpenPoll>();
  readonly #answers = new Map<string, number>();
  readonly #heartbeats: number[] = [];
  readonly #pollEnds = { changed: 0, expired: 0, superseded: 0, gone: 0 };
  readonly #watchers = new Set<() => void>();
  #count = {
    requests: 0,
    aborted: 0,
    violations: 0,
    sentMail: 0,
    duplicateMail: 0,
    connections: 0,
    openConnections: 0,
  };

  constructor(limits: Partial<JournalLimits> = {}, onViolation?: (violation: Violation) => void) {
    this.#limits = { ...defaults, ...limits };
    this.#onViolation = onViolation;
  }

  get requests(): readonly RequestRecord[] {
    return this.#requests;
  }

  get violations(): readonly Violation[] {
    return this.#violations;
  }

  get sentMail(): readonly SentMail[] {
    return this.#sentMail;
  }

  get openPolls(): readonly OpenPoll[] {
    return [...this.#polls];
  }

  /** Figures since the start, and of this moment. */
  statistics(): Statistics {
    const { length } = this.#heartbeats;
    return {
      ...this.#count,
      answers: Object.fromEntries([...this.#answers].toSorted(([a], [b]) => a.localeCompare(b))),
      openPolls: this.#polls.size,
      polls: { ...this.#pollEnds },
      ...(length > 0 && {
        meanHeartbeatSeconds: this.#heartbeats.reduce((sum, value) => sum + value, 0) / length,
      }),
    };
  }

  /** Forgets requests, violations and sent mail; figures go on. */
  clear(): void {
    this.#requests.length = 0;
    this.#violations.length = 0;
    this.#sentMail.length = 0;
  }

  /** Resolves once `condition` holds; it is asked again after everything that is recorded. */
  async until(condition: (journal: this) => boolean, signal?: AbortSignal): Promise<void> {
    if (condition(this)) return;
    await new Promise<void>((resolve, reject) => {
      const done = (): void => {
        this.#watchers.delete(check);
        signal?.removeEventListener('abort', abort);
      };
      const check = (): void => {
        if (!condition(this)) return;
        done();
        resolve();
      };
      const abort = (): void => {
        done();
        reject(signal?.reason as Error);
      };
      this.#watchers.add(check);
      signal?.addEventListener('abort', abort);
    });
  }

  addRequest(record: RequestRecord): void {
    this.#count.requests += 1;
    push(this.#requests, record, this.#limits.requests);
    this.#changed();
  }

  endRequest(record: RequestRecord): void {
    const key = `${record.command ?? record.method} ${record.status ?? '-'}`;
    this.#answers.set(key, (this.#answers.get(key) ?? 0) + 1);
    if (record.outcome === 'aborted') this.#count.aborted += 1;
    this.#changed();
  }

  addViolation(violation: Violation): void {
    this.#count.violations += 1;
    push(this.#violations, violation, this.#limits.violations);
    this.#onViolation?.(violation);
    this.#changed();
  }

  addSentMail(mail: SentMail): void {
    this.#count.sentMail += 1;
    if (mail.duplicate) this.#count.duplicateMail += 1;
    push(this.#sentMail, mail, this.#limits.sentMail);
    this.#changed();
  }

  addPoll(poll: OpenPoll): void {
    this.#polls.add(poll);
    push(this.#heartbeats, poll.heartbeatSeconds, 200);
    this.#changed();
  }

  endPoll(poll: OpenPoll, how: keyof Statistics['polls']): void {
    this.#polls.delete(poll);
    this.#pollEnds[how] += 1;
    this.#changed();
  }

  /** Counts a TLS connection and returns its number. */
  addConnection(): number {
    this.#count.openConnections += 1;
    this.#count.connections += 1;
    this.#changed();
    return this.#count.connections;
  }

  endConnection(): void {
    this.#count.openConnections -= 1;
    this.#changed();
  }

  #changed(): void {
    for (const check of this.#watchers) check();
  }
}

function push<T>(list: T[], value: T, limit: number): void {
  list.push(value);
  if (list.length > limit + limit / 8) list.splice(0, list.length - limit);
}
