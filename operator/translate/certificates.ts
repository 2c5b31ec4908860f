// Certificates as they come from Secrets and ConfigMaps: read, checked as the gateway's TLS would, and written in one spelling.
import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { checkPair, parseCertificates } from '../../gateway/config/certificates.ts';
import type { KeyPair } from './types.ts';

/** A chain (leaf first) with its key, ready to be served. */
export interface ServerCertificate extends KeyPair {
  /** Where it comes from, as messages name it. */
  readonly source: string;
  readonly leaf: X509Certificate;
  readonly keyType: 'rsa' | 'ec';
}

/**
 * Checks a chain and its key, both PEM, and writes them in one spelling, so that blanks and comments change nothing.
 *
 * @throws Error with a message for the user that never holds the key.
 */
export function readServerCertificate(source: string, certificate: string, key: string): ServerCertificate {
  const { leaf, keyType } = checkPair(certificate, key);
  const pair = { certificate: writeCertificates(parseCertificates(certificate)), key: writeKey(key) };
  try {
    createSecureContext({ cert: pair.certificate, key: pair.key });
  } catch (error) {
    const reason = error instanceof Error && 'reason' in error ? String(error.reason) : 'unknown reason';
    throw new Error(
      `TLS refuses the certificate (${reason}): use RSA of at least 2048 bits or ECDSA P-256, with SHA-256`,
      { cause: error },
    );
  }
  return { ...pair, source, leaf, keyType };
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
  return certificate.validToDate.toISOString().replace(/[.]\d+Z$/, 'Z');
}

function writeCertificates(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('');
}

function writeKey(key: string): string {
  return createPrivateKey(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}
