// The keys of gateways in a cluster, kept in Secrets: looked at when a gateway changes or a key grows old.
import { keyOf } from './api/meta.ts';
import type { SentryGateway } from './api/sentry-gateway.ts';
import { ownerOf } from './infra/kubernetes/owner.ts';
import { SecretKeyStore } from './infra/kubernetes/secret-key-store.ts';
import type { KubeClient } from './kube/client.ts';
import { ensureGatewayKeys, type EnsuredKeys } from './pki/gateway-keys.ts';
import { objectLabels } from './translate/objects/metadata.ts';
import type { Key } from './translate/types.ts';

export interface ClusterKeysOptions {
  readonly client: KubeClient;
  readonly clock: { now(): Date };
  readonly onMade: (gateway: Key, subject: string, message: string) => void;
}

interface Known extends EnsuredKeys {
  readonly uid: string | undefined;
  readonly generation: number | undefined;
}

/** Remembers what it has ensured, so that an edit of a route costs no request for keys. */
export class ClusterKeys {
  readonly #options: ClusterKeysOptions;
  #known = new Map<Key, Known>();

  constructor(options: ClusterKeysOptions) {
    this.#options = options;
  }

  /** The keys of each gateway; those of gateways that are gone are forgotten. @throws ApiError */
  async ensure(
    gateways: readonly SentryGateway[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<Key, EnsuredKeys>> {
    const known = new Map<Key, Known>();
    for (const gateway of gateways) {
      const key = keyOf(gateway.metadata);
      const before = this.#known.get(key);
      known.set(key, this.#isFresh(before, gateway) ? before : await this.#ensure(gateway, signal));
    }
    this.#known = known;
    return known;
  }

  /** When to call again at the latest, in milliseconds from now; undefined without a gateway. */
  nextCheckMs(): number | undefined {
    const checks = [...this.#known.values()].map(({ nextCheck }) => nextCheck.getTime());
    return checks.length === 0 ? undefined : Math.min(...checks) - this.#options.clock.now().getTime();
  }

  #isFresh(before: Known | undefined, { metadata }: SentryGateway): before is Known {
    return (
      before?.uid === metadata.uid &&
      before?.generation === metadata.generation &&
      before !== undefined &&
      before.nextCheck > this.#options.clock.now()
    );
  }

  async #ensure(gateway: SentryGateway, signal: AbortSignal): Promise<Known> {
    const { client, clock, onMade } = this.#options;
    const { namespace, name, uid, generation } = gateway.metadata;
    const store = new SecretKeyStore({
      client,
      owner: ownerOf(gateway),
      labels: objectLabels(gateway.metadata),
    });
    const listeners = gateway.spec.listeners.filter(({ tls }) => tls.selfSigned !== undefined);
    const ensured = await ensureGatewayKeys(
      { namespace, name, listeners, admin: true },
      { store, clock, signal },
    );
    for (const { subject, message } of ensured.changes) onMade(keyOf(gateway.metadata), subject, message);
    return { ...ensured, uid, generation };
  }
}
