// Makes the certificates that golden inputs ask for by annotation, and knows each of them again in the output.
import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import type { ConfigMap, Secret } from '../../operator/api/meta.ts';
import type { GatewayKeys } from '../../operator/translate/types.ts';
import { CertificateAuthority } from '../peers/certificates.ts';

/**
 * Annotations of a Secret or ConfigMap in a golden input. What the object holds of the same name counts more, so that an
 * input can spoil a part.
 */
const directives = {
  /** `rsa`, `rsa-1024` or `ecdsa`: `tls.crt` and `tls.key` of a new server certificate. */
  certificate: 'test/certificate',
  /** Its names, with commas. */
  hostnames: 'test/hostnames',
  /** Its end, RFC 3339; by default 2035. */
  notAfter: 'test/not-after',
  /** Its beginning, RFC 3339; by default 2025. */
  notBefore: 'test/not-before',
  /** Issued by the authority `intermediate`, itself issued by `public`; `tls.crt` holds what this lists: `leaf,intermediate`. */
  chain: 'test/chain',
  /** Tells two certificates of one Secret apart, where it was different before. */
  version: 'test/version',
  /** `client`: not for servers. */
  usage: 'test/usage',
  /** Carries the mark of a public authority. */
  isPublic: 'test/public',
  /** `tls.key` is that of this Secret of the same namespace instead. */
  keyOf: 'test/key-of',
  /** Names of authorities, with commas: their certificates under `ca.crt`, or `test/ca-key`. */
  authorities: 'test/ca',
  authorityKey: 'test/ca-key',
  /** Adds a private key to the bundle, as some people do. */
  withPrivateKey: 'test/ca-with-private-key',
} as const;

/** The CA/Browser Forum's policy of certificates that prove a domain. */
const DOMAIN_VALIDATED = '2.23.140.1.2.1';
const NOT_BEFORE = '2025-01-01T00:00:00Z';
const NOT_AFTER = '2035-01-01T00:00:00Z';

const algorithms = ['rsa', 'rsa-1024', 'ecdsa'] as const;
type Algorithm = (typeof algorithms)[number];

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** All credentials of one golden test. */
export class GoldenCredentials {
  readonly #authorities = new Map<string, CertificateAuthority>();
  readonly #pairs = new Map<string, Pair>();
  /** What stands for a certificate, key or other secret in the output, by its fingerprint. */
  readonly #labels = new Map<string, string>();

