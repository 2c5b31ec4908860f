// Keeps the keys of one gateway in order: makes what is missing, rotates what grows old, publishes what phones trust.
import { randomBytes, X509Certificate } from 'node:crypto';
import type { GatewayKeys, KeyPair } from '../translate/types.ts';
import { issueAuthority, issueLeaf, type LeafPurpose } from './issue.ts';
import type { KeyOwner, KeyStore } from './key-store.ts';
import {
  authorityPolicies,
  firstReissue,
  leafPolicies,
  readPair,
  type Reissue,
  renewalDate,
  successorPolicies,
  ticketKeyPolicies,
} from './policies.ts';
import {
  publishedAuthorities,
  readStoredKeys,
  type StoredKeys,
  type StoredPair,
  writeStoredKeys,
} from './stored-keys.ts';

const DAY_MS = 24 * 3_600_000;

/** Lifetimes in milliseconds. */
export interface Lifetimes {
  readonly authorityMs: number;
  readonly leafMs: number;
  /** A ticket key is replaced whole: the phones' next handshakes are full ones. */
  readonly ticketKeyMs: number;
}

export const defaultLifetimes: Lifetimes = {
  authorityMs: 3650 * DAY_MS,
  leafMs: 90 * DAY_MS,
  ticketKeyMs: DAY_MS,
};

/** What a gateway needs keys for. */
export interface WantedKeys extends KeyOwner {
  /** The listeners with `tls.selfSigned`. */
  readonly listeners: readonly { readonly name: string; readonly hostnames: readonly string[] }[];
  /** Whether the admin port speaks mutual TLS (in a cluster) or is a Unix socket. */
  readonly admin: boolean;
}

export interface KeyOptions {
  readonly store: KeyStore;
  readonly clock: { now(): Date };
  readonly lifetimes?: Lifetimes;
  readonly signal: AbortSignal;
}

/** A thing that was made anew: `authority`, `listener phones` … and why. */
export interface KeyChange extends Reissue {
  readonly subject: string;
}

export interface EnsuredKeys {
  readonly keys: GatewayKeys;
  /** The operator's own certificate for the admin port, under `keys.ca`; with `admin` only. */
  readonly operator: KeyPair | undefined;
  readonly changes: readonly KeyChange[];
  /** When to call again at the latest. */
  readonly nextCheck: Date;
}

/** The name that the admin port's certificate carries: the operator asks for it as TLS server name. */
export function adminServerName({ namespace, name }: KeyOwner): string {
  return `${name}.${namespace}.admin.sentrygateway.internal`;
}

/**
 * Loads the keys of a gateway, makes anew what the policies say, and saves when something changed. Rejects when the
 * store fails; then nothing that was not saved is returned.
 */
export async function ensureGatewayKeys(wanted: WantedKeys, options: KeyOptions): Promise<EnsuredKeys> {
  const round = new Round(wanted, options);
  const stored = readStoredKeys(await options.store.load(wanted, options.signal));
  const current = await round.keys(stored);
  const entries = writeStoredKeys(current.stored);
  if (round.changes.length > 0 || !sameEntries(entries, writeStoredKeys(stored))) {
    await options.store.save(wanted, entries, options.signal);
  }
  return {
    keys: {
      ca: publishedAuthorities(current.stored),
      listeners: current.listeners,
      ...(current.admin && { admin: current.admin }),
      ticketKey: current.ticketKey.bytes,
    },
    operator: current.operator,
    changes: round.changes,
    nextCheck: nextCheck(current.stored, round.lifetimes),
  };
}

/** One pass over the keys of one gateway at one moment. */
class Round {
  readonly changes: KeyChange[] = [];
  readonly lifetimes: Lifetimes;
  readonly #wanted: WantedKeys;
  readonly #now: Date;

  constructor(wanted: WantedKeys, options: KeyOptions) {
    this.#wanted = wanted;
    this.#now = options.clock.now();
    this.lifetimes = options.lifetimes ?? defaultLifetimes;
  }

  async keys(stored: StoredKeys) {
    const authorities = await this.#authorities(stored);
    const { authority } = authorities;
    const listeners: Record<string, KeyPair> = {};
    for (const { name, hostnames } of this.#wanted.listeners) {
      const purpose = { usage: 'Server', hostnames } as const;
      listeners[name] = await this.#leaf(`listener ${name}`, stored.listeners[name], authority, purpose);
    }
    const { admin, operator } = await this.#adminPort(stored, authority);
    const ticketKey = this.#ticketKey(stored);
    return {
      listeners,
      admin,
      operator,
      ticketKey,
      stored: { ...authorities, listeners, admin, operator, ticketKey },
    };
  }

