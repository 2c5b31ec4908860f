// One server as the gateway reaches it: its connections, its health and the probes that find out about it.
import type { SecureContext } from 'node:tls';
import type { Deadlined, Deadlines } from '../http/deadlines.ts';
import type { UpstreamError } from '../http/errors.ts';
import type { ResponseHead, ResponseSink, UpstreamExchange, UpstreamRequest } from '../http/exchange.ts';
import { HeaderList } from '../http/headers.ts';
import { type NameLookup, UpstreamPool } from '../http/upstream-pool.ts';
import { type HealthChanges, type HealthSettings, ServerHealth } from './health.ts';
import { describeError, observeError } from './observation.ts';
import type { WaitingRequests } from './waiting-requests.ts';

/** What tells one endpoint from another: two routes with equal values share connections and health. */
export interface EndpointTarget {
  /** `https://host[:port]`, or `http://` on loopback. */
  readonly url: string;
  /** PEM of the authorities that are trusted instead of the system's. */
  readonly ca: Buffer | undefined;
  /** SNI and the name in the certificate, where it is not the URL's host. */
  readonly serverName: string | undefined;
  readonly connectTimeoutMs: number;
  readonly inactivityMs: number;
  /** In place of the gateway's own settings. */
  readonly probes?: Partial<ProbeSettings>;
  readonly health?: Partial<HealthSettings>;
}

/**
 * - `Options`: OPTIONS on the path of ActiveSync; any answer below 500 is a sign of life.
 * - `HealthCheckPage`: GET of healthcheck.htm; 200 while the protocol is in service.
 * - `EmptyBearer`: OPTIONS with an empty Bearer token, for Exchange Online; 401 is a sign of life.
 */
export type ProbeType = 'Options' | 'HealthCheckPage' | 'EmptyBearer';

export interface ProbeSettings {
  /** Default: Options. */
  readonly type?: ProbeType;
  /** Path of the OPTIONS request. */
  readonly path: string;
  readonly intervalMs: number;
  /** The first one comes within this time. */
  readonly firstWithinMs: number;
  /** While the server is not healthy, or under suspicion. */
  readonly unhealthyIntervalMs: number;
  readonly timeoutMs: number;
}

export interface EndpointOptions {
  readonly target: EndpointTarget;
  /** Trusts `target.ca`. */
  readonly secureContext: SecureContext;
  readonly deadlines: Deadlines;
  readonly names?: NameLookup;
  /** Of `makeReadBuffer`. */
  readonly readBuffer: Buffer;
  readonly probes: ProbeSettings;
  readonly health?: Partial<HealthSettings>;
  /** Is told of each change of the state. */
  readonly changes: HealthChanges;
  readonly onChange?: (endpoint: Endpoint) => void;
  readonly onInternalError?: (error: unknown) => void;
}

const MAX_PROBE_BYTES = 65_536;
/** Pooled connections that a restarted server no longer knows say nothing about its health. */
const MAX_STALE_CONNECTIONS = 3;

/** A server with its pool, probed from construction until `close()`. */
export class Endpoint implements Deadlined {
  readonly target: EndpointTarget;
  readonly pool: UpstreamPool;
  readonly health: ServerHealth;
  deadline: number;
  private readonly deadlines: Deadlines;
  private readonly probes: ProbeSettings;
  private probe: Probe | undefined;
  /** Requests that wait until this server has room. */
  private readonly awaiting = new Set<WaitingRequests>();
  private isRoomMade = false;

  constructor(options: EndpointOptions) {
    const { target, deadlines, changes, onChange, onInternalError } = options;
    this.target = target;
    this.deadlines = deadlines;
    this.probes = options.probes;
    this.pool = new UpstreamPool({
      deadlines,
      readBuffer: options.readBuffer,
      url: target.url,
      ...(options.names !== undefined && { names: options.names }),
      tls: {
        secureContext: options.secureContext,
        ...(target.serverName !== undefined && { servername: target.serverName }),
      },
      connectTimeoutMs: target.connectTimeoutMs,
      inactivityMs: target.inactivityMs,
      onRoom: () => this.makeRoom(),
      ...(onInternalError !== undefined && { onInternalError }),
    });
    this.health = new ServerHealth({
      clock: deadlines.clock,
      settings: { ...options.health, ...target.health },
      onChange: () => {
        changes.count++;
        this.makeRoom();
        this.probeAfter(this.probes.unhealthyIntervalMs);
        onChange?.(this);
      },
    });
    this.deadline = deadlines.clock.now() + Math.random() * this.probes.firstWithinMs;
    deadlines.add(this);
  }

