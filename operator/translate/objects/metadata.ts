// Names, labels and owners of what is made for a gateway.
import { API_VERSION, type KubernetesObject, type ObjectMeta } from '../../api/meta.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';

type Identity = Pick<ObjectMeta, 'namespace' | 'name'>;

/** The labels by which pods are selected: fixed for the life of a gateway, and never a user's. */
export function selectorLabels({ name }: Pick<ObjectMeta, 'name'>): Record<string, string> {
  return { 'app.kubernetes.io/name': 'sentry-gateway', 'app.kubernetes.io/instance': name };
}

/** The labels of everything that belongs to a gateway, by which leftovers are found. */
export function objectLabels(gateway: Pick<ObjectMeta, 'name'>): Record<string, string> {
  return {
    ...selectorLabels(gateway),
    'app.kubernetes.io/component': 'gateway',
    'app.kubernetes.io/part-of': 'sentry-gateway',
    'app.kubernetes.io/managed-by': 'sentry-operator',
  };
}

/** The selector as `status.selector` carries it. */
export function selectorText(gateway: Pick<ObjectMeta, 'name'>): string {
  return Object.entries(selectorLabels(gateway))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** The name of the ConfigMap with the CA of the self-signed mode. */
export function caConfigMapName({ name }: Identity): string {
  return `${name}-ca`;
}

/** The Secrets of the snapshot that is to be served are `<prefix>-<slot>`. */
export function snapshotPrefix({ name }: Pick<ObjectMeta, 'name'>): string {
  return `${name}-snapshot`;
}

/** The Secrets of the last snapshot that every pod acknowledged are `<prefix>-<slot>`. */
export function fallbackPrefix({ name }: Pick<ObjectMeta, 'name'>): string {
  return `${name}-fallback`;
}

/** Metadata of an object of the gateway, in its namespace; without an owner where the gateway came from a file. */
export function objectMetadata(
  gateway: SentryGateway,
  name = gateway.metadata.name,
): KubernetesObject['metadata'] {
  const { namespace, uid } = gateway.metadata;
  return {
    name,
    namespace,
    labels: objectLabels(gateway.metadata),
    ...(uid !== undefined && {
      ownerReferences: [
        { apiVersion: API_VERSION, kind: gateway.kind, name: gateway.metadata.name, uid, controller: true },
      ],
    }),
  };
}
