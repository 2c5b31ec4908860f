// Which mail domains each listener answers Autodiscover for: worked out once per snapshot.
import type { Snapshot, SnapshotRoute } from '../config/snapshot.ts';
import { parseAddress } from './address.ts';

/** What a client is told about the addresses of a domain. */
export interface DomainAnswer {
  /** Their addresses are to be asked for under this domain instead; undefined: ActiveSync is here. */
  readonly redirectDomain: string | undefined;
}

export interface ListenerDomains {
  /** What phones are to use: a name of the listener's own, never one that a client wrote. */
  readonly host: string;
  readonly byDomain: ReadonlyMap<string, DomainAnswer>;
  /** For every other domain, where a route asks for that. */
  readonly others: DomainAnswer | undefined;
}

/** A name like this is asked for settings, not for mail. */
const AUTODISCOVER_HOST = /^autodiscover[.]/;

/**
 * The domains by listener name, without the listeners that have none. An answer is the same for all addresses of a domain, so
 * that nobody can find out who exists. Where several routes name a domain the older one decides.
 */
export function compileDomains(snapshot: Snapshot): ReadonlyMap<string, ListenerDomains> {
  const compiled = new Map<string, ListenerDomains>();
  for (const { name, hostnames } of snapshot.listeners) {
    const routes = snapshot.routes.filter(({ listeners }) => listeners.includes(name));
    const byDomain = new Map<string, DomainAnswer>();
    let others: DomainAnswer | undefined;
    for (const route of routes) {
      const answer = { redirectDomain: route.autodiscover?.redirectDomain };
      for (const domain of domainsOf(route)) if (!byDomain.has(domain)) byDomain.set(domain, answer);
      if (route.autodiscover?.policy === 'AnyDomain') others ??= answer;
    }
    const host = hostnames.find((hostname) => !AUTODISCOVER_HOST.test(hostname)) ?? hostnames[0] ?? '';
    if (byDomain.size > 0 || others !== undefined) compiled.set(name, { host, byDomain, others });
  }
  return compiled;
}

/** The DNS domains that a route names: of its domains, and of its users. */
function domainsOf({ match, autodiscover }: SnapshotRoute): string[] {
  if (autodiscover?.policy === 'Disabled') return [];
  const ofUsers = match.users.flatMap((user) => parseAddress(user)?.domain ?? []);
  return [...match.domains, ...ofUsers].filter((domain) => domain.includes('.'));
}
