// The conditions that follow from others: Ready, and a route's over all its gateways.
import type { ConditionUpdate } from '../api/conditions.ts';
import type { Condition } from '../api/meta.ts';

/** Ready: True when all of these are, else what the first that is not True says. */
export function readyCondition(
  conditions: readonly ConditionUpdate[],
  observedGeneration: number,
): ConditionUpdate {
  const worst = worstOf(conditions.filter(({ type }) => type !== 'Conflicted'));
  if (worst === undefined || worst.status === 'True') {
    return {
      type: 'Ready',
      status: 'True',
      reason: 'Ready',
      message: 'Accepted, resolved and served',
      observedGeneration,
    };
  }
  const message = `${worst.type} is ${worst.status} (${worst.reason}): ${worst.message}`;
  return { type: 'Ready', status: worst.status, reason: 'NotReady', message, observedGeneration };
}

/** False before Unknown before True; the first of each. */
export function worstOf(conditions: readonly ConditionUpdate[]): ConditionUpdate | undefined {
  return (
    conditions.find(({ status }) => status === 'False') ??
    conditions.find(({ status }) => status === 'Unknown') ??
    conditions[0]
  );
}

/** A conflict that was there and is gone is said to be gone: conditions are merged by type and never vanish. */
export function withoutConflict(
  conditions: readonly ConditionUpdate[],
  before: readonly Condition[],
  observedGeneration: number,
): readonly ConditionUpdate[] {
  if (conditions.some(isConflicted) || !before.some(isConflicted)) return conditions;
  const message = 'No value is held by another route';
  return [
    ...conditions,
    { type: 'Conflicted', status: 'False', reason: 'NoConflict', message, observedGeneration },
  ];
}

function isConflicted({ type }: { readonly type: string }): boolean {
  return type === 'Conflicted';
}
