// Names of servers → addresses for new connections: a cache in front of slow and failing name servers, so that one name never
// waits for others.
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { Clock } from '../http/deadlines.ts';
import type { NameLookup } from '../http/upstream-pool.ts';
import { NameError, type NameSource } from './names/addresses.ts';

export interface ResolverOptions {
  readonly clock: Clock;
  readonly source: NameSource;
  /** Names that are remembered; beyond it the one that was used longest ago is forgotten. */
  readonly maxNames?: number;
  /** Look-ups at a time. */
  readonly maxLookups?: number;
}

/** Node's names: every address, or the first one. */
type Callback = Parameters<LookupFunction>[2];

interface Waiter {
  readonly all: boolean;
  readonly callback: Callback;
}

const MAX_NAMES = 20_000;
const MAX_LOOKUPS = 512;
/** Of these the names that failed before may have so much. */
const FAILED_SHARE = 0.75;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
/** While name servers fail, what they said last holds so long. */
const STALE_WHILE_FAILING_MS = 86_400_000;
/** From when they say that there is no such name any more. */
const STALE_WHEN_GONE_MS = 60_000;
/** An address that could not be reached comes after the others for so long. */
const AVOIDED_MS = 30_000;

/** What is known of one name. */
class Entry {
  readonly name: string;
  /** Empty while nothing is known. IPv4 before IPv6. */
  addresses: readonly LookupAddress[] = [];
  foundAt = 0;
  /** From then on it is looked up again. */
  lookUpAt = Number.NEGATIVE_INFINITY;
  usableUntil = Number.NEGATIVE_INFINITY;
  failure: NameError | undefined;
  failures = 0;
  /** Defined while it is being looked up, or waits for that. */
  waiters: Waiter[] | undefined;
  /** Until when an address is avoided. */
  avoided: Map<string, number> | undefined;
  private turn = 0;

  constructor(name: string) {
    this.name = name;
  }

  forgetAvoided(now: number): void {
    for (const [address, until] of this.avoided ?? []) if (until <= now) this.avoided?.delete(address);
    if (this.avoided?.size === 0) this.avoided = undefined;
  }

  /** The addresses in the order in which to try them: each first in its turn, those that failed last. */
  inTurn(now: number): LookupAddress[] {
    const turn = this.turn++;
    const ofFamily = (family: number): LookupAddress[] => {
      const all = this.addresses.filter((address) => address.family === family);
      const at = all.length === 0 ? 0 : turn % all.length;
      return [...all.slice(at), ...all.slice(0, at)];
    };
    const inOrder = [...ofFamily(4), ...ofFamily(6)];
    const { avoided } = this;
    if (avoided === undefined) return inOrder;
    const isAvoided = ({ address }: LookupAddress): boolean => (avoided.get(address) ?? 0) > now;
    return [...inOrder.filter((one) => !isAvoided(one)), ...inOrder.filter(isAvoided)];
  }
}

/**
 * - One look-up at a time for each name, whoever wants it.
 * - What is known is given at once, also while it is looked up again, and as long as the name servers fail.
 * - A name that failed is looked up again after a while only, and such names never occupy all look-ups.
 */
export class Resolver implements NameLookup {
  private readonly clock: Clock;
  private readonly source: NameSource;
  private readonly maxNames: number;
  private readonly maxLookups: number;
  private readonly maxFailedLookups: number;
  /** The one that was used longest ago comes first. */
  private readonly entries = new Map<string, Entry>();
  private readonly queue = new Set<Entry>();
  /** Names whose last look-up failed. */
  private readonly failedQueue = new Set<Entry>();
  private lookups = 0;
  private failedLookups = 0;

  constructor(options: ResolverOptions) {
    this.clock = options.clock;
    this.source = options.source;
    this.maxNames = options.maxNames ?? MAX_NAMES;
    this.maxLookups = options.maxLookups ?? MAX_LOOKUPS;
    this.maxFailedLookups = Math.max(1, Math.floor(this.maxLookups * FAILED_SHARE));
  }

