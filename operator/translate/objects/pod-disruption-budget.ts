// Lets a node be drained one pod at a time, and never waits for a pod that does not work.
import type { KubernetesObject } from '../../api/meta.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { objectMetadata, selectorLabels } from './metadata.ts';

export function podDisruptionBudget(gateway: SentryGateway): KubernetesObject {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: objectMetadata(gateway),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: selectorLabels(gateway.metadata) },
    },
  };
}
