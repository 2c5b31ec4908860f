// Follows references to Secrets and ConfigMaps of the resource's own namespace, and reads the certificates in them.
import type { z } from 'zod';
import { type caReference, type ConfigMap, keyOf, type Secret } from '../api/meta.ts';
import { readCABundle, readServerCertificate, type ServerCertificate } from './certificates.ts';
import type { Resolved } from './problem.ts';

export type CAReference = z.infer<ReturnType<typeof caReference>>;

const TLS_SECRET = 'kubernetes.io/tls';

/** The objects that references can name. Each is read once, however many resources name it. */
export class References {
  readonly #secrets: ReadonlyMap<string, Secret>;
  readonly #configMaps: ReadonlyMap<string, ConfigMap>;
  readonly #bundles = new Map<string, Resolved<string>>();
  readonly #certificates = new Map<string, Resolved<ServerCertificate>>();

  constructor(objects: { readonly secrets: readonly Secret[]; readonly configMaps: readonly ConfigMap[] }) {
    this.#secrets = new Map(objects.secrets.map((secret) => [keyOf(secret.metadata), secret]));
    this.#configMaps = new Map(objects.configMaps.map((configMap) => [keyOf(configMap.metadata), configMap]));
  }

  /** The CA certificates that a `caRef` of a resource in `namespace` names, as PEM. */
  caBundle(namespace: string, reference: CAReference): Resolved<string> {
    const id = `${reference.kind} ${namespace}/${reference.name}/${reference.key}`;
    return remember(this.#bundles, id, () => this.#readBundle(namespace, reference));
  }

  /** The certificate and key of a Secret of type kubernetes.io/tls. */
  serverCertificate(namespace: string, name: string): Resolved<ServerCertificate> {
    return remember(this.#certificates, `${namespace}/${name}`, () =>
      this.#readCertificate(`${namespace}/${name}`),
    );
  }

  #readBundle(namespace: string, { kind, name, key }: CAReference): Resolved<string> {
    const object = `${kind} ${namespace}/${name}`;
    const data = this.#dataOf(kind, `${namespace}/${name}`);
    if (data === undefined)
      return missing(`${object} does not exist: create it with the CA certificates under ${key}`);
    const text = data(key);
    if (text === undefined) return missing(`${object} has no key ${key}: add the CA certificates under it`);
    return attempt(`${object}, key ${key}`, () => readCABundle(text));
  }

  #readCertificate(key: string): Resolved<ServerCertificate> {
    const object = `Secret ${key}`;
    const data = this.#dataOf('Secret', key);
    if (data === undefined) return missing(`${object} does not exist: create it with type ${TLS_SECRET}`);
    const type = this.#secrets.get(key)?.type ?? 'Opaque';
    if (type !== TLS_SECRET) {
      const message = `${object} has type ${type}: create it anew with type ${TLS_SECRET}`;
      return { ok: false, problem: { reason: 'InvalidCertificate', message } };
    }
    const [certificate, privateKey] = [data('tls.crt'), data('tls.key')];
    if (certificate === undefined)
      return missing(`${object} has no key tls.crt: add the certificate chain under it`);
    if (privateKey === undefined)
      return missing(`${object} has no key tls.key: add the private key under it`);
    return attempt(object, () => readServerCertificate(object, certificate, privateKey));
  }

  /** Looks up a key of the object; undefined where there is no such object. */
  #dataOf(kind: CAReference['kind'], key: string): ((name: string) => string | undefined) | undefined {
    if (kind === 'ConfigMap') {
      const configMap = this.#configMaps.get(key);
      return configMap && ((name) => configMap.data?.[name]);
    }
    const secret = this.#secrets.get(key);
    return secret && ((name) => decode(secret.data?.[name]));
  }
}

function decode(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8');
}

function remember<Value>(known: Map<string, Value>, id: string, read: () => Value): Value {
  const value = known.get(id) ?? read();
  known.set(id, value);
  return value;
}

function missing(message: string): Resolved<never> {
  return { ok: false, problem: { reason: 'RefNotFound', message } };
}

function attempt<Value>(subject: string, read: () => Value): Resolved<Value> {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    const message = `${subject}: ${error instanceof Error ? error.message : String(error)}`;
    return { ok: false, problem: { reason: 'InvalidCertificate', message } };
  }
}
