// Keeps a gateway's keys in a Secret that belongs to it.
import { isNotFound } from '../../kube/api-error.ts';
import { applyOwned, isOwnedBy } from '../../kube/apply.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, type OwnerReference, resourceTypes } from '../../kube/resource.ts';
import type { KeyEntries, KeyOwner, KeyStore } from '../../pki/key-store.ts';

interface KeySecret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface SecretKeyStoreOptions {
  readonly client: KubeClient;
  /** The SentryGateway, so that its keys go when it goes. */
  readonly owner: OwnerReference;
  readonly labels: Readonly<Record<string, string>>;
}

/** `<gateway>-keys`. A Secret of that name that belongs to someone else is neither read nor written. */
export class SecretKeyStore implements KeyStore {
  readonly #options: SecretKeyStoreOptions;

  constructor(options: SecretKeyStoreOptions) {
    this.#options = options;
  }

  async load(owner: KeyOwner): Promise<KeyEntries> {
    try {
      const secret = await this.#options.client.get<KeySecret>(resourceTypes.secret, target(owner));
      if (!isOwnedBy(secret, this.#options.owner)) return new Map();
      return new Map(
        Object.entries(secret.data ?? {}).map(([name, value]) => [
          name,
          Buffer.from(value, 'base64').toString('utf8'),
        ]),
      );
    } catch (error) {
      if (isNotFound(error)) return new Map();
      throw error;
    }
  }

  async save(owner: KeyOwner, entries: KeyEntries): Promise<void> {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...target(owner), labels: this.#options.labels, ownerReferences: [this.#options.owner] },
      type: 'Opaque',
      data: Object.fromEntries(
        [...entries].map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('base64')]),
      ),
    };
    await applyOwned(this.#options.client, this.#options.owner, secret);
  }
}

function target({ namespace, name }: KeyOwner): { namespace: string; name: string } {
  return { namespace, name: keysSecretName({ name }) };
}

/** The Secret that holds the keys of a gateway. */
export function keysSecretName({ name }: Pick<KeyOwner, 'name'>): string {
  return `${name}-keys`;
}
