// Kubernetes events: what a user sees under `kubectl describe`.
import { createHash } from 'node:crypto';
import { ApiError } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { type KubeObject, resourceTypes } from './resource.ts';

export interface ObjectEvent {
  readonly type: 'Normal' | 'Warning';
  /** PascalCase, from the documented reasons. */
  readonly reason: string;
  /** What happened and what to do; never a secret's content. */
  readonly message: string;
}

/** Writes an event about an object; a failure to write is reported and otherwise ignored. */
export async function recordEvent(
  client: KubeClient,
  regarding: KubeObject,
  event: ObjectEvent,
  options: { now: () => Date; instance: string; onError: (error: unknown) => void },
): Promise<void> {
  const { namespace, name, uid, resourceVersion } = regarding.metadata;
  const eventTime = options.now().toISOString().replace(/Z$/, '000Z');
  const digest = createHash('sha256')
    .update(`${uid}\0${event.reason}\0${event.message}\0${eventTime}`)
    .digest('hex')
    .slice(0, 16);
  const body = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: `${name}.${digest}`, namespace: namespace ?? 'default' },
    eventTime,
    reportingController: 'sentrygateway.io/operator',
    reportingInstance: options.instance,
    action: 'Reconcile',
    type: event.type,
    reason: event.reason,
    note: event.message.slice(0, 1024),
    regarding: {
      apiVersion: regarding.apiVersion,
      kind: regarding.kind,
      namespace,
      name,
      uid,
      resourceVersion,
    },
  };
  try {
    await client.create(resourceTypes.event, body);
  } catch (error) {
    if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) options.onError(error);
  }
}