  async #adminPort(stored: StoredKeys, authority: KeyPair) {
    if (!this.#wanted.admin) return { admin: undefined, operator: undefined };
    const server = { usage: 'Server', hostnames: [adminServerName(this.#wanted)] } as const;
    const client = { usage: 'Client', commonName: 'sentry-operator' } as const;
    return {
      admin: await this.#leaf('admin port', stored.admin, authority, server),
      operator: await this.#leaf('operator', stored.operator, authority, client),
    };
  }

  /**
   * An authority that grows old gets a successor, published beside it for a sixth of its life before it signs; the old
   * certificate stays published until it expires. So phones have years to learn the new one.
   */
  async #authorities(stored: StoredKeys) {
    const predecessors = stored.predecessors.filter((pem) => !this.#isExpired(pem));
    const unusable = firstReissue(authorityPolicies, { pair: stored.authority, now: this.#now });
    if (unusable !== undefined) {
      const authority = stored.successor ?? (await this.#newAuthority());
      this.#note('authority', unusable);
      return { authority, successor: undefined, predecessors };
    }
    const authority = stored.authority as KeyPair;
    if (stored.successor === undefined) {
      const due = firstReissue(successorPolicies, { pair: authority, now: this.#now });
      if (due === undefined) return { authority, successor: undefined, predecessors };
      this.#note('successor of the authority', due);
      return { authority, successor: await this.#newAuthority(), predecessors };
    }
    if (this.#now < takeOverDate(stored.successor, this.lifetimes)) {
      return { authority, successor: stored.successor, predecessors };
    }
    this.#note('authority', { reason: 'RenewalDue', message: 'its successor was published long enough' });
    return {
      authority: stored.successor,
      successor: undefined,
      predecessors: [authority.certificate, ...predecessors],
    };
  }

  async #newAuthority(): Promise<KeyPair> {
    return await issueAuthority(this.#wanted, { now: this.#now, lifetimeMs: this.lifetimes.authorityMs });
  }

  async #leaf(
    subject: string,
    pair: StoredPair | undefined,
    authority: KeyPair,
    purpose: LeafPurpose,
  ): Promise<KeyPair> {
    const reissue = firstReissue(leafPolicies, {
      pair,
      authority: authority.certificate,
      hostnames: purpose.usage === 'Server' ? purpose.hostnames : [],
      now: this.#now,
    });
    if (reissue === undefined) return pair as KeyPair;
    this.#note(subject, reissue);
    return await issueLeaf(authority, purpose, { now: this.#now, lifetimeMs: this.lifetimes.leafMs });
  }

  #ticketKey({ ticketKey }: StoredKeys) {
    const reissue = firstReissue(ticketKeyPolicies, {
      createdAt: ticketKey?.createdAt,
      lifetimeMs: this.lifetimes.ticketKeyMs,
      now: this.#now,
    });
    if (reissue === undefined && ticketKey !== undefined) return ticketKey;
    if (reissue !== undefined) this.#note('ticket key', reissue);
    return { bytes: randomBytes(48), createdAt: this.#now };
  }

  #isExpired(pem: string): boolean {
    return new X509Certificate(pem).validToDate <= this.#now;
  }

  #note(subject: string, reissue: Reissue): void {
    this.changes.push({ subject, ...reissue });
  }
}

function takeOverDate(successor: KeyPair, { authorityMs }: Lifetimes): Date {
  return new Date(new X509Certificate(successor.certificate).validFromDate.getTime() + authorityMs / 6);
}

function nextCheck(stored: StoredKeys, lifetimes: Lifetimes): Date {
  const pairs = [stored.authority, ...Object.values(stored.listeners), stored.admin, stored.operator];
  const dates = pairs.flatMap((pair, index) => {
    const certificate = readPair(pair)?.certificate;
    const isAuthority = index === 0;
    if (certificate === undefined || (isAuthority && stored.successor !== undefined)) return [];
    return [renewalDate(certificate).getTime()];
  });
  if (stored.successor !== undefined) dates.push(takeOverDate(stored.successor, lifetimes).getTime());
  if (stored.ticketKey !== undefined)
    dates.push(stored.ticketKey.createdAt.getTime() + lifetimes.ticketKeyMs);
  return new Date(Math.min(...dates));
}

function sameEntries(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, text]) => b.get(name) === text);
}
