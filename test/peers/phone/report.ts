// What phones went through: requests, losses, refusals, latencies. One report may serve thousands of phones.
import { ConnectionLost } from './http-connection.ts';
import { WrongAnswer } from './http-answer.ts';

export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface ReportSummary {
  readonly phones: number;
  readonly requests: number;
  /** By `<command> <HTTP status>`. */
  readonly answers: Readonly<Record<string, number>>;
  /** Connection errors, wrong answers, statuses that no client of a sound server sees, mail missing or twice. */
  readonly lost: number;
  /** By `<command>: <what happened>`. */
  readonly lostReasons: Readonly<Record<string, number>>;
  /** Answers 503 with Retry-After: counted apart, not lost. */
  readonly unavailable: number;
  readonly connections: number;
  readonly signIns: number;
  readonly tokenRenewals: number;
  readonly provisionings: number;
  /** Polls that ended with changes, and by their heartbeat (or a drain, which looks the same). */
  readonly pollsChanged: number;
  readonly pollsExpired: number;
  /** Sync states that had to be started anew because the server did not know their key. */
  readonly resyncs: number;
  /** 451 with X-MS-Location that phones have followed. */
  readonly redirects: number;
  readonly mailReceived: number;
  readonly mailDoubled: number;
  /** Mail that an audit found on the server and that no poll or sync had brought. */
  readonly mailMissing: number;
  readonly mailSent: number;
  /** Milliseconds to the first byte by command; polls are left out. */
  readonly latency: Readonly<Record<string, Latency>>;
}

type Count =
  | 'phones'
  | 'connections'
  | 'signIns'
  | 'tokenRenewals'
  | 'provisionings'
  | 'pollsChanged'
  | 'pollsExpired'
  | 'resyncs'
  | 'redirects'
  | 'mailReceived'
  | 'mailSent';

const mostSamples = 20_000;

export class Report {
  readonly #counts = new Map<Count, number>();
  readonly #answers = new Map<string, number>();
  readonly #lostReasons = new Map<string, number>();
  readonly #samples = new Map<string, number[]>();
  #requests = 0;
  #unavailable = 0;
  #mailDoubled = 0;
  #mailMissing = 0;
  #lost = 0;

  count(what: Count): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  request(): void {
    this.#requests += 1;
  }

  /** An answer came; latency in milliseconds, undefined for polls. */
  answer(command: string, status: number, latency: number | undefined): void {
    increment(this.#answers, `${command} ${status}`);
    if (latency === undefined) return;
    const samples = this.#samples.get(command) ?? [];
    this.#samples.set(command, samples);
    if (samples.length < mostSamples) samples.push(latency);
    else samples[Math.floor(Math.random() * mostSamples)] = latency;
  }

  /** A 503 with Retry-After. */
  unavailable(): void {
    this.#unavailable += 1;
  }

  mailDoubled(): void {
    this.#mailDoubled += 1;
    this.lost('Sync', 'mail twice');
  }

  mailMissing(): void {
    this.#mailMissing += 1;
    this.lost('Sync', 'mail missing');
  }

  /** Something was lost: what, in words or as the error. */
  lost(command: string, reason: unknown): void {
    this.#lost += 1;
    increment(this.#lostReasons, `${command}: ${inWords(reason)}`);
  }

  summary(): ReportSummary {
    const count = (what: Count): number => this.#counts.get(what) ?? 0;
    return {
      phones: count('phones'),
      requests: this.#requests,
      answers: sorted(this.#answers),
      lost: this.#lost,
      lostReasons: sorted(this.#lostReasons),
      unavailable: this.#unavailable,
      connections: count('connections'),
      signIns: count('signIns'),
      tokenRenewals: count('tokenRenewals'),
      provisionings: count('provisionings'),
      pollsChanged: count('pollsChanged'),
      pollsExpired: count('pollsExpired'),
      resyncs: count('resyncs'),
      redirects: count('redirects'),
      mailReceived: count('mailReceived'),
      mailDoubled: this.#mailDoubled,
      mailMissing: this.#mailMissing,
      mailSent: count('mailSent'),
      latency: Object.fromEntries(
        [...this.#samples].map(([command, samples]) => [command, percentiles(samples)]),
      ),
    };
  }
}

function inWords(reason: unknown): string {
  if (reason instanceof ConnectionLost)
    return `${reason.code} (${reason.stage}${reason.reused ? ', reused' : ''})`;
  if (reason instanceof WrongAnswer) return `wrong answer: ${reason.message}`;
  return reason instanceof Error ? reason.message : String(reason);
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sorted(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].toSorted(([a], [b]) => a.localeCompare(b)));
}

function percentiles(samples: readonly number[]): Latency {
  const ordered = samples.toSorted((a, b) => a - b);
  const at = (share: number): number => {
    const value = ordered[Math.min(ordered.length - 1, Math.floor(ordered.length * share))] ?? 0;
    return Math.round(value * 10) / 10;
  };
  return { count: ordered.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
