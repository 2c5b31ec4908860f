// At which addresses phones reach a gateway's Service, and whether more is to come.
import type { KubeObject } from '../../kube/resource.ts';

export interface ServiceObject extends KubeObject {
  readonly spec?: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
  };
  readonly status?: {
    readonly loadBalancer?: {
      readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[];
    };
  };
}

export interface Addresses {
  /** Those of the load balancer, else those in the cluster. */
  readonly values: readonly string[];
  /** True while a load balancer has not given any. */
  readonly awaited: boolean;
}

export function addressesOf(service: ServiceObject | undefined): Addresses {
  if (service === undefined) return { values: [], awaited: false };
  const { spec = {}, status } = service;
  const ingress = status?.loadBalancer?.ingress ?? [];
  const external = ingress.flatMap(({ ip, hostname }) => ip ?? hostname ?? []);
  if (external.length > 0) return { values: external, awaited: false };
  const internal = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  return {
    values: internal.filter((address) => address !== 'None'),
    awaited: spec.type === 'LoadBalancer',
  };
}