  /** A request failed here. Where that makes the server suspect, it is probed at once. */
  requestFailed(error: UpstreamError): void {
    observeError(this.health, error);
    if (this.health.suspected && this.probe === undefined) this.deadline = this.deadlines.clock.now();
  }

  /** Tells these whenever a request less is under way, or the server's health has changed, until `awaitRoomNoMore`. */
  awaitRoom(requests: WaitingRequests): void {
    this.awaiting.add(requests);
  }

  awaitRoomNoMore(requests: WaitingRequests): void {
    this.awaiting.delete(requests);
  }

  onDeadline(now: number): void {
    this.deadline = now + this.probes.intervalMs;
    this.probe ??= new Probe(this.pool, this.probes, (error) => this.probed(error));
  }

  /** Idle connections end at once, those with a request after their answer. */
  close(): void {
    this.deadlines.remove(this);
    this.probe?.abort();
    this.pool.close();
  }

  /** In the next turn: the connection that has become free is still busy with its last event. */
  private makeRoom(): void {
    if (this.isRoomMade || this.awaiting.size === 0) return;
    this.isRoomMade = true;
    process.nextTick(() => {
      this.isRoomMade = false;
      for (const requests of this.awaiting) requests.roomMade();
    });
  }

  private probed(error: string | undefined): void {
    this.probe = undefined;
    if (error === undefined) this.health.probeSucceeded();
    else this.health.probeFailed(error);
    const calm = this.health.state === 'Healthy' && error === undefined;
    this.probeAfter(calm ? this.probes.intervalMs : this.probes.unhealthyIntervalMs);
  }

  private probeAfter(milliseconds: number): void {
    this.deadline = this.deadlines.clock.now() + milliseconds * (0.8 + 0.4 * Math.random());
  }
}

/** One OPTIONS request. Any answer below 500 is a sign of life: Exchange asks for credentials with a 401. */
class Probe implements ResponseSink {
  private readonly pool: UpstreamPool;
  private readonly request: UpstreamRequest;
  private readonly done: (error: string | undefined) => void;
  private exchange: UpstreamExchange;
  private bytes = 0;
  private attempts = 0;
  private finished = false;

  /** `done` gets what is wrong with the server, or undefined; in a later turn. */
  constructor(pool: UpstreamPool, settings: ProbeSettings, done: (error: string | undefined) => void) {
    this.pool = pool;
    this.done = done;
    this.request = {
      method: 'OPTIONS',
      target: settings.path,
      host: pool.authority,
      headers: HeaderList.of(['User-Agent', 'sentry-gateway-probe']),
      body: 0,
      hasContentLength: false,
      firstByteTimeoutMs: settings.timeoutMs,
    };
    this.exchange = this.send();
  }

  onHead(head: ResponseHead): void {
    this.finish(head.status < 500 ? undefined : `The probe was answered by ${head.status}`);
  }

  onData(bytes: Buffer): void {
    this.bytes += bytes.length;
    if (this.bytes > MAX_PROBE_BYTES) this.abort();
  }

  onEnd(): void {}

  onDrain(): void {}

  onError(error: UpstreamError): void {
    if (error.reused && !this.finished && this.attempts < MAX_STALE_CONNECTIONS) this.exchange = this.send();
    else this.finish(describeError(error));
  }

  abort(): void {
    this.finished = true;
    this.exchange.abort();
  }

  private send(): UpstreamExchange {
    this.attempts++;
    const exchange = this.pool.send(this.request, this);
    exchange.end();
    return exchange;
  }

  private finish(error: string | undefined): void {
    if (this.finished) return;
    this.finished = true;
    this.done(error);
  }
}
