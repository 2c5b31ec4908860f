// Selectors by label, as Kubernetes writes them: schema and rules for each place that has one.
import * as z from 'zod';
import { formats, text } from './formats.ts';
import { mapRules, type Rule } from './rule.ts';

/** A map of labels. The CRD cannot judge keys: `mapRules` does. */
export const labels = z.record(z.string(), text(formats.labelValue)).meta({ maxProperties: 32 });

/** @param what has the labels, in the singular: `namespace` */
export const labelSelector = (what: string) =>
  z.strictObject({
    matchLabels: labels
      .describe(`Labels that the ${what} must have, each with this value. Default none.`)
      .optional(),
    matchExpressions: z
      .array(
        z.strictObject({
          key: text(formats.labelKey).describe('Label key.'),
          operator: z
            .enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
            .describe('How the values are compared.'),
          values: z
            .array(text(formats.labelValue))
            .max(64)
            .describe('Values, with In and NotIn only. Default none.')
            .optional(),
        }),
      )
      .max(16)
      .describe('Further requirements; all must hold. Default none.')
      .optional(),
  });

/** The rules of a selector at this path. */
export function labelSelectorRules(at: string): readonly Rule<never>[] {
  return [
    {
      at: `${at}.matchExpressions[]`,
      cel: "(has(self.values) && size(self.values) > 0) == (self.operator in ['In', 'NotIn'])",
      check: ({ operator, values = [] }: { operator: string; values?: readonly string[] }) =>
        values.length > 0 === (operator === 'In' || operator === 'NotIn'),
      field: '.values',
      message: 'set values with the operators In and NotIn, and only then',
    },
    ...mapRules(`${at}.matchLabels`, formats.labelKey, 32),
  ];
}
