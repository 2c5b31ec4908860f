// Every object that a gateway has in a cluster, but for its snapshot Secrets and its keys.
import type { Snapshot } from '../../../gateway/config/snapshot.ts';
import type { KubernetesObject } from '../../api/meta.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import type { GatewayKeys, TranslateOptions } from '../types.ts';
import { caConfigMaps } from './ca-config-map.ts';
import { deployment } from './deployment.ts';
import { horizontalPodAutoscalers } from './horizontal-pod-autoscaler.ts';
import { networkPolicy } from './network-policy.ts';
import { podDisruptionBudget } from './pod-disruption-budget.ts';
import { service } from './service.ts';

export interface GatewayObjectsInput {
  readonly gateway: SentryGateway;
  readonly snapshot: Snapshot;
  readonly keys: GatewayKeys;
  readonly options: TranslateOptions;
}

/** In the order in which they are to be made: the Deployment after what its pods need, and what scales it after that. */
export function gatewayObjects({
  gateway,
  snapshot,
  keys,
  options,
}: GatewayObjectsInput): KubernetesObject[] {
  return [
    ...caConfigMaps(gateway, keys.ca),
    networkPolicy({ gateway, snapshot, clusterCIDRs: options.clusterCIDRs ?? [] }),
    podDisruptionBudget(gateway),
    service(gateway),
    deployment(gateway, options.image),
    ...horizontalPodAutoscalers(gateway),
  ];
}
