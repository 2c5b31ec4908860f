// The Secrets and ConfigMaps that resources name: only their content is ever fetched.
import type { ExchangeRoute } from '../../api/exchange-route.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { issuedSecretName } from '../../translate/issued-certificates.ts';
import type { Key } from '../../translate/types.ts';

export interface References {
  readonly secrets: ReadonlySet<Key>;
  readonly configMaps: ReadonlySet<Key>;
}

/** Keys (`namespace/name`) of every object that a certificate or CA reference names, whether it exists or not. */
export function referencesOf(
  gateways: readonly SentryGateway[],
  routes: readonly ExchangeRoute[],
): References {
  const secrets = new Set<Key>();
  const configMaps = new Set<Key>();
  for (const { metadata, spec } of gateways) {
    for (const listener of spec.listeners) {
      const { certificateRefs = [], issuerRef } = listener.tls;
      for (const { name } of certificateRefs) secrets.add(`${metadata.namespace}/${name}`);
      if (issuerRef) secrets.add(`${metadata.namespace}/${issuedSecretName(metadata, listener)}`);
    }
  }
  for (const { metadata, spec } of routes) {
    for (const reference of [
      spec.serverTLS?.caRef,
      spec.redirects?.caRef,
      spec.authentication?.oauth?.caRef,
    ]) {
      if (reference === undefined) continue;
      const target = reference.kind === 'Secret' ? secrets : configMaps;
      target.add(`${metadata.namespace}/${reference.name}`);
    }
  }
  return { secrets, configMaps };
}
