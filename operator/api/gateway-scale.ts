// spec.replicas and spec.autoscaling of a SentryGateway: how many pods there are.
import * as z from 'zod';
import type { Rule } from './rule.ts';

export const replicas = z
  .int()
  .min(0)
  .max(100)
  .describe(
    'Number of gateway pods; leave it out with autoscaling. Default 2, set by the operator; after autoscaling was taken away the number that there was. In standalone mode one process serves each gateway whatever it says.',
  );

export const autoscaling = z.strictObject({
  min: z.int().min(1).max(100).default(2).describe('The least number of pods. Default 2.'),
  max: z.int().min(1).max(100).describe('The greatest number of pods.'),
  targetCPUUtilizationPercent: z
    .int()
    .min(1)
    .max(1000)
    .default(70)
    .describe(
      'CPU time that pods should use on average, in percent of what they request (pod.resources.requests.cpu). Default 70.',
    ),
});

type Autoscaling = z.infer<typeof autoscaling>;

interface Spec {
  readonly replicas?: number | undefined;
  readonly autoscaling?: Autoscaling | undefined;
  readonly pod: {
    readonly resources?:
      | {
          readonly requests?: { readonly cpu?: string | undefined } | undefined;
          readonly limits?: { readonly cpu?: string | undefined } | undefined;
        }
      | undefined;
  };
}

export const scaleRules: readonly Rule<never>[] = [
  {
    at: 'spec',
    cel: '!has(self.replicas) || !has(self.autoscaling)',
    check: ({ replicas, autoscaling }: Spec) => replicas === undefined || autoscaling === undefined,
    field: '.replicas',
    message: 'remove replicas, or remove autoscaling: one of the two decides how many pods there are',
  },
  {
    at: 'spec.autoscaling',
    cel: 'self.min <= self.max',
    check: ({ min, max }: Autoscaling) => min <= max,
    field: '.max',
    message: 'raise max, or lower min: max is at least min',
  },
  {
    at: 'spec',
    cel: '!has(self.autoscaling) || !has(self.pod.resources) || (has(self.pod.resources.requests) && has(self.pod.resources.requests.cpu)) || (has(self.pod.resources.limits) && has(self.pod.resources.limits.cpu))',
    check: ({ autoscaling, pod: { resources } }: Spec) =>
      autoscaling === undefined ||
      resources === undefined ||
      resources.requests?.cpu !== undefined ||
      resources.limits?.cpu !== undefined,
    field: '.pod.resources',
    message: 'set requests.cpu: autoscaling measures CPU time in percent of it',
  },
];
