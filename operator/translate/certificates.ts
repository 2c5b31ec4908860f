// Certificates as they come from Secrets and ConfigMaps: read, checked as the gateway's TLS would, and written in one spelling.
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { checkPair, parseCertificates } from '../../gateway/config/certificates.ts';
import type { KeyPair } from './types.ts';

/** A chain (leaf first) with its key, ready to be served. */
export interface ServerCertificate extends KeyPair {
  /** Where it comes from, as messages name it. */
  readonly source: string;
  readonly leaf: X509Certificate;
  /** Leaf first. */
  readonly chain: readonly X509Certificate[];
  readonly keyType: 'rsa' | 'ec';
}

/** What the TLS of phones knows, as OpenSSL and as people call it. */
const CURVES: ReadonlyMap<string, string> = new Map([
  ['prime256v1', 'P-256'],
  ['secp384r1', 'P-384'],
  ['secp521r1', 'P-521'],
]);

/**
 * Checks a chain and its key, both PEM, and writes them in one spelling, so that blanks and comments change nothing.
 *
 * @throws Error with a message for the user that never holds the key.
 */
export function readServerCertificate(source: string, certificate: string, key: string): ServerCertificate {
  const chain = parseCertificates(certificate);
  refuseLaterLeaf(chain, key);
  const { leaf, keyType } = checkPair(certificate, key);
  refuseCurve(leaf);
  const pair = { certificate: writeCertificates(chain), key: writeKey(key) };
  try {
    createSecureContext({ cert: pair.certificate, key: pair.key });
  } catch (error) {
    const reason = error instanceof Error && 'reason' in error ? String(error.reason) : 'unknown reason';
    throw new Error(
      `TLS refuses the certificate (${reason}): use RSA of at least 2048 bits or ECDSA P-256, with SHA-256`,
      { cause: error },
    );
  }
  return { ...pair, source, leaf, chain, keyType };
}

/** A chain that begins with an authority is the commonest mistake: say more than that the key does not fit. */
function refuseLaterLeaf(chain: readonly X509Certificate[], key: string): void {
  const privateKey = readKey(key);
  if (privateKey === undefined || chain[0]?.checkPrivateKey(privateKey)) return;
  const at = chain.findIndex((certificate) => certificate.checkPrivateKey(privateKey));
  if (at > 0)
    throw new Error(
      `the private key is that of certificate ${at + 1} of ${chain.length}: put that one first, then its issuers`,
    );
}

/** OpenSSL takes any curve, and then has nothing to offer to a phone. */
function refuseCurve({ publicKey }: X509Certificate): void {
  const curve = publicKey.asymmetricKeyDetails?.namedCurve;
  if (curve !== undefined && !CURVES.has(curve))
    throw new Error(
      `the key is on the curve ${curve}, which phones do not know: use ECDSA P-256 or RSA of at least 2048 bits`,
    );
}

function readKey(key: string): KeyObject | undefined {
  try {
    return createPrivateKey(key);
  } catch {
    return undefined;
  }
}

/**
 * Checks every certificate of a CA bundle and writes them in one spelling; private keys beside them do not come along.
 *
 * @throws Error with a message for the user.
 */
export function readCABundle(text: string): string {
  return writeCertificates(parseCertificates(text));
}

/** The end of a certificate's validity as Kubernetes writes times: RFC 3339 in UTC, whole seconds. */
export function notAfter(certificate: X509Certificate): string {
  return kubernetesTime(certificate.validToDate);
}

/** RFC 3339 in UTC, whole seconds. */
export function kubernetesTime(time: Date): string {
  return time.toISOString().replace(/[.]\d+Z$/, 'Z');
}

function writeCertificates(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('');
}

function writeKey(key: string): string {
  return createPrivateKey(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}
