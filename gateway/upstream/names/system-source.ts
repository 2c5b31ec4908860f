// Names by getaddrinfo: whatever else the system is configured for (nsswitch.conf: mDNS, LDAP …). Each look-up occupies one of the
// few threads that reading files needs too, until its name servers gave up: so only few are asked for at a time.
import { lookup } from 'node:dns/promises';
import { type Addresses, NameError, type NameSource } from './addresses.ts';

/** Of libuv's four threads. */
const MAX_AT_A_TIME = 2;
/** Nobody says for how long getaddrinfo's answer holds. */
const TTL_MS = 10_000;

export class SystemSource implements NameSource {
  private underWay = 0;
  /** Names that were found here: one look-up at a time is kept free for them. */
  private readonly found = new Set<string>();

  /** Rejects at once where too many look-ups are under way. */
  async resolve(name: string): Promise<Addresses> {
    const most = this.found.has(name) ? MAX_AT_A_TIME : MAX_AT_A_TIME - 1;
    if (this.underWay >= most) throw new NameError('EAI_AGAIN', name);
    this.underWay++;
    try {
      const addresses = await lookup(name, { all: true, order: 'ipv4first' });
      this.found.add(name);
      return { addresses, ttlMs: TTL_MS };
    } catch (error) {
      this.found.delete(name);
      const { code } = error as NodeJS.ErrnoException;
      throw new NameError(code === 'ENOTFOUND' ? 'ENOTFOUND' : 'EAI_AGAIN', name);
    } finally {
      this.underWay--;
    }
  }
}
