// The two files by which a system resolves names: hosts (hosts(5)) and resolv.conf (resolv.conf(5)).
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';

/** Addresses by lower-case name, of all lines that name it; IPv4 before IPv6. */
export function parseHosts(text: string): Map<string, LookupAddress[]> {
  const hosts = new Map<string, LookupAddress[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = withoutComment(line).split(/\s+/);
    const family = isIP(address);
    if (family === 0) continue;
    for (const name of names) {
      const known = hosts.get(name.toLowerCase()) ?? [];
      known.push({ address, family });
      hosts.set(name.toLowerCase(), known);
    }
  }
  for (const addresses of hosts.values()) addresses.sort((a, b) => a.family - b.family);
  return hosts;
}

/** How a name becomes the names that name servers are asked for. */
export interface SearchRules {
  readonly search: readonly string[];
  /** A name with at least so many dots is first asked for as it is. */
  readonly ndots: number;
}

/** @param hostname of this machine: its domain is searched where the file says nothing */
export function parseSearchRules(text: string, hostname: string): SearchRules {
  const dot = hostname.indexOf('.');
  let search = dot < 0 ? [] : [hostname.slice(dot + 1)];
  let ndots = 1;
  for (const line of text.split('\n')) {
    const [keyword, ...values] = withoutComment(line).split(/\s+/);
    if (keyword === 'search' || keyword === 'domain') search = values;
    if (keyword !== 'options') continue;
    const option = values.findLast((value) => /^ndots:\d+$/.test(value));
    if (option !== undefined) ndots = Math.min(Number(option.slice(6)), 15);
  }
  return { search: search.filter((domain) => domain !== '.'), ndots };
}

/** The names to ask for, in order. A final dot means: this one and no other. */
export function searchedNames(name: string, { search, ndots }: SearchRules): string[] {
  if (name.endsWith('.')) return [name];
  const extended = search.map((domain) => `${name}.${domain}`);
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...extended] : [...extended, name];
}

function withoutComment(line: string): string {
  return line.replace(/[#;].*$/, '').trim();
}
