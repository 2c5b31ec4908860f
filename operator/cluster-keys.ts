// The keys of gateways in a cluster, kept in Secrets: looked at when a gateway changes, a key grows old, or its Secret changes.
import { keyOf } from './api/meta.ts';
import type { SentryGateway } from './api/sentry-gateway.ts';
import { ownerOf } from './infra/kubernetes/owner.ts';
import { SecretKeyStore } from './infra/kubernetes/secret-key-store.ts';
import { ForeignObjectError } from './kube/apply.ts';
import type { KubeClient } from './kube/client.ts';
import { inParallel } from './kube/in-parallel.ts';
import { ensureGatewayKeys, type EnsuredKeys } from './pki/gateway-keys.ts';
import { objectLabels } from './translate/objects/metadata.ts';
import type { Key } from './translate/types.ts';

const ENSURED_AT_ONCE = 8;
/** A Secret of someone else is looked at again so often. */
const FOREIGN_AGAIN_MS = 30_000;

export interface ClusterKeysOptions {
  readonly client: KubeClient;
  readonly clock: { now(): Date };
  readonly onMade: (gateway: Key, subject: string, message: string) => void;
}

/** The keys of a gateway, or why it can have none. */
export interface GatewayKeysState {
  readonly ensured: EnsuredKeys | undefined;
  /** A Secret of the name belongs to someone else: what to do, in words. */
  readonly foreign: string | undefined;
}

interface Known extends GatewayKeysState {
  readonly uid: string | undefined;
  readonly generation: number | undefined;
  readonly nextCheckMs: number;
}

/** Remembers what it has ensured, so that an edit of a route costs no request for keys. */
export class ClusterKeys {
  readonly #options: ClusterKeysOptions;
  readonly #known = new Map<Key, Known>();

  constructor(options: ClusterKeysOptions) {
    this.#options = options;
  }

  /** The keys of each gateway; those of gateways that are gone are forgotten. @throws ApiError */
  async ensure(
    gateways: readonly SentryGateway[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<Key, GatewayKeysState>> {
    const present = new Set(gateways.map(({ metadata }) => keyOf(metadata)));
    for (const key of this.#known.keys()) if (!present.has(key)) this.#known.delete(key);
    const due = gateways.filter((gateway) => !this.#isFresh(gateway));
    await inParallel(ENSURED_AT_ONCE, due, async (gateway) => {
      this.#known.set(keyOf(gateway.metadata), await this.#ensure(gateway, signal));
    });
    return this.#known;
  }

  /** The Secret has changed: it is read again next time. */
  forget(gateway: Key): void {
    this.#known.delete(gateway);
  }

  /** When to call again at the latest, in milliseconds from now; undefined without a gateway. */
  nextCheckMs(): number | undefined {
    const checks = [...this.#known.values()].map(({ nextCheckMs }) => nextCheckMs);
    return checks.length === 0 ? undefined : Math.min(...checks) - this.#nowMs();
  }

  #isFresh({ metadata }: SentryGateway): boolean {
    const known = this.#known.get(keyOf(metadata));
    return (
      known !== undefined &&
      known.uid === metadata.uid &&
      known.generation === metadata.generation &&
      known.nextCheckMs > this.#nowMs()
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
    try {
      const ensured = await ensureGatewayKeys(
        { namespace, name, listeners, admin: true },
        { store, clock, signal },
      );
      for (const { subject, message } of ensured.changes) onMade(keyOf(gateway.metadata), subject, message);
      return { ensured, foreign: undefined, uid, generation, nextCheckMs: ensured.nextCheck.getTime() };
    } catch (error) {
      if (!(error instanceof ForeignObjectError)) throw error;
      const nextCheckMs = this.#nowMs() + FOREIGN_AGAIN_MS;
      return { ensured: undefined, foreign: error.message, uid, generation, nextCheckMs };
    }
  }

  #nowMs(): number {
    return this.#options.clock.now().getTime();
  }
}
