// Issues certificates: a gateway's own authority (ECDSA P-256) and the leaves under it.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { KeyPair } from '../translate/types.ts';

const ECDSA_P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
/** Clocks of phones and nodes differ: a certificate is valid from a little before it was made. */
const CLOCK_SKEW_MS = 5 * 60_000;

/** When a certificate is made and how long it is good for, in milliseconds. */
export interface Validity {
  readonly now: Date;
  readonly lifetimeMs: number;
}

/** A server's certificate names hosts; a client's says who it is. */
export type LeafPurpose =
  | { readonly usage: 'Server'; readonly hostnames: readonly string[] }
  | { readonly usage: 'Client'; readonly commonName: string };

/**
 * Makes a new authority for one gateway: a self-signed certificate that may sign leaves only (RFC 5280, path length 0),
 * with a subject of its own so that an old and a new authority can be told apart in one bundle.
 */
export async function issueAuthority(
  gateway: { readonly namespace: string; readonly name: string },
  validity: Validity,
): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [
      { O: [gateway.namespace] },
      { OU: [gateway.name] },
      { CN: [`Sentry gateway CA ${randomBytes(4).toString('hex')}`] },
    ],
    ...dates(validity),
    keys,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pair(certificate, keys);
}

/** Makes a leaf certificate under `authority`; it never outlives it. Throws when the authority cannot be read. */
export async function issueLeaf(
  authority: KeyPair,
  purpose: LeafPurpose,
  validity: Validity,
): Promise<KeyPair> {
  const keys = await generateKeys();
  const issuer = new x509.X509Certificate(authority.certificate);
  const { notBefore, notAfter } = dates(validity);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [commonName(purpose)] }],
    issuer: issuer.subjectName,
    notBefore: notBefore < issuer.notBefore ? issuer.notBefore : notBefore,
    notAfter: notAfter > issuer.notAfter ? issuer.notAfter : notAfter,
    publicKey: keys.publicKey,
    signingKey: await importSigningKey(authority.key),
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        purpose.usage === 'Server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
      ]),
      ...(purpose.usage === 'Server'
        ? [
            new x509.SubjectAlternativeNameExtension(
              purpose.hostnames.map((value) => ({ type: 'dns' as const, value })),
            ),
          ]
        : []),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return pair(certificate, keys);
}

/** A common name holds at most 64 characters; clients read the alternative names, people read this one. */
function commonName(purpose: LeafPurpose): string {
  if (purpose.usage === 'Client') return purpose.commonName;
  return purpose.hostnames.find((hostname) => hostname.length <= 64) ?? 'Sentry gateway';
}

function dates({ now, lifetimeMs }: Validity): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + lifetimeMs),
  };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ECDSA_P256, true, ['sign', 'verify']);
}

async function importSigningKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = x509.PemConverter.decodeFirst(pem);
  return await webcrypto.subtle.importKey('pkcs8', der, ECDSA_P256, false, ['sign']);
}

async function pair(certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<KeyPair> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`,
  };
}
