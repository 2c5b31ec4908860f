import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority, type Credentials } from '../../test/peers/certificates.ts';
import { notAfter, readCABundle, readServerCertificate } from './certificates.ts';

let authority: CertificateAuthority;
let leaf: Credentials;

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  leaf = await authority.issue({ names: ['a.example'], notAfter: new Date('2030-02-03T04:05:06Z') });
});

const read = (cert: string, key: string) => readServerCertificate('Secret default/a', cert, key);

describe('a server certificate', () => {
  test('is read with its chain, leaf first, and its key type', () => {
    const result = read(leaf.cert + authority.certificate, leaf.key);
    expect(result.keyType).toBe('ec');
    expect(result.leaf.checkHost('a.example')).toBe('a.example');
    expect(result.certificate.match(/BEGIN/g)).toHaveLength(2);
    expect(notAfter(result.leaf)).toBe('2030-02-03T04:05:06Z');
  });

  test('reads the same however its text is laid out', () => {
    const untidy = `Bag Attributes\n  friendlyName: a\n${leaf.cert.replaceAll('\n', '\r\n')}\n\n`;
    expect(read(untidy, `\n${leaf.key.replaceAll('\n', '\r\n')}`)).toMatchObject({
      certificate: read(leaf.cert, leaf.key).certificate,
      key: read(leaf.cert, leaf.key).key,
    });
  });

  test('is refused with the key of another one', async () => {
    const other = await authority.issue({ names: ['a.example'] });
    expect(() => read(leaf.cert, other.key)).toThrow('the private key is not that of the certificate');
  });

  test('is refused when the authority stands before it in the chain', () => {
    expect(() => read(authority.certificate + leaf.cert, leaf.key)).toThrow(
      'the private key is that of certificate 2 of 2: put that one first',
    );
  });

  test('is refused with an encrypted key', () => {
    const cipher = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const;
    const encrypted = createPrivateKey(leaf.key).export(cipher).toString();
    expect(() => read(leaf.cert, encrypted)).toThrow('PEM and not encrypted');
  });

  test.each([
    [
      'an RSA key of 1024 bits',
      { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024 },
      'TLS refuses the certificate',
    ],
    ['an Ed25519 key', { name: 'Ed25519' }, 'phones need RSA or ECDSA'],
  ])('is refused with %s', async (_name, algorithm, message) => {
    const { cert, key } = await selfSigned(algorithm);
    expect(() => read(cert, key)).toThrow(message);
  });

  test.each([
    ['secp256k1', 'the key is on the curve secp256k1, which phones do not know'],
    ['brainpoolP256r1', 'which phones do not know: use ECDSA P-256'],
  ])('is refused on the curve %s, which TLS would take', (curve, message) => {
    const pem = openssl(`req -x509 -nodes -subj /CN=a -newkey ec -pkeyopt ec_paramgen_curve:${curve}`);
    expect(() => read(pem, pem)).toThrow(message);
  });

  test.each(['P-256', 'P-384', 'P-521'])('is taken on the curve %s', (curve) => {
    const pem = openssl(`req -x509 -nodes -subj /CN=a -newkey ec -pkeyopt ec_paramgen_curve:${curve}`);
    expect(read(pem, pem).keyType).toBe('ec');
  });

  test('never lets its key into an error', () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
    const line = pem.split('\n')[1] ?? '';
    for (const [cert, text] of [
      [leaf.cert, pem],
      [pem, pem],
      [leaf.cert, pem.replace('-----END', '')],
    ] as const) {
      expect(messageOf(() => read(cert, text))).not.toContain(line);
    }
  });
});

describe('a CA bundle', () => {
  test('keeps every certificate and nothing else', async () => {
    const other = await CertificateAuthority.create('Other');
    const bundle = readCABundle(`# ours\n${authority.certificate}${leaf.key}# theirs\n${other.certificate}`);
    expect(bundle.match(/-----BEGIN (.*)-----/g)).toEqual(Array(2).fill('-----BEGIN CERTIFICATE-----'));
    expect(new X509Certificate(bundle).fingerprint256).toBe(
      new X509Certificate(authority.certificate).fingerprint256,
    );
  });

  test.each([
    ['no certificate', 'nothing', 'holds no whole PEM certificate'],
    [
      'rubbish',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'certificate 1 of 1 does not parse',
    ],
  ])('with %s is refused', (_name, text, message) => {
    expect(() => readCABundle(text)).toThrow(message);
  });

  test('that ends within a certificate is refused', () => {
    const cut = authority.certificate.slice(0, 300);
    expect(() => readCABundle(authority.certificate + cut)).toThrow('holds no whole PEM certificate');
  });
});

/** A certificate and its key in one PEM text. */
function openssl(command: string): string {
  const args = [...command.split(' '), '-keyout', '-', '-out', '-'];
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' });
}

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return String(error);
  }
  throw new Error('nothing was thrown');
}

async function selfSigned(algorithm: object): Promise<Credentials> {
  const signing: webcrypto.RsaHashedKeyGenParams = {
    name: '',
    modulusLength: 0,
    hash: 'SHA-256',
    publicExponent: new Uint8Array([1, 0, 1]),
    ...algorithm,
  };
  const keys = await webcrypto.subtle.generateKey(signing, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=a.example',
    keys,
    signingAlgorithm: signing,
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(der, 'PRIVATE KEY') };
}
