// The gateway's data path. A request of a phone goes through these steps, each of which is a file in pipeline/:
//
//     accept              here: gateway/http has read a head
//     parse               parse.ts              method, path, query → what is asked for
//     identify            admission.ts          Authorization, query → whose request it is
//     admit or answer     admission.ts          own-answers.ts, acceptance.ts, throttle.ts
//     pick route          served-snapshot.ts
//     pick server         delivery.ts           route-servers.ts: health, priority, balance, limits, replay; redirects.ts
//     stream both ways    phone-request.ts      poll.ts, forwarding-headers.ts, response-transforms.ts
//     account             accounting.ts
//
// Requests that are no ActiveSync (OAuth, Autodiscover) are read whole and answered by plain functions: plain-exchange.ts.
import { TokenReader } from './access/token.ts';
import type { GatewayReport } from './config/report.ts';
import type { Snapshot, SnapshotFiles } from './config/snapshot.ts';
import { ACTIVESYNC_PATH } from './eas/path.ts';
import type { Clock, Deadlines } from './http/deadlines.ts';
import type { RequestError } from './http/errors.ts';
import type {
  RequestHandler,
  RequestHead,
  RequestSink,
  ServerConnectionInfo,
  ServerExchange,
} from './http/exchange.ts';
import { AddressLimit } from './listener/address-limit.ts';
import { refusedRecord } from './pipeline/accounting.ts';
import { admit, refuse } from './pipeline/admission.ts';
import { logStageFailure, type PipelineContext, type PipelineLog } from './pipeline/context.ts';
import { DeviceCensus } from './pipeline/device-census.ts';
import { FailedRequest } from './pipeline/failed-request.ts';
import { type DrainOptions, OpenRequests, type ReleaseOptions } from './pipeline/open-requests.ts';
import { STAGE_FAILED } from './pipeline/own-answers.ts';
import { type Admission, PhoneConnection } from './pipeline/phone-connection.ts';
import { PhoneRequest } from './pipeline/phone-request.ts';
import { PlainExchange } from './pipeline/plain-exchange.ts';
import {
  noteDiagnostics,
  RESPONSE_TRANSFORMS,
  type ResponseTransform,
} from './pipeline/response-transforms.ts';
import { Redirects } from './pipeline/redirects.ts';
import { newTraffic, type RouteTraffic } from './pipeline/route-servers.ts';
import {
  compileSnapshot,
  learntServers,
  type ServedRoute,
  type ServedSnapshot,
} from './pipeline/served-snapshot.ts';
import { Throttle } from './pipeline/throttle.ts';
import { Diagnoses, type DiagnosesOptions } from './telemetry/diagnoses.ts';
import { VersionCensus } from './pipeline/version-census.ts';
import type { RequestSink as RecordSink } from './telemetry/request-record.ts';
import type { Endpoint } from './upstream/endpoint.ts';
import { Endpoints } from './upstream/endpoints.ts';
import type { HealthSettings } from './upstream/health.ts';
import type { NameSource } from './upstream/names/addresses.ts';
import { NameSources } from './upstream/names/name-sources.ts';
import type { ProbeSettings } from './upstream/probe.ts';
import { Resolver } from './upstream/resolver.ts';

export interface PipelineOptions {
  /** Is told of every finished request. */
  readonly sink: RecordSink;
  /** For rare events: a server that fails or returns, a stage that threw. */
  readonly log: PipelineLog;
  /** Shared with the server of the phones' connections. */
  readonly deadlines: Deadlines;
  /** Ms since 1970: tokens expire by it. Default: the system's. */
  readonly wallClock?: Clock;
  /** Where the names of servers are looked up; default: as this machine does. */
  readonly names?: NameSource;
  readonly probes?: Partial<Omit<ProbeSettings, 'path'>>;
  readonly health?: Partial<HealthSettings>;
  readonly responseTransforms?: readonly ResponseTransform[];
  /** Is told of every sign-in that the identity provider or Exchange refused. */
  readonly countSignInError?: DiagnosesOptions['count'];
}

