// At which addresses phones reach a gateway's Service, and whether more is to come.
import type { KubeObject } from '../../kube/resource.ts';

export interface ServiceObject extends KubeObject {
  readonly metadata: KubeObject['metadata'] & { readonly finalizers?: readonly string[] };
  readonly spec?: {
    readonly type?: string;
    readonly loadBalancerClass?: string;
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
  /** True while a load balancer that is there has not given any. */
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
    awaited: spec.type === 'LoadBalancer' && isTakenOn(service),
  };
}

/**
 * Load balancers are somebody's: named by a class, or shown by a finalizer, which controllers of clouds set before they make one.
 * Those without (MetalLB, kube-vip) give an address at once. Without any of this there may be nobody who ever gives one.
 */
function isTakenOn({ metadata, spec }: ServiceObject): boolean {
  return spec?.loadBalancerClass !== undefined || (metadata.finalizers ?? []).length > 0;
}
