// What of a SentryGateway is about addresses: proxies in front of it, and where its pods may connect to.
import * as z from 'zod';
import { cidr, cidrRules, contains } from './cidr.ts';
import type { Rule } from './rule.ts';

/** Link-local addresses, and the metadata services of clouds that lie elsewhere: no pod ever calls these. */
export const FORBIDDEN_CIDRS = [
  '169.254.0.0/16',
  '168.63.129.16/32',
  '100.100.100.200/32',
  'fe80::/10',
  'fd00:ec2::254/128',
] as const;

export const networkPolicy = z.strictObject({
  egressCIDRs: z
    .array(cidr)
    .min(1)
    .max(64)
    .describe(
      'The only address ranges in which pods may call servers and identity providers, on the ports of these. Default: every address but link-local ones, metadata services and the ranges of the cluster.',
    )
    .optional(),
});

export const proxyProtocol = z.enum(['Disabled', 'Required']);

export const trustedProxies = z.array(cidr).min(1).max(64);

interface Spec {
  readonly proxyProtocol: z.infer<typeof proxyProtocol>;
  readonly trustedProxies?: readonly string[] | undefined;
}

export const networkRules: readonly Rule<never>[] = [
  {
    at: 'spec',
    cel: "!has(self.trustedProxies) || self.proxyProtocol == 'Required'",
    check: ({ trustedProxies, proxyProtocol }: Spec) =>
      trustedProxies === undefined || proxyProtocol === 'Required',
    field: '.trustedProxies',
    message: 'set trustedProxies only with proxyProtocol: Required',
  },
  ...cidrRules('spec.trustedProxies'),
  ...cidrRules('spec.networkPolicy.egressCIDRs'),
  {
    at: 'spec.networkPolicy.egressCIDRs[]',
    cel: `!isCIDR(self) || ![${FORBIDDEN_CIDRS.map((range) => `'${range}'`).join(', ')}].exists(range, cidr(range).containsCIDR(self))`,
    check: (range: string) => !FORBIDDEN_CIDRS.some((forbidden) => contains(forbidden, range)),
    field: '',
    message: 'leave this range out: pods never call link-local addresses and metadata services',
  },
];