/** What the operator and the metrics ask a pipeline for. */
export type PipelineStatus = Pick<
  GatewayReport,
  'openPolls' | 'devicesSeen' | 'devicesByVersion' | 'servers' | 'waitingRequests' | 'redirects'
>;

/** Where a route says nothing else. */
export const PROBES: ProbeSettings = {
  path: ACTIVESYNC_PATH,
  intervalMs: 10_000,
  firstWithinMs: 1_000,
  unhealthyIntervalMs: 2_000,
  timeoutMs: 5_000,
};
/** Behind a NAT there are many. */
const MAX_UNACCEPTED_PER_ADDRESS = 20_000;

export class Pipeline implements RequestHandler<PhoneConnection>, PipelineContext {
  readonly clock: Clock;
  readonly sink: RecordSink;
  readonly log: PipelineLog;
  readonly open: OpenRequests;
  readonly census = new DeviceCensus();
  readonly versions = new VersionCensus();
  readonly unaccepted = new AddressLimit(MAX_UNACCEPTED_PER_ADDRESS);
  readonly throttle: Throttle;
  readonly redirects: Redirects;
  readonly responseTransforms: readonly ResponseTransform[];
  private readonly wallClock: Clock;
  private readonly tokens = new TokenReader();
  private readonly deadlines: Deadlines;
  private readonly diagnoses: Diagnoses;
  private readonly resolver: Resolver;
  private readonly endpoints: Endpoints;
  private traffic: ReadonlyMap<string, RouteTraffic> = new Map();
  private served: ServedSnapshot | undefined;

  constructor(options: PipelineOptions) {
    const { deadlines } = options;
    this.deadlines = deadlines;
    this.clock = deadlines.clock;
    this.wallClock = options.wallClock ?? { now: () => Date.now() };
    this.sink = options.sink;
    this.log = options.log;
    this.open = new OpenRequests(deadlines.clock);
    this.throttle = new Throttle({ clock: this.clock, wallClock: this.wallClock });
    this.redirects = new Redirects({
      clock: this.clock,
      users: this.throttle.users,
      open: (target) => this.endpoints.open(target),
    });
    const { log, countSignInError: count = () => {} } = options;
    this.diagnoses = new Diagnoses({ log, clock: this.clock, count });
    this.responseTransforms = options.responseTransforms ?? [
      ...RESPONSE_TRANSFORMS,
      noteDiagnostics(this.diagnoses),
    ];
    const { clock } = deadlines;
    this.resolver = new Resolver({ clock, source: options.names ?? new NameSources({ clock }) });
    this.endpoints = new Endpoints({
      deadlines,
      names: this.resolver,
      probes: { ...PROBES, ...options.probes },
      ...(options.health !== undefined && { health: options.health }),
      onChange: (endpoint) => this.logHealth(endpoint),
      onInternalError: (error) => logStageFailure(this.log, error),
    });
  }

  /**
   * Serves this snapshot from the next request on. Connections, pools and the health of servers that it names again are kept.
   * @throws SnapshotUnusableError, and then nothing has changed.
   */
  apply(snapshot: Snapshot, files: SnapshotFiles): void {
    const change = this.endpoints.change(snapshot.routes.flatMap(({ servers }) => servers).length);
    const before = this.served;
    try {
      this.served = compileSnapshot({ snapshot, files }, (before?.generation ?? 0) + 1, change, {
        oauth: {
          clock: this.clock,
          lookup: this.resolver.lookup,
          onUnreachable: (route, code) =>
            this.log.warn({ route, code }, 'an identity provider did not answer'),
          onErrorAnswer: (route, answer) => this.diagnoses.identityProviderRefused(route, answer),
        },
        wallClock: this.wallClock,
        learntServers: learntServers(before?.routes ?? []),
        trafficOf: (key) => this.traffic.get(key) ?? newTraffic(this.deadlines),
      });
    } catch (error) {
      change.discard();
      throw error;
    }
    change.commit();
    this.letIn(this.served.routes);
    this.unaccepted.limit = snapshot.limits?.maxUnacceptedRequestsPerAddress ?? MAX_UNACCEPTED_PER_ADDRESS;
    before?.oauth
      .close()
      .catch((error: unknown) => this.log.warn({ error }, 'closing old token clients failed'));
  }

