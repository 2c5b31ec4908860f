// The Service by which phones reach the pods.
import type { KubernetesObject } from '../../api/meta.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { objectMetadata, selectorLabels } from './metadata.ts';

/** Fields that the user leaves out are left to Kubernetes, which defaults them once and for all. */
export function service(gateway: SentryGateway): KubernetesObject {
  const { metadata, spec } = gateway;
  const { annotations, ...settings } = spec.service;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...objectMetadata(gateway), ...(annotations && { annotations }) },
    spec: {
      ...settings,
      selector: selectorLabels(metadata),
      ports: [{ name: 'phones', protocol: 'TCP', port: spec.port, targetPort: 'phones' }],
    },
  };
}
