// Whether what was translated is served: decided from what pods report, never from what was written.
import type { ConditionUpdate } from '../api/conditions.ts';
import type { GatewayObservations, Obstacle, PodObservation } from './observations.ts';

/** A `Programmed` condition without type and generation. */
export type Programmed = Pick<ConditionUpdate, 'status' | 'reason' | 'message'>;

/** What is to be served, and when a pod does. */
export interface Goal {
  /** How messages call it: `generation 5`, `the route`. */
  readonly name: string;
  /** The hash of the snapshot that holds it. */
  readonly hash: string;
  /** True when a pod that serves this snapshot serves the goal. */
  readonly isServedBy: (hash: string) => boolean;
}

/** True only when at least one pod is ready and every ready one serves the goal. */
export function judgePods(pods: readonly PodObservation[], goal: Goal): Programmed {
  const ready = pods.filter((pod) => pod.ready);
  if (ready.length === 0) return noneReady(pods);
  const behind = ready.filter(({ report }) => !report?.snapshot || !goal.isServedBy(report.snapshot.hash));
  const [first] = behind;
  if (first === undefined) {
    return {
      status: 'True',
      reason: 'Programmed',
      message: `${count(ready.length, 'ready pod')} serve ${goal.name}`,
    };
  }
  const refusing = behind.find(({ report }) => report?.refused?.hash === goal.hash);
  if (refusing !== undefined) {
    const message = `pod ${refusing.name} refused ${goal.name}: ${refusing.report?.refused?.message}; the last good one serves`;
    return { status: 'False', reason: 'Refused', message };
  }
  const served = `${ready.length - behind.length} of ${count(ready.length, 'ready pod')} serve ${goal.name}`;
  return {
    status: 'False',
    reason: 'Pending',
    message: first.report ? served : `${served}; ${cannotAsk(first)}`,
  };
}

function noneReady(pods: readonly PodObservation[]): Programmed {
  const seen = pods.length === 0 ? 'no pod runs' : `none of ${count(pods.length, 'pod')} is ready`;
  const failed = pods.find(({ error }) => error !== undefined);
  const refusing = pods.find(({ report }) => report?.refused);
  const refusal =
    refusing && `; pod ${refusing.name} refused its configuration: ${refusing.report?.refused?.message}`;
  const failure = failed && `; pod ${failed.name}: ${failed.error}`;
  return { status: 'False', reason: 'NoReadyGateway', message: `${seen}${refusal ?? failure ?? ''}` };
}

function cannotAsk({ name, error }: PodObservation): string {
  return `pod ${name} cannot be asked: ${error ?? 'it has not reported yet'}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** What an obstacle makes of `Programmed`; undefined without one. */
export function judgeObstacle({ obstacle }: Pick<GatewayObservations, 'obstacle'>): Programmed | undefined {
  if (obstacle === undefined) return undefined;
  return { ...obstacleVerdicts[obstacle.reason], message: obstacle.message };
}

const obstacleVerdicts: Readonly<Record<Obstacle['reason'], Pick<Programmed, 'status' | 'reason'>>> = {
  PortUnavailable: { status: 'False', reason: 'NotAccepted' },
  SnapshotTooLarge: { status: 'False', reason: 'SnapshotTooLarge' },
  ForeignObject: { status: 'False', reason: 'ForeignObject' },
  NotRunning: { status: 'Unknown', reason: 'NotRunning' },
};
