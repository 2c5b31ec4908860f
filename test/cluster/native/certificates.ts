// The cluster's certificate authority and the certificates that it issues, made anew for each cluster.
import 'reflect-metadata';
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const day = 86_400_000;

export interface Subject {
  /** What RBAC reads as the user. */
  readonly commonName: string;
  /** What RBAC reads as the groups. */
  readonly organizations?: readonly string[];
  /** DNS names and IP addresses of a server's certificate; none makes a client's. */
  readonly names?: readonly string[];
}

/** A certificate with its key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** A folder of certificates under one authority; a folder that has one already is used as it is. */
export interface Pki {
  readonly folder: string;
  /** The authority's certificate, PEM. */
  readonly ca: string;
  issue(subject: Subject): Promise<KeyPair>;
  /** Issues into `<name>.crt` and `<name>.key` and returns their paths. */
  issueFiles(name: string, subject: Subject): Promise<{ certificatePath: string; keyPath: string }>;
}

/** Opens the folder, and creates `ca.{crt,key}` and `service-accounts.{pub,key}` there when it has none. */
export async function openPki(folder: string): Promise<Pki> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!existsSync(join(folder, 'ca.key'))) await createAuthority(folder);
  const ca = readFileSync(join(folder, 'ca.crt'), 'utf8');
  const caKey = await importKey(readFileSync(join(folder, 'ca.key'), 'utf8'));
  const issue = (subject: Subject): Promise<KeyPair> => issueCertificate(ca, caKey, subject);
  return {
    folder,
    ca,
    issue,
    issueFiles: async (name, subject) => {
      const pair = await issue(subject);
      writeFileSync(join(folder, `${name}.crt`), pair.certificate);
      writeFileSync(join(folder, `${name}.key`), pair.key, { mode: 0o600 });
      return { certificatePath: join(folder, `${name}.crt`), keyPath: join(folder, `${name}.key`) };
    },
  };
}

async function createAuthority(folder: string): Promise<void> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=native-cluster-ca',
    ...validity(),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const serviceAccounts = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  writeFileSync(join(folder, 'ca.crt'), `${certificate.toString('pem')}\n`);
  writeFileSync(join(folder, 'service-accounts.pub'), serviceAccounts.publicKey);
  writeFileSync(join(folder, 'service-accounts.key'), serviceAccounts.privateKey, { mode: 0o600 });
  writeFileSync(join(folder, 'ca.key'), await exportKey(keys.privateKey), { mode: 0o600 });
}

async function issueCertificate(ca: string, caKey: webcrypto.CryptoKey, subject: Subject): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const issuer = new x509.X509Certificate(ca);
  const names = subject.names ?? [];
  const usage = names.length > 0 ? [x509.ExtendedKeyUsage.serverAuth] : [x509.ExtendedKeyUsage.clientAuth];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: `01${randomBytes(8).toString('hex')}`,
    subject: new x509.Name([
      ...(subject.organizations ?? []).map((value) => ({ O: [{ utf8String: value }] })),
      { CN: [{ utf8String: subject.commonName }] },
    ]).toString(),
    issuer: issuer.subject,
    ...validity(),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: caKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usage),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names.map(alternativeName))] : []),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
}

function alternativeName(value: string): x509.JsonGeneralName {
  return { type: isIP(value) === 0 ? 'dns' : 'ip', value };
}

function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + 30 * day) };
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const pem = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
  return `${pem}\n`;
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(pem);
  if (der === undefined) throw new Error('the authority has no key');
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']);
}
