// spec.pod of a SentryGateway: what its pods have beside the gateway itself. Names and meanings are Kubernetes'.
import * as z from 'zod';
import { affinity, affinityRules } from './affinity.ts';
import { formats, text } from './formats.ts';
import { labels } from './label-selector.ts';
import { objectName } from './meta.ts';
import { compareQuantities } from './quantity.ts';
import { mapRules, RESERVED_PREFIX, reservedAnnotationRule, type Rule, type Strings } from './rule.ts';

/** Labels that the operator sets itself; selectors and the deletion of leftovers rely on them. */
const RESERVED_LABELS: readonly string[] = [
  'app.kubernetes.io/name',
  'app.kubernetes.io/instance',
  'app.kubernetes.io/component',
  'app.kubernetes.io/part-of',
  'app.kubernetes.io/managed-by',
  'pod-template-hash',
];
const quantity = (description: string) =>
  text(formats.quantity).describe(`${description} Default: not set.`).optional();

const quantities = z.strictObject({
  cpu: quantity('CPU in cores, such as 500m.'),
  memory: quantity('Memory in bytes, such as 256Mi.'),
  'ephemeral-storage': quantity('Ephemeral storage in bytes, such as 1Gi.'),
});

const resources = z.strictObject({
  requests: quantities.describe('What the container is sure to have. Default: not set.').optional(),
  limits: quantities.describe('The most that the container may use. Default: not set.').optional(),
});

const toleration = z.strictObject({
  key: text(formats.labelKey)
    .describe('Key of the taint. Default: every key, with operator: Exists.')
    .optional(),
  operator: z
    .enum(['Equal', 'Exists'])
    .default('Equal')
    .describe("Equal: the taint's value is value. Exists: whatever its value. Default Equal."),
  value: text(formats.labelValue)
    .describe('Value of the taint, with operator: Equal only. Default: the empty value.')
    .optional(),
  effect: z
    .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
    .describe('Effect of the taint. Default: every effect.')
    .optional(),
  tolerationSeconds: z
    .int()
    .min(0)
    .max(86_400)
    .describe(
      'Seconds that a pod stays on a node that gets the taint, with effect: NoExecute only. Default: it stays.',
    )
    .optional(),
});

const hostAlias = z.strictObject({
  ip: text(formats.ipAddress).describe('IP address.'),
  hostnames: z.array(text(formats.hostname)).min(1).max(32).describe('Host names for that address.'),
});

const dnsOption = z.strictObject({
  name: text(formats.dnsOption).describe('Name of the option, such as ndots.'),
  value: text(formats.dnsOptionValue).describe('Its value. Default none.').optional(),
});

const dnsConfig = z.strictObject({
  nameservers: z
    .array(text(formats.ipAddress))
    .max(3)
    .describe("Name servers after the cluster's. Default none.")
    .optional(),
  searches: z
    .array(text(formats.searchDomain))
    .max(8)
    .describe("Search domains after the cluster's. Default none.")
    .optional(),
  options: z
    .array(dnsOption)
    .max(16)
    .describe('Options of the resolver, a map by name. Default none.')
    .optional(),
});

export const podSettings = z.strictObject({
  resources: resources
    .describe('Resources of the gateway container. Default: requests of 100m CPU and 128Mi memory.')
    .optional(),
  nodeSelector: labels
    .describe('Labels that a node must have, each with this value, to run a pod. Default none.')
    .optional(),
  tolerations: z
    .array(toleration)
    .max(32)
    .describe('Taints of nodes on which pods may run all the same. Default none.')
    .optional(),
  affinity: affinity
    .describe(
      'Which nodes and neighbours pods want or avoid, beside their spread over nodes and zones. Default none.',
    )
    .optional(),
  priorityClassName: objectName('Name of a PriorityClass. Default none.').optional(),
  imagePullSecrets: z
    .array(
      z.strictObject({
        name: objectName(
          'Name of a Secret with credentials of a registry, in the namespace of this resource.',
        ),
      }),
    )
    .max(8)
    .describe('Secrets by which the image is pulled, a map by name. Default none.')
    .optional(),
  hostAliases: z.array(hostAlias).max(64).describe("Lines of the pod's hosts file. Default none.").optional(),
  dnsConfig: dnsConfig
    .describe("What the pods' resolver has beside the cluster's settings. Default none.")
    .optional(),
  labels: labels.describe('Further labels of the pods; never part of a selector. Default none.').optional(),
  annotations: z
    .record(z.string(), z.string().max(2048))
    .meta({ maxProperties: 64 })
    .describe('Annotations of the pods. Default none.')
    .optional(),
});

type PodSettings = z.infer<typeof podSettings>;
type Resources = NonNullable<PodSettings['resources']>;
type Toleration = NonNullable<PodSettings['tolerations']>[number];

/** Pods whose requests exceed their limits are refused by the API server only when the Deployment makes them. */
function resourceRule(name: keyof NonNullable<Resources['requests']>): Rule<Resources> {
  const [request, limit] = ['requests', 'limits'].map(
    (part) => `self.${part}.${name.replace('-', '__dash__')}`,
  );
  return {
    at: 'spec.pod.resources',
    cel: `!has(self.requests) || !has(self.limits) || !has(${request}) || !has(${limit}) || quantity(${request}).compareTo(quantity(${limit})) <= 0`,
    check: ({ requests, limits }) => {
      const [least, most] = [requests?.[name], limits?.[name]];
      return least === undefined || most === undefined || compareQuantities(least, most) <= 0;
    },
    field: '.requests',
    message: `lower the request for ${name}, or raise the limit: a request may not exceed its limit`,
  };
}

const tolerationRules: readonly Rule<Toleration>[] = [
  {
    at: 'spec.pod.tolerations[]',
    cel: "has(self.key) || self.operator == 'Exists'",
    check: ({ key, operator }) => key !== undefined || operator === 'Exists',
    field: '.key',
    message: 'name the key of the taint, or tolerate every key by operator: Exists',
  },
  {
    at: 'spec.pod.tolerations[]',
    cel: "!has(self.value) || self.operator == 'Equal'",
    check: ({ value, operator }) => value === undefined || operator === 'Equal',
    field: '.value',
    message: 'set value only with operator: Equal',
  },
  {
    at: 'spec.pod.tolerations[]',
    cel: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
    check: ({ tolerationSeconds, effect }) => tolerationSeconds === undefined || effect === 'NoExecute',
    field: '.tolerationSeconds',
    message: 'set tolerationSeconds only with effect: NoExecute',
  },
];

export const podRules: readonly Rule<never>[] = [
  ...mapRules('spec.pod.nodeSelector', formats.labelKey, 32),
  ...mapRules('spec.pod.labels', formats.labelKey, 32),
  ...mapRules('spec.pod.annotations', formats.annotationKey, 64),
  reservedAnnotationRule('spec.pod.annotations'),
  {
    at: 'spec.pod.labels',
    cel: `self.all(key, !key.startsWith('${RESERVED_PREFIX}') && !(key in [${RESERVED_LABELS.map((key) => `'${key}'`).join(', ')}]))`,
    check: (map: Strings) =>
      Object.keys(map).every((key) => !key.startsWith(RESERVED_PREFIX) && !RESERVED_LABELS.includes(key)),
    field: '',
    message: `choose other keys than ${RESERVED_PREFIX}…, ${RESERVED_LABELS.join(', ')}: these are the operator's own`,
  },
  resourceRule('cpu'),
  resourceRule('memory'),
  resourceRule('ephemeral-storage'),
  ...tolerationRules,
  ...affinityRules,
];
