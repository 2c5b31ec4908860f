// A certificate authority for tests and the demonstration, and the leaf certificates it issues, made at run time.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
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
  readonly algorithm?: 'ecdsa' | 'rsa';
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** What the certificate may be used for; default `server`. */
  readonly usage?: 'server' | 'client';
}

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

  /** Reads `ca.crt` and `ca.key` of a folder, or makes them there: so that several processes share one authority. */
  static async load(folder: string): Promise<CertificateAuthority> {
    try {
      const [certificate, key] = await Promise.all([
        readFile(join(folder, 'ca.crt'), 'utf8'),
        readFile(join(folder, 'ca.key'), 'utf8'),
      ]);
      return new CertificateAuthority(new x509.X509Certificate(certificate), await importKey(key));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    const authority = await CertificateAuthority.create();
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'ca.key'), await exportKey(authority.#key), { mode: 0o600 });
    await writeFile(join(folder, 'ca.crt'), authority.certificate);
    return authority;
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
      ],
    });
    return { cert: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
  }
}

function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function generateKeys(algorithm: 'ecdsa' | 'rsa'): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm === 'rsa' ? rsa : ecdsa, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`;
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = x509.PemConverter.decodeFirst(pem);
  return webcrypto.subtle.importKey('pkcs8', der, ecdsa, true, ['sign']);
}
