// spec.service of a SentryGateway: the Service that phones reach the pods by.
import * as z from 'zod';
import { cidr, cidrRules } from './cidr.ts';
import { formats, text } from './formats.ts';
import { mapRules, reservedAnnotationRule, type Rule, type TransitionRule } from './rule.ts';

const families = z.enum(['IPv4', 'IPv6']);

export const serviceSettings = z.strictObject({
  type: z
    .enum(['ClusterIP', 'NodePort', 'LoadBalancer'])
    .default('LoadBalancer')
    .describe('Type of the Service. Default LoadBalancer.'),
  annotations: z
    .record(z.string(), z.string().max(4096))
    .meta({ maxProperties: 64 })
    .describe('Annotations of the Service. Default none.')
    .optional(),
  loadBalancerClass: text(formats.loadBalancerClass)
    .describe(
      "Which implementation of load balancers serves it, with type: LoadBalancer only. It cannot change while the type is LoadBalancer. Default: the cluster's.",
    )
    .optional(),
  loadBalancerSourceRanges: z
    .array(cidr)
    .min(1)
    .max(64)
    .describe(
      'Address ranges from which phones may reach the load balancer, with type: LoadBalancer only. Default: from everywhere.',
    )
    .optional(),
  externalTrafficPolicy: z
    .enum(['Cluster', 'Local'])
    .describe(
      "Cluster: every node forwards to every pod, and pods see the node's address. Local: only nodes with a ready pod take connections, and pods see the phone's address. With type: NodePort or LoadBalancer only. Default: Cluster, set by Kubernetes.",
    )
    .optional(),
  ipFamilyPolicy: z
    .enum(['SingleStack', 'PreferDualStack', 'RequireDualStack'])
    .describe(
      'Whether the Service has an IPv4 and an IPv6 address. RequireDualStack needs a dual-stack cluster. Default: SingleStack, set by Kubernetes; a Service that has both keeps them until SingleStack is said.',
    )
    .optional(),
  ipFamilies: z
    .array(families)
    .min(1)
    .max(2)
    .describe(
      "Address families, the primary one first; it cannot change. Two need ipFamilyPolicy: PreferDualStack or RequireDualStack. Default: the cluster's.",
    )
    .optional(),
});

type ServiceSettings = z.infer<typeof serviceSettings>;

const AT = 'spec.service';

const loadBalancerOnly = (
  field: 'loadBalancerClass' | 'loadBalancerSourceRanges',
): Rule<ServiceSettings> => ({
  at: AT,
  cel: `!has(self.${field}) || self.type == 'LoadBalancer'`,
  check: (service) => service[field] === undefined || service.type === 'LoadBalancer',
  field: `.${field}`,
  message: `set ${field} only with type: LoadBalancer`,
});

export const serviceRules: readonly Rule<never>[] = [
  ...mapRules(`${AT}.annotations`, formats.annotationKey, 64),
  reservedAnnotationRule(`${AT}.annotations`),
  loadBalancerOnly('loadBalancerClass'),
  loadBalancerOnly('loadBalancerSourceRanges'),
  ...cidrRules(`${AT}.loadBalancerSourceRanges`),
  {
    at: AT,
    cel: "!has(self.externalTrafficPolicy) || self.type != 'ClusterIP'",
    check: ({ externalTrafficPolicy, type }: ServiceSettings) =>
      externalTrafficPolicy === undefined || type !== 'ClusterIP',
    field: '.externalTrafficPolicy',
    message: 'set externalTrafficPolicy only with type: NodePort or LoadBalancer',
  },
  {
    at: AT,
    cel: "!has(self.ipFamilies) || size(self.ipFamilies) < 2 || (has(self.ipFamilyPolicy) && self.ipFamilyPolicy != 'SingleStack')",
    check: ({ ipFamilies = [], ipFamilyPolicy }: ServiceSettings) =>
      ipFamilies.length < 2 || ipFamilyPolicy === 'PreferDualStack' || ipFamilyPolicy === 'RequireDualStack',
    field: '.ipFamilies',
    message: 'name one family, or set ipFamilyPolicy to PreferDualStack or RequireDualStack',
  },
];

/** What the Service itself could not follow, said where it is written. */
export const serviceTransitionRules: readonly TransitionRule[] = [
  {
    at: AT,
    cel: "self.type != 'LoadBalancer' || oldSelf.type != 'LoadBalancer' || (has(self.loadBalancerClass) ? self.loadBalancerClass : '') == (has(oldSelf.loadBalancerClass) ? oldSelf.loadBalancerClass : '')",
    field: '.loadBalancerClass',
    message:
      'the class of a load balancer cannot change: set type: ClusterIP, wait until the gateway is Programmed, then set the type and class that you want',
  },
  {
    at: AT,
    cel: '!has(self.ipFamilies) || !has(oldSelf.ipFamilies) || self.ipFamilies[0] == oldSelf.ipFamilies[0]',
    field: '.ipFamilies',
    message:
      'the primary family of a Service cannot change: keep the first one, or make a new SentryGateway for the other family',
  },
];
