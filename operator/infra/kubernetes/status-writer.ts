// Writes statuses to the API server, each only where it differs from what stands there, and tells the change as events.
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { ExchangeRoute, ExchangeRouteStatus } from '../../api/exchange-route.ts';
import { keyOf } from '../../api/meta.ts';
import type { SentryGateway, SentryGatewayStatus } from '../../api/sentry-gateway.ts';
import { isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { recordEvent } from '../../kube/event-recorder.ts';
import { typeOf } from '../../kube/resource.ts';
import { statusEvents } from '../../status/events.ts';
import { isSameStatus } from '../../status/same-status.ts';

type Status = SentryGatewayStatus | ExchangeRouteStatus;

interface Written {
  readonly uid: string | undefined;
  readonly status: Status;
}

export interface StatusWriterOptions {
  readonly client: KubeClient;
  readonly clock: { now(): Date };
  readonly log: Logger;
}

/** Remembers what it wrote: that may be newer than what the watch has shown. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #written = new Map<string, Written>();

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** The status that the next one is to be made from. */
  previous<T extends SentryGateway | ExchangeRoute>(object: T): T['status'] | undefined {
    const written = this.#written.get(idOf(object));
    if (written === undefined || written.uid !== object.metadata.uid) return object.status;
    return written.status;
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
      await client.apply(typeOf(object), body, 'status');
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    this.#written.set(idOf(object), { uid, status });
    for (const event of statusEvents(previous, status)) {
      await recordEvent(client, object, event, {
        now: () => clock.now(),
        instance: hostname(),
        onError: (error) => log.warn({ err: error }, 'an event could not be written'),
      });
    }
  }

  /** Forgets objects that are gone. */
  retain(objects: readonly (SentryGateway | ExchangeRoute)[]): void {
    const present = new Set(objects.map(idOf));
    for (const id of this.#written.keys()) if (!present.has(id)) this.#written.delete(id);
  }
}

function idOf({ kind, metadata }: SentryGateway | ExchangeRoute): string {
  return `${kind} ${keyOf(metadata)}`;
}