  /** As `net.connect` takes it. Calls back in a later turn; errors are {@link NameError}. */
  readonly lookup: LookupFunction = (name, { all = false }, callback) => {
    const now = this.clock.now();
    const entry = this.use(name.toLowerCase());
    if (now >= entry.lookUpAt && entry.waiters === undefined) this.enqueue(entry);
    const waiter = { all, callback };
    if (entry.addresses.length > 0 && now < entry.usableUntil) {
      process.nextTick(give, waiter, entry.inTurn(now));
    } else if (entry.waiters !== undefined) {
      entry.waiters.push(waiter);
    } else {
      process.nextTick(refuse, waiter, entry.failure ?? new NameError('EAI_AGAIN', name));
    }
  };

  addressCount(name: string): number {
    return Math.max(1, this.entries.get(name.toLowerCase())?.addresses.length ?? 1);
  }

  /** The next connection tries the other addresses first, and the name is looked up again. */
  unreachable(name: string, address: string): void {
    const entry = this.entries.get(name.toLowerCase());
    if (entry === undefined || !entry.addresses.some((one) => one.address === address)) return;
    const now = this.clock.now();
    (entry.avoided ??= new Map()).set(address, now + AVOIDED_MS);
    entry.lookUpAt = Math.min(entry.lookUpAt, Math.max(now, entry.foundAt + FIRST_RETRY_MS));
  }

  private use(name: string): Entry {
    const entry = this.entries.get(name) ?? new Entry(name);
    this.entries.delete(name);
    this.entries.set(name, entry);
    if (this.entries.size > this.maxNames) this.forgetOne();
    return entry;
  }

  private forgetOne(): void {
    for (const [name, { waiters }] of this.entries) {
      if (waiters !== undefined) continue;
      this.entries.delete(name);
      return;
    }
  }

  private enqueue(entry: Entry): void {
    entry.waiters = [];
    (entry.failures > 0 ? this.failedQueue : this.queue).add(entry);
    this.startNext();
  }

  private startNext(): void {
    while (this.lookups < this.maxLookups) {
      const entry = takeFirst(this.queue);
      if (entry !== undefined) {
        void this.lookUp(entry, false);
        continue;
      }
      if (this.failedLookups >= this.maxFailedLookups) return;
      const failed = takeFirst(this.failedQueue);
      if (failed === undefined) return;
      void this.lookUp(failed, true);
    }
  }

  private async lookUp(entry: Entry, failedBefore: boolean): Promise<void> {
    this.lookups++;
    if (failedBefore) this.failedLookups++;
    try {
      const { addresses, ttlMs } = await this.source.resolve(entry.name);
      this.found(entry, addresses, ttlMs);
    } catch (error) {
      this.failed(entry, error instanceof NameError ? error : new NameError('EAI_AGAIN', entry.name));
    }
    this.lookups--;
    if (failedBefore) this.failedLookups--;
    this.startNext();
  }

  private found(entry: Entry, addresses: readonly LookupAddress[], ttlMs: number): void {
    const now = this.clock.now();
    entry.addresses = addresses;
    entry.forgetAvoided(now);
    entry.foundAt = now;
    entry.lookUpAt = now + ttlMs;
    entry.usableUntil = now + STALE_WHILE_FAILING_MS;
    entry.failure = undefined;
    entry.failures = 0;
    for (const waiter of takeWaiters(entry)) give(waiter, entry.inTurn(now));
  }

  private failed(entry: Entry, error: NameError): void {
    const now = this.clock.now();
    const pause = Math.min(FIRST_RETRY_MS * 2 ** entry.failures, MAX_RETRY_MS);
    entry.failures++;
    entry.failure = error;
    entry.lookUpAt = now + pause * (0.75 + 0.25 * Math.random());
    if (error.code === 'ENOTFOUND') entry.usableUntil = Math.min(entry.usableUntil, now + STALE_WHEN_GONE_MS);
    for (const waiter of takeWaiters(entry)) refuse(waiter, error);
  }
}

function takeFirst(queue: Set<Entry>): Entry | undefined {
  for (const entry of queue) {
    queue.delete(entry);
    return entry;
  }
  return undefined;
}

function takeWaiters(entry: Entry): readonly Waiter[] {
  const { waiters = [] } = entry;
  entry.waiters = undefined;
  return waiters;
}

function give({ all, callback }: Waiter, addresses: LookupAddress[]): void {
  const [first] = addresses;
  if (all || first === undefined) callback(null, addresses);
  else callback(null, first.address, first.family);
}

function refuse({ callback }: Waiter, error: NameError): void {
  callback(error, []);
}
