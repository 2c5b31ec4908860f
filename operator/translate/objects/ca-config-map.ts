// Publishes the CA that phones have to trust where listeners have certificates of the operator's own.
import type { KubernetesObject } from '../../api/meta.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { caConfigMapName, objectMetadata } from './metadata.ts';

/** None where no listener is self-signed. */
export function caConfigMaps(gateway: SentryGateway, ca: string): KubernetesObject[] {
  if (!gateway.spec.listeners.some(({ tls }) => tls.selfSigned)) return [];
  const metadata = objectMetadata(gateway, caConfigMapName(gateway.metadata));
  return [{ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': ca } }];
}
