// A look at the certificate of a server that was refused: node:tls says what is wrong with it, but not since when and by whom.
import { isIP, type LookupFunction } from 'node:net';
import { connect, type DetailedPeerCertificate } from 'node:tls';

export interface CertificateFacts {
  /** Day of its expiry (`2026-11-20`), where it has passed. */
  readonly expired: string | undefined;
  readonly validFrom: string;
  /** The CA in its chain that has expired. */
  readonly expiredCA: { readonly name: string; readonly expired: string } | undefined;
  readonly issuer: string;
}

export interface CertificateQuestion {
  readonly host: string;
  readonly port: number;
  readonly servername: string;
  readonly lookup?: LookupFunction;
  readonly timeoutMs: number;
  /** Ms since 1970. */
  readonly now?: number;
}

const MAX_CHAIN = 8;

/** Makes a connection that carries nothing, and closes it after the handshake. Undefined where there is no certificate to see. */
export function lookAtCertificate(question: CertificateQuestion): Promise<CertificateFacts | undefined> {
  const { host, port, servername, lookup, timeoutMs, now = Date.now() } = question;
  return new Promise((resolve) => {
    const address = { host, port, autoSelectFamily: true, ...(lookup !== undefined && { lookup }) };
    const socket = connect({
      ...address,
      servername: isIP(servername) === 0 ? servername : '',
      // The certificate is known to be refused; it is only looked at, and not one byte is sent or believed.
      rejectUnauthorized: false,
    });
    const end = (facts?: CertificateFacts): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(facts);
    };
    const timer = setTimeout(end, timeoutMs).unref();
    socket.once('secureConnect', () => end(factsOf(socket.getPeerCertificate(true), now)));
    socket.once('error', () => end());
    socket.once('close', () => end());
  });
}

function factsOf(leaf: DetailedPeerCertificate, now: number): CertificateFacts | undefined {
  if (Object.keys(leaf).length === 0) return undefined;
  const expiredCA = chainOf(leaf).find((one) => Date.parse(one.valid_to) < now);
  return {
    expired: Date.parse(leaf.valid_to) < now ? dayOf(leaf.valid_to) : undefined,
    validFrom: dayOf(leaf.valid_from),
    expiredCA: expiredCA && { name: nameOf(expiredCA.subject), expired: dayOf(expiredCA.valid_to) },
    issuer: nameOf(leaf.issuer),
  };
}

/** The CAs above it, as the server sent them. */
function chainOf(leaf: DetailedPeerCertificate): DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  let next: DetailedPeerCertificate | undefined = leaf.issuerCertificate;
  while (next !== undefined && !chain.includes(next) && next !== leaf && chain.length < MAX_CHAIN) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

function nameOf({ CN, O }: DetailedPeerCertificate['subject']): string {
  return `"${String(CN ?? O ?? 'without a name').slice(0, 100)}"`;
}

/** `Nov 20 12:00:00 2026 GMT` → `2026-11-20`. */
function dayOf(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? text : new Date(time).toISOString().slice(0, 10);
}
