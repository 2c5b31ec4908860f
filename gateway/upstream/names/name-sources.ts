// How this machine resolves names, in order: /etc/hosts, DNS, and for what neither knows the system itself.
import type { Clock } from '../../http/deadlines.ts';
import { type Addresses, NameError, type NameSource } from './addresses.ts';
import { DnsSource } from './dns-source.ts';
import { parseHosts } from './system-files.ts';
import { SystemSource } from './system-source.ts';
import { WatchedFile } from './watched-file.ts';

export interface NameSourcesOptions {
  readonly clock: Clock;
  /** Default: /etc/hosts. */
  readonly hosts?: string;
  /** Default: by /etc/resolv.conf. */
  readonly dns?: NameSource;
  readonly system?: NameSource;
}

/** hosts is read at most every five seconds. */
const HOSTS_TTL_MS = 5_000;

export class NameSources implements NameSource {
  private readonly hosts: WatchedFile<ReturnType<typeof parseHosts>>;
  private readonly dns: NameSource;
  private readonly system: NameSource;

  constructor({ clock, hosts = '/etc/hosts', dns, system }: NameSourcesOptions) {
    this.hosts = new WatchedFile(hosts, clock, parseHosts);
    this.dns = dns ?? new DnsSource({ clock });
    this.system = system ?? new SystemSource();
  }

  async resolve(name: string): Promise<Addresses> {
    const hosts = await this.hosts.current();
    const addresses = hosts.get(name.toLowerCase());
    if (addresses !== undefined) return { addresses, ttlMs: HOSTS_TTL_MS };
    try {
      return await this.dns.resolve(name);
    } catch (error) {
      const isUnknown = error instanceof NameError && error.code === 'ENOTFOUND';
      if (!isUnknown) throw error;
      return this.system.resolve(name).catch(() => {
        throw error;
      });
    }
  }
}
