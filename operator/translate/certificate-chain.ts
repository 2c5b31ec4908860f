// Whether phones can follow a certificate chain, as far as the chain itself tells: RFC 5246 section 7.4.2, RFC 8446 section 4.4.2.
import type { X509Certificate } from 'node:crypto';

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const ANY_USAGE = '2.5.29.37.0';
/**
 * DER of object identifiers that only certificates of public authorities carry: the three policies of the CA/Browser
 * Forum (2.23.140.1.2.1 to .3) and the list of certificate transparency (1.3.6.1.4.1.11129.2.4.2). No root of theirs
 * signs servers' certificates itself.
 */
const PUBLIC_MARKS = [
  '060667810c010201',
  '060667810c010202',
  '060667810c010203',
  '060a2b06010401d679020402',
].map((hex) => Buffer.from(hex, 'hex'));

/** What is wrong with a chain (leaf first) that TLS accepts, with what to do; one entry for each fault. */
export function chainFaults(chain: readonly X509Certificate[]): string[] {
  const [leaf] = chain;
  if (leaf === undefined) return [];
  return [usageFault(leaf), orderFault(chain), missingFault(chain, leaf)].filter(
    (fault) => fault !== undefined,
  );
}

function usageFault({ keyUsage }: X509Certificate): string | undefined {
  // Node's name for the extended key usage; without the extension it is good for everything.
  const usages: readonly string[] | undefined = keyUsage;
  if (usages === undefined || usages.some((usage) => usage === SERVER_AUTH || usage === ANY_USAGE))
    return undefined;
  return 'the certificate is not for servers: issue it with the extended key usage serverAuth';
}

function orderFault(chain: readonly X509Certificate[]): string | undefined {
  const at = chain.findIndex((certificate, index) => {
    const next = chain[index + 1];
    return next !== undefined && !isIssuedBy(certificate, next);
  });
  const certificate = chain[at];
  if (certificate === undefined) return undefined;
  const issuerAt = chain.findIndex((other) => other !== certificate && isIssuedBy(certificate, other));
  const issuer = commonName(certificate.issuer);
  const fault = `certificate ${at + 2} of the chain did not issue certificate ${at + 1}`;
  return issuerAt < 0
    ? `${fault}: add that of ${issuer} there, and remove what does not belong to the chain`
    : `${fault}: put certificate ${issuerAt + 1}, that of ${issuer}, there: leaf first, each before its issuer`;
}

/** Of a private authority nobody can tell whether it is the root that phones know. */
function missingFault(chain: readonly X509Certificate[], leaf: X509Certificate): string | undefined {
  if (chain.length > 1 || !PUBLIC_MARKS.some((mark) => leaf.raw.includes(mark))) return undefined;
  return `the chain lacks the intermediate certificate of ${commonName(leaf.issuer)}: add it after the leaf (authorities call that file the full chain)`;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** Of a distinguished name as Node writes it, an attribute a line; the whole on one line where it has none. */
function commonName(name: string): string {
  return /^CN=(.+)$/m.exec(name)?.[1] ?? name.replaceAll('\n', ', ');
}
