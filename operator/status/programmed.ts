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
  const refusing = behind.find(({ report }) => report?.refused?.hash === goal.hash);
  const message = `${goal.name} is served by ${ready.length - behind.length} of ${processes(ready.length, 'ready ')}`;
  if (behind.length === 0) return { status: 'True', reason: 'Programmed', message };
  if (refusing !== undefined) {
    const refusal = `${refusing.name} refused it: ${refusing.report?.refused?.message}; the last good one serves`;
    return { status: 'False', reason: 'Refused', message: `${message}; ${refusal}` };
  }
  const silent = behind.find(({ report }) => report === undefined);
  return {
    status: 'False',
    reason: 'Pending',
    message: silent ? `${message}; ${cannotAsk(silent)}` : message,
  };
}

function noneReady(pods: readonly PodObservation[]): Programmed {
  const seen = pods.length === 0 ? 'no gateway process runs' : `none of ${processes(pods.length)} is ready`;
  const failed = pods.find(({ error }) => error !== undefined);
  const refusing = pods.find(({ report }) => report?.refused);
  const refusal =
    refusing && `; ${refusing.name} refused its configuration: ${refusing.report?.refused?.message}`;
  const failure = failed && `; ${failed.name}: ${failed.error}`;
  return { status: 'False', reason: 'NoReadyGateway', message: `${seen}${refusal ?? failure ?? ''}` };
}

function cannotAsk({ name, error }: PodObservation): string {
  return `${name} cannot be asked: ${error ?? 'it has not reported yet'}`;
}

function processes(number: number, adjective = ''): string {
  return `${number} ${adjective}gateway process${number === 1 ? '' : 'es'}`;
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
  ObjectRefused: { status: 'False', reason: 'ObjectRefused' },
  NotRunning: { status: 'Unknown', reason: 'NotRunning' },
};