  async fillSecret(secret: Secret): Promise<Secret> {
    const { metadata } = secret;
    const algorithm = metadata.annotations?.[directives.certificate];
    const made: Record<string, string> = {};
    if (isAlgorithm(algorithm)) {
      const { cert, key } = await this.#pair(metadata, algorithm);
      Object.assign(made, { 'tls.crt': cert, 'tls.key': key });
    }
    const other = metadata.annotations?.[directives.keyOf];
    if (other !== undefined) made['tls.key'] = (await this.#pair({ ...metadata, name: other }, 'ecdsa')).key;
    Object.assign(made, await this.#bundle(metadata));
    const data = Object.fromEntries(Object.entries(made).map(([name, text]) => [name, encode(text)]));
    return { ...secret, data: { ...data, ...secret.data } };
  }

  async fillConfigMap(configMap: ConfigMap): Promise<ConfigMap> {
    return { ...configMap, data: { ...(await this.#bundle(configMap.metadata)), ...configMap.data } };
  }

  /** Learns what the operator itself made for a gateway. */
  learnKeys(gateway: string, { ca, admin, listeners, ticketKey }: GatewayKeys): void {
    this.#learn(ca, `CA of ${gateway}`);
    this.#labels.set(digest(ticketKey), `ticket key of ${gateway}`);
    const pairs = { ...listeners, ...(admin && { 'admin port': admin }) };
    for (const [owner, pair] of Object.entries(pairs)) {
      this.#learn(pair.certificate, `own, ${gateway} ${owner}`);
      this.#learn(pair.key, `own, ${gateway} ${owner}`);
    }
  }

  /** What a PEM text or the bytes of a file are, in words that are the same in every run. */
  describe(content: string | Buffer): string {
    const text = content.toString();
    if (!text.includes('-----BEGIN'))
      return this.#labels.get(digest(Buffer.from(content))) ?? 'unknown bytes';
    return fingerprints(text)
      .map((fingerprint) => this.#labels.get(fingerprint) ?? 'unknown')
      .join(' + ');
  }

  async #pair(metadata: Secret['metadata'], algorithm: Algorithm): Promise<Pair> {
    const { annotations: { [directives.version]: version, ...wanted } = {} } = metadata;
    const label = `Secret ${metadata.namespace}/${metadata.name}${version === undefined ? '' : ` ${version}`}`;
    const pair = this.#pairs.get(label) ?? (await this.#issue(wanted, algorithm));
    this.#pairs.set(label, pair);
    this.#learn(pair.cert, label);
    this.#learn(pair.key, label);
    return { cert: await this.#chain(pair.cert, wanted[directives.chain] ?? 'leaf'), key: pair.key };
  }

  async #issue(wanted: Readonly<Record<string, string>>, algorithm: Algorithm): Promise<Pair> {
    const authority = await this.#authority(
      wanted[directives.chain] === undefined ? 'public' : 'intermediate',
    );
    return authority.issue({
      names: (wanted[directives.hostnames] ?? 'sentry.example.com').split(','),
      algorithm,
      notBefore: new Date(wanted[directives.notBefore] ?? NOT_BEFORE),
      notAfter: new Date(wanted[directives.notAfter] ?? NOT_AFTER),
      ...(wanted[directives.usage] === 'client' && { usage: 'client' }),
      ...(wanted[directives.isPublic] !== undefined && { policies: [DOMAIN_VALIDATED] }),
    });
  }

  /** `leaf`, and names of authorities, with commas. */
  async #chain(leaf: string, parts: string): Promise<string> {
    const certificates: string[] = [];
    for (const part of parts.split(',')) {
      const certificate = part === 'leaf' ? leaf : (await this.#authority(part)).certificate;
      if (part !== 'leaf') this.#learn(certificate, `CA ${part}`);
      certificates.push(certificate);
    }
    return certificates.join('');
  }

  async #bundle({ annotations }: Secret['metadata']): Promise<Record<string, string>> {
    const names = annotations?.[directives.authorities];
    if (names === undefined) return {};
    const certificates: string[] = [];
    for (const name of names.split(',')) {
      const { certificate } = await this.#authority(name.trim());
      this.#learn(certificate, `CA ${name.trim()}`);
      certificates.push(certificate);
    }
    if (annotations?.[directives.withPrivateKey] !== undefined) {
      const authority = await this.#authority('public');
      certificates.push((await authority.issue({ names: ['stray key'] })).key);
    }
    return { [annotations?.[directives.authorityKey] ?? 'ca.crt']: certificates.join('# a comment\n') };
  }

  async #authority(name: string): Promise<CertificateAuthority> {
    const create = async () =>
      name === 'intermediate'
        ? (await this.#authority('public')).intermediate(name)
        : CertificateAuthority.create(name);
    const authority = this.#authorities.get(name) ?? (await create());
    this.#authorities.set(name, authority);
    return authority;
  }

  #learn(pem: string, label: string): void {
    for (const fingerprint of fingerprints(pem)) this.#labels.set(fingerprint, label);
  }
}

function isAlgorithm(text: string | undefined): text is Algorithm {
  return algorithms.some((algorithm) => algorithm === text);
}

/** Of each certificate, or of the private key. */
function fingerprints(pem: string): string[] {
  if (pem.includes('PRIVATE KEY')) {
    const publicKey = createPublicKey(createPrivateKey(pem));
    return [digest(publicKey.export({ type: 'spki', format: 'der' }))];
  }
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block).fingerprint256);
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}
