// Reads the PEM files that a snapshot names, and says in words what is wrong with one.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Parses every certificate of a PEM bundle, in order. `createSecureContext` accepts rubbish silently, so each is parsed
 * by X509Certificate.
 *
 * @throws Error with a message for the user when there is none or one does not parse.
 */
export function parseCertificates(pem: string | Buffer): X509Certificate[] {
  const text = pem.toString();
  const blocks = text.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0 || blocks.length !== text.split('-----BEGIN CERTIFICATE').length - 1) {
    throw new Error(
      'holds no whole PEM certificate ("-----BEGIN CERTIFICATE-----" to "-----END CERTIFICATE-----")',
    );
  }
  return blocks.map((block, at) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new Error(
        `certificate ${at + 1} of ${blocks.length} does not parse: use the PEM file that its authority issued`,
      );
    }
  });
}

/** The leaf of a chain and its private key. */
export interface CheckedPair {
  readonly leaf: X509Certificate;
  readonly keyType: 'rsa' | 'ec';
}

/**
 * Parses a certificate chain (leaf first) with its private key and checks that they belong together.
 *
 * @throws Error with a message for the user that never holds the key.
 */
export function checkPair(certificate: string | Buffer, key: string | Buffer): CheckedPair {
  const [leaf] = parseCertificates(certificate);
  if (leaf === undefined) throw new Error('holds no certificate');
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(Buffer.from(key));
  } catch {
    throw new Error('the private key does not parse: it must be PEM and not encrypted');
  }
  if (!leaf.checkPrivateKey(privateKey))
    throw new Error('the private key is not that of the certificate: use the one that it was issued for');
  const keyType = privateKey.asymmetricKeyType;
  if (keyType !== 'rsa' && keyType !== 'ec') {
    throw new Error(`the key type is ${keyType}: phones need RSA or ECDSA`);
  }
  return { leaf, keyType };
}
