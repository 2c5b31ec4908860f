// Writes statuses to the API server, each only where it differs from what stands there, and tells the change as events.
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { ExchangeRoute, ExchangeRouteStatus } from '../../api/exchange-route.ts';
import { keyOf } from '../../api/meta.ts';
import type { SentryGateway, SentryGatewayStatus } from '../../api/sentry-gateway.ts';
import { isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { recordEvent } from '../../kube/event-recorder.ts';
import { type KubeObject, typeOf } from '../../kube/resource.ts';
import { isOlderVersion } from '../../kube/resource-version.ts';
import { statusEvents } from '../../status/events.ts';
import { isSameStatus } from '../../status/same-status.ts';

type Status = SentryGatewayStatus | ExchangeRouteStatus;

interface Written {
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly status: Status;
}

export interface StatusWriterOptions {
  readonly client: KubeClient;
  readonly clock: { now(): Date };
  readonly log: Logger;
}

/** Remembers what it wrote until the watch shows it. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #written = new Map<string, Written>();

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** The status that the next one is to be made from. */
  previous<T extends SentryGateway | ExchangeRoute>(object: T): T['status'] | undefined {
    const id = idOf(object);
    const written = this.#written.get(id);
    if (written === undefined) return object.status;
    const { uid, resourceVersion } = object.metadata;
    if (written.uid === uid && isOlderVersion(resourceVersion, written.resourceVersion))
      return written.status;
    this.#written.delete(id);
    return object.status;
  }

  /** Writes the status where it differs from the previous one. @throws ApiError other than NotFound */
  async write(object: SentryGateway | ExchangeRoute, status: Status): Promise<void> {
    const previous = this.previous(object);
    if (isSameStatus(previous, status)) return;
    const { client, clock, log } = this.#options;
    const { name, namespace, uid } = object.metadata;
    const metadata = { name, namespace, ...(uid !== undefined && { uid }) };
    const body = { apiVersion: object.apiVersion, kind: object.kind, metadata, status };
    try {
      const { metadata: answered } = await client.apply<KubeObject>(typeOf(object), body, 'status');
      this.#written.set(idOf(object), { uid, resourceVersion: answered.resourceVersion, status });
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    for (const event of statusEvents(previous, status)) {
      await recordEvent(client, object, event, {
        now: () => clock.now(),
        instance: hostname(),
        onError: (error) => log.warn({ err: error }, 'an event could not be written'),
      });
    }
  }

  /** Forgets an object that is gone. @param id kind, blank, namespace/name */
  forget(id: string): void {
    this.#written.delete(id);
  }
}

function idOf({ kind, metadata }: SentryGateway | ExchangeRoute): string {
  return `${kind} ${keyOf(metadata)}`;
}
