// The Service by which phones reach the pods.
import type { KubernetesObject } from '../../api/meta.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { objectMetadata, selectorLabels } from './metadata.ts';

export function service(gateway: SentryGateway): KubernetesObject {
  const { metadata, spec } = gateway;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      ...objectMetadata(gateway),
      ...(spec.service.annotations && { annotations: spec.service.annotations }),
    },
    spec: {
      type: spec.service.type,
      selector: selectorLabels(metadata),
      ports: [{ name: 'phones', protocol: 'TCP', port: spec.port, targetPort: 'phones' }],
    },
  };
}
