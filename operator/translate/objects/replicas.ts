// How many pods there are to be, and who decides it.
import type { SentryGatewaySpec } from '../../api/sentry-gateway.ts';

const DEFAULT_REPLICAS = 2;

/**
 * - `Spec`: `count` is the user's word; the Deployment carries it, and any other number is drift.
 * - `Default`: nobody has said a number. The Deployment carries `count`, unless autoscaling has just been taken away: then the
 *   number that there is stays (`infra/kubernetes` knows it).
 * - `Autoscaler`: the HorizontalPodAutoscaler decides, and the Deployment carries no `replicas`. `count` is what a new Deployment
 *   begins with.
 */
export interface Replicas {
  readonly decidedBy: 'Spec' | 'Default' | 'Autoscaler';
  readonly count: number;
}

export function replicasOf({ replicas, autoscaling }: SentryGatewaySpec): Replicas {
  if (autoscaling !== undefined) return { decidedBy: 'Autoscaler', count: autoscaling.min };
  if (replicas !== undefined) return { decidedBy: 'Spec', count: replicas };
  return { decidedBy: 'Default', count: DEFAULT_REPLICAS };
}
