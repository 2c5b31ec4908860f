// The condition SteppedOut: which pods take no new phones because they do not reach Exchange.
import type { ConditionUpdate } from '../api/conditions.ts';
import type { Condition } from '../api/meta.ts';
import type { GatewayObservations } from './observations.ts';

const MOST_NAMED = 3;

/** None while no pod is out and none ever was. It does not count for Ready: the other pods serve. */
export function steppedOutCondition(
  { pods, steppedOut = [] }: GatewayObservations,
  before: readonly Condition[],
  observedGeneration: number,
): ConditionUpdate[] {
  const type = 'SteppedOut';
  if (steppedOut.length === 0) {
    if (!before.some((condition) => condition.type === type)) return [];
    return [
      { type, status: 'False', reason: 'AllIn', message: 'No pod is told to step out', observedGeneration },
    ];
  }
  const named = steppedOut.slice(0, MOST_NAMED).map(({ name, reason }) => `${name}: ${reason}`);
  const more = steppedOut.length > MOST_NAMED ? `; and ${steppedOut.length - MOST_NAMED} more` : '';
  const message = `${steppedOut.length} of ${pods.length} pods: ${named.join('; ')}${more}`;
  return [{ type, status: 'True', reason: 'CannotReachServers', message, observedGeneration }];
}
