// One server as the gateway reaches it: its connections, its health and the probes that find out about it.
import type { SecureContext } from 'node:tls';
import type { Deadlined, Deadlines } from '../http/deadlines.ts';
import { UpstreamError } from '../http/errors.ts';
import { throwOutside } from '../http/internal-error.ts';
import { type NameLookup, UpstreamPool } from '../http/upstream-pool.ts';
import { type HealthChanges, type HealthSettings, ServerHealth } from './health.ts';
import { errorWords } from './error-words.ts';
import { observeError } from './observation.ts';
import { lookAtCertificate } from './peer-certificate.ts';
import { Probe, type ProbeResult, type ProbeSettings } from './probe.ts';
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

/** A server with its pool, probed from construction until `close()`. */
export class Endpoint implements Deadlined {
  readonly target: EndpointTarget;
  readonly pool: UpstreamPool;
  readonly health: ServerHealth;
  deadline: number;
  private readonly deadlines: Deadlines;
  private readonly probes: ProbeSettings;
  private readonly names: NameLookup | undefined;
  private readonly onInternalError: (error: unknown) => void;
  private probe: Probe | undefined;
  /** A probe is under way, or what came of it is being judged. */
  private isProbed = false;
  private closed = false;
  /** Requests that wait until this server has room. */
  private readonly awaiting = new Set<WaitingRequests>();
  private isRoomMade = false;

  constructor(options: EndpointOptions) {
    const { target, deadlines, changes, onChange, onInternalError } = options;
    this.target = target;
    this.deadlines = deadlines;
    this.names = options.names;
    this.onInternalError = onInternalError ?? throwOutside;
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
    observeError(this.health, error, errorWords(error, this.target));
    if (this.health.suspected && !this.isProbed) this.deadline = this.deadlines.clock.now();
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
    if (this.isProbed) return;
    this.isProbed = true;
    this.probe = new Probe(this.pool, this.probes, (result) => {
      this.judge(result).catch((error: unknown) => this.onInternalError(error));
    });
  }

  /** Idle connections end at once, those with a request after their answer. */
  close(): void {
    this.deadlines.remove(this);
    this.closed = true;
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

  private async judge(result: ProbeResult): Promise<void> {
    const error = result instanceof UpstreamError ? await this.wordsOf(result) : result;
    if (this.closed) return;
    this.isProbed = false;
    this.probe = undefined;
    if (error === undefined) this.health.probeSucceeded();
    else this.health.probeFailed(error);
    const calm = this.health.state === 'Healthy' && error === undefined;
    this.probeAfter(calm ? this.probes.intervalMs : this.probes.unhealthyIntervalMs);
  }

  private probeAfter(milliseconds: number): void {
    this.deadline = this.deadlines.clock.now() + milliseconds * (0.8 + 0.4 * Math.random());
  }

  /** A certificate that was refused is looked at, for words that say more. */
  private async wordsOf(error: UpstreamError): Promise<string> {
    const { target, names, pool } = this;
    if (error.code !== 'CertificateRefused') return errorWords(error, target);
    const certificate = await lookAtCertificate({
      host: pool.host,
      port: pool.port,
      servername: target.serverName ?? pool.host,
      ...(names !== undefined && { lookup: names.lookup }),
      timeoutMs: target.connectTimeoutMs,
    });
    return errorWords(error, target, certificate);
  }
}
