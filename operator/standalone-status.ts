// Turns what the processes of this machine are seen to do into the status of the objects, and says which gateways serve.
import { isIPv6 } from 'node:net';
import type { Logger } from 'pino';
import type { ExchangeRoute } from './api/exchange-route.ts';
import { keyOf } from './api/meta.ts';
import type { SentryGateway } from './api/sentry-gateway.ts';
import type { GatewayObservation } from './infra/host/hosted-gateway.ts';
import { type ObjectWithStatus, StatusFiles } from './infra/host/status-files.ts';
import type { ProvidedResources } from './provider/types.ts';
import { statusEvents } from './status/events.ts';
import { gatewayStatus } from './status/gateway-status.ts';
import type { GatewayObservations, Obstacle } from './status/observations.ts';
import { routeStatus } from './status/route-status.ts';
import { SnapshotHistory } from './status/snapshot-history.ts';
import type { Key, Translation } from './translate/types.ts';

/** What every gateway is at first, and no news. */
const STARTING = 'NoReadyGateway';

export interface StandaloneStatusOptions {
  /** Where phones connect. */
  readonly address: string;
  readonly clock: { now(): Date };
  readonly log: Logger;
  readonly print: (line: string) => void;
}

/** What a status is made of. */
export interface Seen {
  readonly resources: ProvidedResources;
  readonly translation: Translation;
  readonly observations: readonly GatewayObservation[];
}

export class StandaloneStatus {
  readonly #files: StatusFiles;
  readonly #options: StandaloneStatusOptions;
  readonly #histories = new Map<Key, SnapshotHistory>();
  /** URLs that were printed. */
  readonly #announced = new Map<Key, string>();
  #objects: ReadonlyMap<string, ObjectWithStatus> = new Map();

  constructor(directory: string, options: StandaloneStatusOptions) {
    this.#files = new StatusFiles(directory);
    this.#options = options;
  }

  /** The gateways that were seen to serve what they are to serve, when the status was last written. */
  get programmed(): ReadonlySet<Key> {
    const gateways = [...this.#objects.values()].filter((object) => object.kind === 'SentryGateway');
    return new Set(gateways.filter(isProgrammed).map(({ metadata }) => keyOf(metadata)));
  }

  /** Writes the status of every object, and prints a line for each gateway that serves at a new place. */
  async write(seen: Seen): Promise<void> {
    await this.#write(seen, (observation) => this.#observationsOf(observation));
    for (const key of this.#announced.keys()) {
      if (!seen.translation.gatewayStatuses.has(key)) this.#announced.delete(key);
    }
    const { programmed } = this;
    for (const { key, port } of seen.observations) if (programmed.has(key)) this.#announce(key, port);
  }

  /** Writes that nothing runs any more. */
  async leave(seen: Seen): Promise<void> {
    const notRunning = { reason: 'NotRunning', message: 'the standalone process has ended' } as const;
    await this.#write(seen, (observation) => {
      const observations = this.#observationsOf(observation);
      return { ...observations, pods: [], obstacle: observations.obstacle ?? notRunning };
    });
  }

  async #write(seen: Seen, judge: (observation: GatewayObservation) => GatewayObservations): Promise<void> {
    const { resources, translation } = seen;
    const observations = new Map(
      seen.observations.map((observation) => [observation.key, judge(observation)]),
    );
    const now = this.#options.clock.now();
    const objects = [
      ...resources.gateways.map((gateway) => this.#gateway(gateway, translation, observations, now)),
      ...resources.routes.map((route) => this.#route(route, translation, observations, now)),
    ].filter((object) => object !== undefined);
    for (const object of objects) this.#tell(object);
    this.#objects = new Map(objects.map((object) => [idOf(object), object]));
    await this.#files.write(objects);
  }

  #gateway(
    gateway: SentryGateway,
    { gatewayStatuses }: Translation,
    observations: ReadonlyMap<Key, GatewayObservations>,
    now: Date,
  ): SentryGateway | undefined {
    const key = keyOf(gateway.metadata);
    const verdict = gatewayStatuses.get(key);
    const observed = observations.get(key);
    if (verdict === undefined || observed === undefined) return undefined;
    const before = this.#objects.get(idOf(gateway)) as SentryGateway | undefined;
    return { ...gateway, status: gatewayStatus(verdict, observed, before?.status, now) };
  }

  #route(
    route: ExchangeRoute,
    { routeStatuses }: Translation,
    observations: ReadonlyMap<Key, GatewayObservations>,
    now: Date,
  ): ExchangeRoute | undefined {
    const key = keyOf(route.metadata);
    const verdict = routeStatuses.get(key);
    if (verdict === undefined) return undefined;
    const before = this.#objects.get(idOf(route)) as ExchangeRoute | undefined;
    return { ...route, status: routeStatus({ key, verdict, observations }, before?.status, now) };
  }

  #observationsOf(observation: GatewayObservation): GatewayObservations {
    const { key, wanted, report, port } = observation;
    const history = this.#histories.get(key) ?? new SnapshotHistory();
    this.#histories.set(key, history);
    if (wanted !== undefined) history.add(wanted.hash, wanted.snapshot);
    history.retain([wanted?.hash, report?.snapshot?.hash].filter((hash) => hash !== undefined));
    const error = observation.failure?.message;
    const pod = { name: key, ready: report?.ready === true, report, error };
    return {
      wanted: wanted && { hash: wanted.hash, generation: wanted.generation },
      pods: port === undefined ? [] : [pod],
      addresses: [this.#options.address],
      obstacle: obstacleOf(observation),
      history,
    };
  }

  /** What `kubectl describe` would show as events. */
  #tell(object: ObjectWithStatus): void {
    const before = this.#objects.get(idOf(object));
    if (object.status === undefined) return;
    for (const { type, reason, message } of statusEvents(before?.status, object.status)) {
      if (before === undefined && reason === STARTING) continue;
      this.#options.log[type === 'Normal' ? 'info' : 'warn']({ reason }, `${idOf(object)}: ${message}`);
    }
  }

  #announce(key: Key, port: number | undefined): void {
    const { address, print } = this.#options;
    const url = `https://${isIPv6(address) ? `[${address}]` : address}:${port}`;
    if (this.#announced.get(key) === url) return;
    this.#announced.set(key, url);
    print(`SentryGateway ${key} programmed: ${url}`);
  }
}

function obstacleOf({ failure, tooLarge }: GatewayObservation): Obstacle | undefined {
  if (failure !== undefined && failure.reason !== 'Died') {
    return { reason: 'PortUnavailable', message: failure.message };
  }
  return tooLarge === undefined ? undefined : { reason: 'SnapshotTooLarge', message: tooLarge };
}

function isProgrammed({ status }: ObjectWithStatus): boolean {
  return status?.conditions?.some(({ type, status }) => type === 'Programmed' && status === 'True') === true;
}

function idOf({ kind, metadata }: ObjectWithStatus): string {
  return `${kind} ${keyOf(metadata)}`;
}
