// One gateway: phones in, Exchange out. It reads a directory of mounted files, and writes nothing.
//
//     watch the snapshot ──▶ listener (TLS) ──▶ HTTP ──▶ pipeline ──▶ Exchange
//                                 └───────────────┴──────────┴──▶ telemetry, report
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin } from './admin.ts';
import { BUILD } from './build-info.ts';
import type { DecodedSnapshot } from './config/files.ts';
import { watchSnapshots, type WatchEvent } from './config/watcher.ts';
import { Deadlines } from './http/deadlines.ts';
import { HttpServer } from './http/server.ts';
import { Listener } from './listener.ts';
import { connectionLimit } from './listener/open-files.ts';
import type { GatewayOptions } from './options.ts';
import { Pipeline } from './pipeline.ts';
import { logStageFailure } from './pipeline/context.ts';
import type { PhoneConnection } from './pipeline/phone-connection.ts';
import { ServingState } from './serving-state.ts';
import { StepOut } from './step-out.ts';
import type { ProbeAnswer, ProbeQuestion } from './telemetry/probe-messages.ts';
import { startProbes } from './telemetry/probes.ts';
import { Telemetry } from './telemetry/telemetry.ts';

/** Between two requests of a phone, before a route says otherwise. */
const DEFAULT_KEEP_ALIVE_MS = 120_000;
/** Kept of the drain time for closing what is left, so that the process is gone in time. */
const CLOSING_SECONDS = 0.5;
const DRAIN_TICK_MS = 50;

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use by another process',
  EACCES: 'permission denied: ports below 1024 need privileges (CAP_NET_BIND_SERVICE)',
  EADDRNOTAVAIL: 'this machine does not have the address',
};

/** An address cannot be bound: one line that says which and why; `code` is the system's. */
export class GatewayStartError extends Error {
  readonly code: string;

  constructor(where: string, cause: unknown) {
    const { code = 'Error', message } = cause as NodeJS.ErrnoException;
    super(`${where}: ${REASONS[code] ?? message}`, { cause });
    this.code = code;
  }
}

export class Gateway {
  private readonly options: GatewayOptions;
  private readonly telemetry = new Telemetry({ build: BUILD });
  private readonly deadlines = new Deadlines();
  private readonly pipeline = new Pipeline({
    sink: this.telemetry,
    log: this.telemetry.log,
    deadlines: this.deadlines,
    countSignInError: (source, reason) => this.telemetry.metrics.countSignInError(source, reason),
  });
  private readonly phones = new HttpServer<PhoneConnection>({
    deadlines: this.deadlines,
    onInternalError: (error) => logStageFailure(this.telemetry.log, error),
  });
  private readonly listener = new Listener({
    onConnection: (socket, name, client) =>
      this.phones.accept(socket, this.pipeline.handler, this.pipeline.connection(name), client),
    onHandshake: (name, outcome) => this.telemetry.metrics.countHandshake(name, outcome),
    maxConnections: connectionLimit(),
  });
  private readonly state: ServingState;
  private readonly admin: Admin;
  /** Aborted when this gateway steps in again, or goes away. */
  private released = new AbortController();

  constructor(options: GatewayOptions) {
    this.options = options;
    this.state = new ServingState({
      build: BUILD,
      stepOut: new StepOut({ file: options.stepOutFile }),
      onStepOut: (reason) => this.stepOut(reason),
      observe: () => ({ openConnections: this.phones.connections, ...this.pipeline.status() }),
    });
    this.admin = new Admin({ address: options.admin, report: () => this.state.report() });
  }

  /**
   * Serves until `stop` is aborted, then drains and resolves.
   *
   * @throws GatewayStartError when an address cannot be bound.
   */
  async run(stop: AbortSignal): Promise<void> {
    const { snapshot, fallback, metrics } = this.options;
    const probes = await orFail(
      '--metrics',
      startProbes({
        address: metrics,
        answer: (question) => this.probe(question),
        onDied: (error) => {
          throw error;
        },
      }),
    );
    await orFail('--admin', this.admin.start());
    const isServing = (): boolean => this.state.hash !== null;
    for await (const event of watchSnapshots({ directory: snapshot, fallback, isServing, signal: stop })) {
      await this.take(event);
    }
    await Promise.race([this.drain(), this.drainTime()]);
    await Promise.all([probes.close(), this.admin.close()]);
  }

  private async take(event: WatchEvent): Promise<void> {
    if (event.kind === 'accepted') {
      await this.serve(event);
    } else if (event.kind === 'refused') {
      this.refuse(event.hash, event.message);
    } else {
      this.telemetry.metrics.countReload('incomplete');
      this.telemetry.log.warn({ problem: event.message }, 'the snapshot is incomplete');
    }
  }

