// The pods of a gateway: hardened, without a service-account token, fed by mounted Secrets.
import { DEFAULT_SLOT_LIMITS } from '../../../gateway/config/files.ts';
import type { KubernetesObject } from '../../api/meta.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { fallbackPrefix, objectLabels, objectMetadata, selectorLabels, snapshotPrefix } from './metadata.ts';
import { podPorts } from './ports.ts';
import { replicasOf } from './replicas.ts';

const DEFAULT_RESOURCES = { requests: { cpu: '100m', memory: '128Mi' } };
/** What a pod may take beyond propagation and drain. */
const GRACE_SECONDS = 15;
/** Any account but root; the image needs none of its own. */
const ACCOUNT = 65_532;

const SNAPSHOT_DIRECTORY = '/etc/sentry/snapshot';
const FALLBACK_DIRECTORY = '/etc/sentry/fallback';
/** Beside the slots, so that one touch of the pod's annotations refreshes both. */
const STEP_OUT_FILE = 'step-out';
/** By which a pod is told to leave the endpoints for a while. */
export const STEP_OUT_ANNOTATION = 'sentrygateway.io/step-out';

/** The same settings and image make the same template: nothing else may roll the pods. @param image of the gateway */
export function deployment(gateway: SentryGateway, image: string): KubernetesObject {
  const { spec, metadata } = gateway;
  const { decidedBy, count } = replicasOf(spec);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: objectMetadata(gateway),
    spec: {
      ...(decidedBy !== 'Autoscaler' && { replicas: count }),
      revisionHistoryLimit: 2,
      selector: { matchLabels: selectorLabels(metadata) },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: '25%' } },
      template: {
        metadata: {
          labels: { ...spec.pod.labels, ...objectLabels(metadata) },
          ...(spec.pod.annotations && { annotations: spec.pod.annotations }),
        },
        spec: podSpec(gateway, image),
      },
    },
  };
}

function podSpec({ metadata, spec }: SentryGateway, image: string) {
  const { seconds, propagationSeconds } = spec.drain;
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: propagationSeconds + seconds + GRACE_SECONDS,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: ACCOUNT,
      runAsGroup: ACCOUNT,
      fsGroup: ACCOUNT,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...placement(spec),
    topologySpreadConstraints: ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map(
      (topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selectorLabels(metadata) },
      }),
    ),
    containers: [container(spec, image)],
    volumes: [
      volume('snapshot', snapshotPrefix(metadata), [
        {
          downwardAPI: {
            items: [
              {
                path: STEP_OUT_FILE,
                fieldRef: { fieldPath: `metadata.annotations['${STEP_OUT_ANNOTATION}']` },
              },
            ],
          },
        },
      ]),
      volume('fallback', fallbackPrefix(metadata), []),
    ],
  };
}

/** What the user says of the pods, as it stands there: names and meanings are Kubernetes'. */
function placement({ pod }: SentryGateway['spec']) {
  const { resources: _resources, labels: _labels, annotations: _annotations, ...settings } = pod;
  return settings;
}

function container(spec: SentryGateway['spec'], image: string) {
  return {
    name: 'gateway',
    image,
    imagePullPolicy: 'IfNotPresent',
    args: gatewayArguments(),
    ports: Object.entries(podPorts).map(([name, containerPort]) => ({
      name,
      containerPort,
      protocol: 'TCP',
    })),
    resources: spec.pod.resources ?? DEFAULT_RESOURCES,
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    startupProbe: probe('/healthz', { periodSeconds: 1, failureThreshold: 60 }),
    livenessProbe: probe('/healthz', { periodSeconds: 10, failureThreshold: 3 }),
    readinessProbe: probe('/readyz', { periodSeconds: 1, failureThreshold: 1 }),
    volumeMounts: [
      { name: 'snapshot', mountPath: SNAPSHOT_DIRECTORY, readOnly: true },
      { name: 'fallback', mountPath: FALLBACK_DIRECTORY, readOnly: true },
    ],
  };
}

/** Every address: a pod may have one of each family. */
function gatewayArguments(): string[] {
  const flags = {
    snapshot: SNAPSHOT_DIRECTORY,
    fallback: FALLBACK_DIRECTORY,
    address: '::',
    port: String(podPorts.phones),
    metrics: `[::]:${podPorts.metrics}`,
    admin: `[::]:${podPorts.admin}`,
    'step-out-file': `${SNAPSHOT_DIRECTORY}/${STEP_OUT_FILE}`,
  };
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
}

/** A refusal counts at once; a slow answer does not, because a storm of reconnecting phones is no reason to leave. */
function probe(path: string, timing: { readonly periodSeconds: number; readonly failureThreshold: number }) {
  return {
    httpGet: { path, port: 'metrics', scheme: 'HTTP' },
    timeoutSeconds: 5,
    successThreshold: 1,
    ...timing,
  };
}

/** One projected volume with every slot that there can be, all optional: a further shard needs no rollout. */
function volume(name: string, prefix: string, further: readonly object[]) {
  const slots = Array.from({ length: DEFAULT_SLOT_LIMITS.slots }, (_, slot) => ({
    secret: { name: `${prefix}-${slot}`, optional: true },
  }));
  return { name, projected: { defaultMode: 0o440, sources: [...slots, ...further] } };
}
