// Names by DNS, asked for as getaddrinfo would (search domains, ndots), but without a thread for each.
import { Resolver as CaresResolver } from 'node:dns/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../http/deadlines.ts';
import { type Addresses, NameError, type NameSource } from './addresses.ts';
import { parseSearchRules, searchedNames, type SearchRules } from './system-files.ts';
import { WatchedFile } from './watched-file.ts';

export interface DnsSourceOptions {
  readonly clock: Clock;
  /** Default: /etc/resolv.conf. */
  readonly resolvConf?: string;
  /** `address:port` of the name servers in place of those in resolv.conf. */
  readonly servers?: readonly string[];
}

interface Settings extends SearchRules {
  readonly resolver: CaresResolver;
}

interface Found {
  readonly address: string;
  readonly ttl: number;
}

/** What one question came to: records, none of this type, or no answer that says so. */
type Outcome = readonly Found[] | 'None' | 'Unknown';

const QUERY_TIMEOUT_MS = 2_000;
const QUERY_TRIES = 2;
/** For all questions about one name. */
const NAME_TIMEOUT_MS = 15_000;
/** One address family is known: so long the other one is waited for (RFC 8305, 3, with room for a distant server). */
const OTHER_FAMILY_MS = 250;
const MIN_TTL_MS = 5_000;
const MAX_TTL_MS = 60_000;
/** There is no such name, or none with such a record. */
const NONE_CODES: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME', 'NOTFOUND', 'NODATA']);

export class DnsSource implements NameSource {
  private readonly settings: WatchedFile<Settings>;

  constructor({ clock, resolvConf = '/etc/resolv.conf', servers }: DnsSourceOptions) {
    this.settings = new WatchedFile(resolvConf, clock, (text) => {
      const resolver = new CaresResolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
      if (servers !== undefined) resolver.setServers(servers);
      return { resolver, ...parseSearchRules(text, hostname()) };
    });
  }

  async resolve(name: string): Promise<Addresses> {
    const settings = await this.settings.current();
    const ending = new AbortController();
    try {
      return await Promise.race([
        search(name, settings),
        sleep(NAME_TIMEOUT_MS, undefined, { signal: ending.signal, ref: false }).then(() => {
          throw new NameError('EAI_AGAIN', name);
        }),
      ]);
    } finally {
      ending.abort();
    }
  }
}

/** @throws NameError: EAI_AGAIN where one of the questions had no good answer, because it might have been the right one. */
async function search(name: string, settings: Settings): Promise<Addresses> {
  let isKnown = true;
  for (const searched of searchedNames(name, settings)) {
    const outcome = await ask(searched, settings.resolver);
    if (typeof outcome === 'object') return outcome;
    if (outcome === 'Unknown') isKnown = false;
  }
  throw new NameError(isKnown ? 'ENOTFOUND' : 'EAI_AGAIN', name);
}

/** Both address families. */
async function ask(name: string, resolver: CaresResolver): Promise<Addresses | 'None' | 'Unknown'> {
  const v4 = outcomeOf(resolver.resolve4(name, { ttl: true }));
  const v6 = outcomeOf(resolver.resolve6(name, { ttl: true }));
  const first = await Promise.race([v4, v6]);
  const isFound = typeof first === 'object';
  const wait = isFound ? sleep(OTHER_FAMILY_MS, 'None' as const, { ref: false }) : undefined;
  const both = wait === undefined ? [v4, v6] : [Promise.race([v4, wait]), Promise.race([v6, wait])];
  const [four = 'None', six = 'None'] = await Promise.all(both);
  const found = [...recordsOf(four, 4), ...recordsOf(six, 6)];
  if (found.length === 0) return four === 'Unknown' || six === 'Unknown' ? 'Unknown' : 'None';
  const ttl = Math.min(...found.map((record) => record.ttl)) * 1000;
  return {
    addresses: found.map(({ address, family }) => ({ address, family })),
    ttlMs: Math.min(Math.max(ttl, MIN_TTL_MS), MAX_TTL_MS),
  };
}

async function outcomeOf(question: Promise<readonly Found[]>): Promise<Outcome> {
  try {
    const records = await question;
    return records.length === 0 ? 'None' : records;
  } catch (error) {
    return NONE_CODES.has((error as NodeJS.ErrnoException).code ?? '') ? 'None' : 'Unknown';
  }
}

function recordsOf(outcome: Outcome, family: 4 | 6): { address: string; ttl: number; family: 4 | 6 }[] {
  return typeof outcome === 'string' ? [] : outcome.map(({ address, ttl }) => ({ address, ttl, family }));
}
