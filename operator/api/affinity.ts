// spec.pod.affinity: Kubernetes' own, without matchFields, namespaceSelector and matchLabelKeys, which a gateway does not need.
import * as z from 'zod';
import { formats, text } from './formats.ts';
import { labelSelector, labelSelectorRules } from './label-selector.ts';
import { dnsLabel } from './meta.ts';
import type { Rule } from './rule.ts';

const weight = z.int().min(1).max(100).describe('A number: how much it counts among the preferences.');

const nodeTerm = z.strictObject({
  matchExpressions: z
    .array(
      z.strictObject({
        key: text(formats.labelKey).describe('Label key of the node.'),
        operator: z
          .enum(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'])
          .describe('How the values are compared.'),
        values: z
          .array(text(formats.labelValue))
          .max(64)
          .describe('Values with In and NotIn, one whole number with Gt and Lt, else none. Default none.')
          .optional(),
      }),
    )
    .min(1)
    .max(8)
    .describe('Requirements; all must hold.'),
});

const nodeAffinity = z.strictObject({
  requiredDuringSchedulingIgnoredDuringExecution: z
    .strictObject({ nodeSelectorTerms: z.array(nodeTerm).min(1).max(8).describe('One of these must hold.') })
    .describe('What a node must be. Default none.')
    .optional(),
  preferredDuringSchedulingIgnoredDuringExecution: z
    .array(z.strictObject({ weight, preference: nodeTerm.describe('What a node should be.') }))
    .max(8)
    .describe('What nodes are preferred. Default none.')
    .optional(),
});

const podTerm = z.strictObject({
  labelSelector: labelSelector('pod').describe('Which pods are meant.'),
  namespaces: z
    .array(dnsLabel(''))
    .max(16)
    .describe("Namespaces of those pods. Default: the gateway's own.")
    .optional(),
  topologyKey: text(formats.labelKey).describe(
    'Label of nodes: those with the same value are one place, such as kubernetes.io/hostname.',
  ),
});

const podAffinity = (verb: string) =>
  z.strictObject({
    requiredDuringSchedulingIgnoredDuringExecution: z
      .array(podTerm)
      .max(8)
      .describe(`Pods ${verb} which a pod must run. Default none.`)
      .optional(),
    preferredDuringSchedulingIgnoredDuringExecution: z
      .array(
        z.strictObject({
          weight,
          podAffinityTerm: podTerm.describe(`Pods ${verb} which a pod should run.`),
        }),
      )
      .max(8)
      .describe(`Pods ${verb} which a pod should run. Default none.`)
      .optional(),
  });

export const affinity = z.strictObject({
  nodeAffinity: nodeAffinity.describe('Nodes by their labels. Default none.').optional(),
  podAffinity: podAffinity('beside').describe('Neighbours that pods want. Default none.').optional(),
  podAntiAffinity: podAffinity('away from').describe('Neighbours that pods avoid. Default none.').optional(),
});

interface NodeRequirement {
  readonly operator: string;
  readonly values?: readonly string[];
}

const WHOLE_NUMBER = '^[0-9]{1,18}$';
const isWholeNumber = new RegExp(WHOLE_NUMBER);

const nodeRule = (at: string): Rule<NodeRequirement> => ({
  at: `${at}.matchExpressions[]`,
  cel: `self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : self.operator in ['Gt', 'Lt'] ? has(self.values) && size(self.values) == 1 && self.values[0].matches('${WHOLE_NUMBER}') : !has(self.values) || size(self.values) == 0`,
  check: ({ operator, values = [] }) => {
    if (operator === 'In' || operator === 'NotIn') return values.length > 0;
    if (operator === 'Gt' || operator === 'Lt')
      return values.length === 1 && isWholeNumber.test(values[0] ?? '');
    return values.length === 0;
  },
  field: '.values',
  message: 'set values with In and NotIn, one whole number with Gt and Lt, and none else',
});

const AT = 'spec.pod.affinity';
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

export const affinityRules: readonly Rule<never>[] = [
  nodeRule(`${AT}.nodeAffinity.${REQUIRED}.nodeSelectorTerms[]`),
  nodeRule(`${AT}.nodeAffinity.${PREFERRED}[].preference`),
  ...['podAffinity', 'podAntiAffinity'].flatMap((kind) => [
    ...labelSelectorRules(`${AT}.${kind}.${REQUIRED}[].labelSelector`),
    ...labelSelectorRules(`${AT}.${kind}.${PREFERRED}[].podAffinityTerm.labelSelector`),
  ]),
];
