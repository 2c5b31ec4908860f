// Lets the number of pods follow their CPU time.
import type { KubernetesObject } from '../../api/meta.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { objectMetadata } from './metadata.ts';

/** How long less must have been enough before a pod goes: its phones have to connect anew, and mail comes in waves. */
const SCALE_DOWN_AFTER_SECONDS = 600;
/** The longest period that the API server takes. */
const MAX_PERIOD_SECONDS = 1800;

/** None without `spec.autoscaling`. It scales the Deployment, not the SentryGateway, whose `replicas` is the user's. */
export function horizontalPodAutoscalers(gateway: SentryGateway): KubernetesObject[] {
  const { autoscaling, drain } = gateway.spec;
  if (autoscaling === undefined) return [];
  const drainSeconds = drain.seconds + drain.propagationSeconds;
  return [
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: objectMetadata(gateway),
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: gateway.metadata.name },
        minReplicas: autoscaling.min,
        maxReplicas: autoscaling.max,
        metrics: [
          {
            type: 'Resource',
            resource: {
              name: 'cpu',
              target: { type: 'Utilization', averageUtilization: autoscaling.targetCPUUtilizationPercent },
            },
          },
        ],
        behavior: {
          scaleUp: {
            stabilizationWindowSeconds: 0,
            selectPolicy: 'Max',
            policies: [
              { type: 'Percent', value: 100, periodSeconds: 30 },
              { type: 'Pods', value: 2, periodSeconds: 30 },
            ],
          },
          // One pod drains at a time.
          scaleDown: {
            stabilizationWindowSeconds: SCALE_DOWN_AFTER_SECONDS,
            selectPolicy: 'Max',
            policies: [
              {
                type: 'Pods',
                value: 1,
                periodSeconds: Math.min(MAX_PERIOD_SECONDS, Math.max(60, drainSeconds)),
              },
            ],
          },
        },
      },
    },
  ];
}
