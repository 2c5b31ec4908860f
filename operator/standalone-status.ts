// What the gateways of this machine are seen to do, as the status of the objects, and the line that says that one serves.
import { isIPv6 } from 'node:net';
import type { ConditionUpdate } from './api/conditions.ts';
import { mergeConditions } from './api/conditions.ts';
import { keyOf } from './api/meta.ts';
import type { ExchangeRoute } from './api/exchange-route.ts';
import type { SentryGateway } from './api/sentry-gateway.ts';
import type { GatewayObservation } from './infra/host/hosted-gateway.ts';
import { type ObjectWithStatus, StatusFiles } from './infra/host/status-files.ts';
import type { ProvidedResources } from './provider/types.ts';
import type { Key, Translation } from './translate/types.ts';

export interface StandaloneStatusOptions {
  readonly clock: { now(): Date };
  readonly print: (line: string) => void;
}

export class StandaloneStatus {
  readonly #files: StatusFiles;
  readonly #options: StandaloneStatusOptions;
  readonly #announced = new Map<Key, string>();
  #programmed: ReadonlySet<Key> = new Set();
  #objects: readonly ObjectWithStatus[] = [];

  constructor(directory: string, options: StandaloneStatusOptions) {
    this.#files = new StatusFiles(directory);
    this.#options = options;
  }

  get programmed(): ReadonlySet<Key> {
    return this.#programmed;
  }

  async write(
    resources: ProvidedResources,
    translation: Translation,
    observations: readonly GatewayObservation[],
  ) {
    const programmed = new Set<Key>();
    const objects: ObjectWithStatus[] = [];
    for (const gateway of resources.gateways) {
      const key = keyOf(gateway.metadata);
      const seen = observations.find((one) => one.key === key);
      const ok =
        seen?.report?.ready === true &&
        seen.report.snapshot?.hash === seen.wanted?.hash &&
        seen.failure === undefined;
      if (ok) programmed.add(key);
      const conditions: ConditionUpdate[] = [
        ...(translation.gatewayStatuses.get(key)?.conditions ?? []),
        {
          type: 'Programmed',
          status: ok ? 'True' : 'False',
          reason: ok ? 'Programmed' : (seen?.failure?.reason ?? 'Pending'),
          message: seen?.failure?.message ?? '',
        },
      ];
      objects.push({
        ...gateway,
        status: {
          conditions: mergeConditions([], conditions, this.#options.clock.now()),
          clients: translation.gatewayStatuses.get(key)?.clients,
        },
      } as SentryGateway);
      if (ok && seen !== undefined) this.#announce(key, seen);
    }
    for (const route of resources.routes) objects.push(route as ExchangeRoute);
    this.#programmed = programmed;
    this.#objects = objects;
    await this.#files.write(objects);
  }

  #announce(key: Key, { address, port }: GatewayObservation): void {
    const host = isIPv6(address) ? `[${address}]` : address;
    const url = `https://${host}:${port}`;
    if (this.#announced.get(key) === url) return;
    this.#announced.set(key, url);
    this.#options.print(`SentryGateway ${key} programmed: ${url}`);
  }

  async leave(): Promise<void> {
    await this.#files.write(this.#objects);
  }
}
