// A certificate authority for tests and the demonstration, and the leaf certificates it issues, made at run time.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

/** A certificate (with its chain) and its private key, both PEM, as node:tls takes them. */
export interface Credentials {
  readonly cert: string;
  readonly key: string;
}

export interface LeafOptions {
  /** Subject alternative names: host names and IP addresses; the first is the common name. */
  readonly names: readonly string[];
  readonly algorithm?: Algorithm;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** What the certificate may be used for; default `server`. */
  readonly usage?: 'server' | 'client';
  /** Object identifiers of certificate policies; default none. */
  readonly policies?: readonly string[];
}

export type Algorithm = 'ecdsa' | 'rsa' | 'rsa-1024';

const day = 86_400_000;
const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const rsa = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
};

/** An authority whose leaf certificates peers trust when they are given `certificate`. */
export class CertificateAuthority {
  readonly #certificate: x509.X509Certificate;
  readonly #key: webcrypto.CryptoKey;

  private constructor(certificate: x509.X509Certificate, key: webcrypto.CryptoKey) {
    this.#certificate = certificate;
    this.#key = key;
  }

  /** Makes a new authority (ECDSA P-256, ten years). */
  static async create(name = 'Simulated peers CA'): Promise<CertificateAuthority> {
    const keys = await generateKeys('ecdsa');
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: [{ CN: [name] }],
      notBefore: new Date(Date.now() - day),
      notAfter: new Date(Date.now() + 3650 * day),
      keys,
      signingAlgorithm: ecdsa,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new CertificateAuthority(certificate, keys.privateKey);
  }

  /** The authority's private key, PEM: for one that others are to issue from. */
  async exportKey(): Promise<string> {
    return exportKey(this.#key);
  }

  /** Makes an authority that this one has signed (ECDSA P-256, five years unless told otherwise). */
  async intermediate(
    name: string,
    validity: { notBefore?: Date; notAfter?: Date } = {},
  ): Promise<CertificateAuthority> {
    const keys = await generateKeys('ecdsa');
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [{ CN: [name] }],
      issuer: this.#certificate.subjectName.toJSON(),
      notBefore: validity.notBefore ?? new Date(Date.now() - day),
      notAfter: validity.notAfter ?? new Date(Date.now() + 1826 * day),
      publicKey: keys.publicKey,
      signingKey: this.#key,
      signingAlgorithm: ecdsa,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey),
      ],
    });
    return new CertificateAuthority(certificate, keys.privateKey);
  }

  /**
   * The authority of a folder, made there by whoever comes first, so that several processes share one: `ca.key` holds
   * key and certificate, `ca.crt` the certificate alone.
   */
  static async load(folder: string): Promise<CertificateAuthority> {
    await mkdir(folder, { recursive: true });
    const file = join(folder, 'ca.key');
    const text = (await readIfThere(file)) ?? (await CertificateAuthority.#makeFile(file));
    const [key = '', certificate = ''] = text.split(/(?=-----BEGIN CERTIFICATE)/);
    await writeFile(join(folder, 'ca.crt'), certificate);
    return new CertificateAuthority(new x509.X509Certificate(certificate), await importKey(key));
  }

  /** Makes the file unless another process does it first; returns what it holds in the end. */
  static async #makeFile(file: string): Promise<string> {
    const authority = await CertificateAuthority.create();
    const draft = `${file}.${randomBytes(8).toString('hex')}`;
    await writeFile(draft, `${await exportKey(authority.#key)}${authority.certificate}`, { mode: 0o600 });
    try {
      await link(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await unlink(draft);
    }
    return readFile(file, 'utf8');
  }

  /** The authority's certificate, PEM. */
  get certificate(): string {
    return `${this.#certificate.toString('pem')}\n`;
  }

  /** Issues a leaf certificate, valid from an hour ago for 90 days unless told otherwise. */
  async issue({
    names,
    algorithm = 'ecdsa',
    notBefore,
    notAfter,
    usage = 'server',
    policies = [],
  }: LeafOptions): Promise<Credentials> {
    const keys = await generateKeys(algorithm);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [{ CN: [names[0] ?? 'peer'] }],
      issuer: this.#certificate.subjectName.toJSON(),
      notBefore: notBefore ?? new Date(Date.now() - day / 24),
      notAfter: notAfter ?? new Date(Date.now() + 90 * day),
      publicKey: keys.publicKey,
      signingKey: this.#key,
      signingAlgorithm: ecdsa,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([
          usage === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
        ]),
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
        ),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey),
        ...(policies.length > 0 ? [new x509.CertificatePolicyExtension([...policies])] : []),
      ],
    });
    return { cert: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

const keyAlgorithms = { ecdsa, rsa, 'rsa-1024': { ...rsa, modulusLength: 1024 } };

async function generateKeys(algorithm: Algorithm): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyAlgorithms[algorithm], true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`;
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = x509.PemConverter.decodeFirst(pem);
  return webcrypto.subtle.importKey('pkcs8', der, ecdsa, true, ['sign']);
}
