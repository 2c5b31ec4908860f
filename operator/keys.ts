// The step between resources and their translation: the keys of every gateway, made and rotated as needed.
import { keyOf } from './api/meta.ts';
import type { SentryGateway } from './api/sentry-gateway.ts';
import { ensureGatewayKeys, type KeyChange, type KeyOptions } from './pki/gateway-keys.ts';
import type { GatewayKeys, Key } from './translate/types.ts';

export interface KeysOfGateways {
  readonly keys: ReadonlyMap<Key, GatewayKeys>;
  readonly changes: ReadonlyMap<Key, readonly KeyChange[]>;
  /** When to call again at the latest; undefined without a gateway. */
  readonly nextCheck: Date | undefined;
}

/** The keys of gateways that run on this machine (no mutual TLS on their admin socket). Rejects when the store fails. */
export async function keysOfGateways(
  gateways: readonly SentryGateway[],
  options: KeyOptions,
): Promise<KeysOfGateways> {
  const keys = new Map<Key, GatewayKeys>();
  const changes = new Map<Key, readonly KeyChange[]>();
  const checks: number[] = [];
  for (const { metadata, spec } of gateways) {
    const { namespace, name } = metadata;
    const listeners = spec.listeners.filter(({ tls }) => tls.selfSigned !== undefined);
    const ensured = await ensureGatewayKeys({ namespace, name, listeners, admin: false }, options);
    keys.set(keyOf(metadata), ensured.keys);
    if (ensured.changes.length > 0) changes.set(keyOf(metadata), ensured.changes);
    checks.push(ensured.nextCheck.getTime());
  }
  return { keys, changes, nextCheck: checks.length === 0 ? undefined : new Date(Math.min(...checks)) };
}
