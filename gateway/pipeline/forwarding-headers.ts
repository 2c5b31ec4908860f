// Step "stream", its heads: what of a phone's header lines Exchange must not see, and what it is told instead.
import type { HeaderList } from '../http/headers.ts';

/** Nobody but the gateway says where a request came from; a foreign host in X-Forwarded-Host makes Exchange answer 451. */
const NEVER_FROM_CLIENTS = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded'] as const;

/** Changes the header lines of a request for its way to Exchange: everything else stays as it is. */
export function setForwardingHeaders(headers: HeaderList, clientAddress: string): void {
  for (const name of NEVER_FROM_CLIENTS) headers.remove(name);
  headers.append('X-Forwarded-For', clientAddress);
  headers.append('X-Forwarded-Proto', 'https');
}