  /** How long a connection may stay idle between two requests, in ms. */
  keepAliveMs(): number | undefined {
    return this.served?.keepAliveMs;
  }

  /** What gateway/http is to be given with each socket that this listener accepted. */
  connection(listener: string): PhoneConnection {
    return new PhoneConnection(listener, this.tokens);
  }

  /** What gateway/http calls for each request. */
  get handler(): RequestHandler<PhoneConnection> {
    return this;
  }

  onRequest(exchange: ServerExchange<PhoneConnection>): RequestSink {
    try {
      return this.take(exchange);
    } catch (error) {
      return new FailedRequest(this, exchange, error).start();
    }
  }

  private take(exchange: ServerExchange<PhoneConnection>): RequestSink {
    const { request, connection } = exchange;
    const service = this.served?.services.of(connection.context.listener, request.target);
    if (service !== undefined) return new PlainExchange(this, exchange, service).start();
    return new PhoneRequest(this, exchange, this.judge(request, connection.context)).start();
  }

  onRefused(error: RequestError, connection: ServerConnectionInfo<PhoneConnection>): void {
    if (error.code === 'Aborted' || error.code === 'HeadTimeout') return;
    this.sink.requestFinished(refusedRecord(error, connection.context.listener, connection.remoteAddress));
  }

  admit(request: RequestHead, connection: PhoneConnection): Admission {
    return admit(request, connection, this.served, this.wallClock);
  }

  get generation(): number {
    return this.served?.generation ?? 0;
  }

  status(): PipelineStatus {
    return {
      openPolls: this.open.polls,
      devicesSeen: this.census.count(),
      devicesByVersion: this.versions.counts(),
      servers: this.servers(),
      waitingRequests: this.waiting(),
      redirects: this.redirects.learnt.counts(this.clock.now()),
    };
  }

  /** See {@link OpenRequests.drain}. */
  drain(options: DrainOptions): Promise<void> {
    return this.open.drain(options);
  }

  /** See {@link OpenRequests.release}. */
  release(options: ReleaseOptions): Promise<void> {
    return this.open.release(options);
  }

  /** Ends probes and pools; requests under way keep their connections until they are answered. */
  async close(): Promise<void> {
    this.endpoints.close();
    await this.served?.oauth.close();
  }

  private judge(request: RequestHead, connection: PhoneConnection): Admission {
    try {
      return this.admit(request, connection);
    } catch (error) {
      logStageFailure(this.log, error);
      return refuse(request, STAGE_FAILED);
    }
  }

  /** Requests that wait are served by what these routes say. */
  private letIn(routes: readonly ServedRoute[]): void {
    const before = this.traffic;
    this.traffic = new Map(routes.map(({ key, traffic }) => [key, traffic]));
    for (const { traffic, servers } of routes) traffic.waiting.changed(servers);
    for (const [key, { waiting }] of before) if (!this.traffic.has(key)) waiting.changed([]);
  }

  /** Requests that wait until a server has room. */
  private waiting(): number {
    let sum = 0;
    for (const { waiting } of this.traffic.values()) sum += waiting.size;
    return sum;
  }

  private servers(): GatewayReport['servers'] {
    return (this.served?.routes ?? []).flatMap(({ key, servers }) =>
      servers.map(({ name, endpoint: { health, pool } }) => ({
        route: key,
        server: name,
        healthy: health.state === 'Healthy',
        reachable: health.state !== 'Down',
        since: health.since.toISOString(),
        lastError: health.lastError,
        failures: health.failureCount,
        connections: pool.active,
      })),
    );
  }

  private logHealth({ target, health }: Endpoint): void {
    const event = { server: target.url, state: health.state, error: health.lastError };
    if (health.state === 'Healthy') this.log.info(event, 'a server is healthy again');
    else this.log.warn(event, 'a server is not healthy');
  }
}
