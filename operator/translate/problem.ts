// A finding that becomes a condition: a documented reason and words that say what to do.
import type { ConditionUpdate, conditionReasons } from '../api/conditions.ts';

export type AcceptedReason = Exclude<keyof typeof conditionReasons.Accepted, 'Accepted'>;
export type ReferenceReason = Exclude<keyof typeof conditionReasons.ResolvedRefs, 'ResolvedRefs'>;

export interface Problem<Reason extends string> {
  readonly reason: Reason;
  /** Without a final full stop; never anything of a Secret's content. */
  readonly message: string;
}

/** A value, or why there is none. */
export type Resolved<Value, Reason extends string = ReferenceReason> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly problem: Problem<Reason> };

/** Several problems in one message; the reason is that of the first. */
export function joinProblems<Reason extends string>(
  problems: readonly Problem<Reason>[],
): Problem<Reason> | undefined {
  const [first] = problems;
  if (first === undefined) return undefined;
  return { reason: first.reason, message: [...new Set(problems.map(({ message }) => message))].join('; ') };
}

/** True with a reason like the type where there is no problem, else False for its reason. */
export function conditionOf(
  type: 'Accepted' | 'ResolvedRefs',
  problem: Problem<string> | undefined,
  good: string,
  observedGeneration: number,
): ConditionUpdate {
  return problem === undefined
    ? { type, status: 'True', reason: type, message: good, observedGeneration }
    : { type, status: 'False', reason: problem.reason, message: problem.message, observedGeneration };
}