  private async serve({ decoded, from }: Extract<WatchEvent, { kind: 'accepted' }>): Promise<void> {
    const { hash, generation } = decoded;
    if (hash !== this.state.hash && !(await this.apply(decoded))) return;
    this.state.serve(decoded, from);
    this.telemetry.metrics.countReload('accepted');
    this.telemetry.log.info({ generation, hash, from }, 'the snapshot is served');
  }

  /** Takes a new content into use, all of it or nothing; false when it was refused. */
  private async apply({ snapshot, files, hash }: DecodedSnapshot): Promise<boolean> {
    const { listener, pipeline, phones, admin, telemetry } = this;
    let useAdmin: () => Promise<void>;
    try {
      const useListeners = listener.prepare(snapshot, files);
      useAdmin = admin.prepare(snapshot, files);
      pipeline.apply(snapshot, files);
      useListeners();
    } catch (error) {
      this.refuse(hash, error instanceof Error ? error.message : String(error));
      return false;
    }
    phones.configure({ keepAliveMs: pipeline.keepAliveMs() ?? DEFAULT_KEEP_ALIVE_MS });
    telemetry.configure(snapshot, files);
    await orFail('--admin', useAdmin());
    if (!listener.listening) await this.listen();
    return true;
  }

  private refuse(hash: string, message: string): void {
    this.state.refuse(hash, message);
    this.telemetry.metrics.countReload('refused');
    this.telemetry.log.error(
      { hash, problem: message },
      'the snapshot is refused, the last good one serves on',
    );
  }

  private async listen(): Promise<void> {
    const { address, port } = this.options;
    const bound = await orFail(`${address}:${port}`, this.listener.listen(address, port));
    this.telemetry.log.info({ address: bound.address, port: bound.port }, 'phones can connect');
  }

  private async probe(question: ProbeQuestion): Promise<ProbeAnswer> {
    const { metrics } = this.telemetry;
    if (question === 'metrics') {
      const body = await metrics.render({
        report: await this.state.report(),
        handshakes: this.listener.handshakes,
      });
      return { status: 200, contentType: metrics.contentType, body };
    }
    const reason = await this.state.unready();
    return { status: reason === null ? 200 : 503, contentType: 'text/plain', body: `${reason ?? 'ok'}\n` };
  }

  /** Phones that are here may go where Exchange is in reach: answers close their connections, what waits in vain and polls end. */
  private stepOut(reason: string | null): void {
    const isOut = reason !== null;
    if (isOut) this.telemetry.log.warn({ reason }, 'stepping out');
    else this.telemetry.log.info('stepping in again');
    this.phones.letGo(isOut);
    this.released.abort();
    this.released = new AbortController();
    const seconds = this.state.snapshot?.drain.seconds ?? 0;
    if (isOut) void this.pipeline.release({ seconds, signal: this.released.signal });
  }

  /** Not ready → the endpoints forget this gateway → it stops listening → everything under way ends well, in time. */
  private async drain(): Promise<void> {
    const { snapshot } = this.state;
    const { phones, pipeline, listener, telemetry } = this;
    this.state.drain();
    this.released.abort();
    if (snapshot === null) return;
    const { seconds, propagationSeconds } = snapshot.drain;
    telemetry.log.info({ seconds, propagationSeconds }, 'draining');
    phones.drain();
    await sleep(propagationSeconds * 1000);
    await listener.close();
    const closing = Math.min(CLOSING_SECONDS, seconds / 4);
    const deadline = performance.now() + (seconds - closing) * 1000;
    await pipeline.drain({ seconds: seconds - closing });
    await this.idleConnectionsGone(deadline);
    await pipeline.drain({ seconds: closing / 2 });
    phones.destroy();
    await pipeline.close();
    telemetry.log.info('drained');
  }

  /** The time after which the process is to be gone, whatever is left. */
  private async drainTime(): Promise<void> {
    const { seconds = 0, propagationSeconds = 0 } = this.state.snapshot?.drain ?? {};
    await sleep((seconds + propagationSeconds) * 1000, undefined, { ref: false });
  }

  /** A connection that is closed while it looks idle may have a request on its way: each gets its one more request. */
  private async idleConnectionsGone(deadline: number): Promise<void> {
    while (this.phones.connections > 0 && performance.now() < deadline) await sleep(DRAIN_TICK_MS);
  }
}

async function orFail<T>(where: string, started: Promise<T>): Promise<T> {
  try {
    return await started;
  } catch (error) {
    throw new GatewayStartError(where, error);
  }
}
