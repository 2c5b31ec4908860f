// One gateway process with its snapshot directories and sockets, and what it reports.
import { fileURLToPath } from 'node:url';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { wait } from '../../kube/backoff.ts';
import { type GatewayReport, gatewayReportSchema } from '../../../gateway/config/report.ts';
import { GatewayProcess, type ProcessFailure } from './gateway-process.ts';
import { recordProcess } from './leftovers.ts';
import { type SocketAnswer, SocketClient } from './unix-socket.ts';

const GATEWAY_MAIN = fileURLToPath(new URL('../../../gateway/main.ts', import.meta.url));
/** While something is awaited (a start, a new snapshot), and else. */
const ASK_SOON_MS = 50;
const ASK_LATER_MS = 1_000;
/** What a process may take beyond its drain time. */
const DRAIN_GRACE_MS = 5_000;

export interface GatewayInstanceOptions {
  /** Holds `admin.sock` and `metrics.sock`; this instance's alone. */
  readonly runDirectory: string;
  readonly snapshotDirectory: string;
  readonly fallbackDirectory: string;
  readonly address: string;
  readonly port: number;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Logger;
  /** Called when its process started or died, and when what it reports of itself and the servers changed. */
  readonly onChange: () => void;
}

export class GatewayInstance {
  readonly port: number;
  readonly #options: GatewayInstanceOptions;
  readonly #process: GatewayProcess;
  readonly #admin: SocketClient;
  readonly #metrics: SocketClient;
  readonly #ended = new AbortController();
  readonly #asking: Promise<void>;
  #wake = new AbortController();
  #report: GatewayReport | undefined;
  #awaitedHash: string | undefined;

  private constructor(options: GatewayInstanceOptions, admin: SocketClient, metrics: SocketClient) {
    this.port = options.port;
    this.#options = options;
    this.#admin = admin;
    this.#metrics = metrics;
    this.#process = new GatewayProcess({
      arguments: processArguments(options),
      directory: options.runDirectory,
      environment: options.environment,
      endpoint: `${options.address}:${options.port}`,
      log: options.log,
      prepare: () => this.#prepare(),
      onChange: () => this.#processChanged(),
    });
    this.#asking = this.#ask();
  }

  /** Starts the process; its snapshot need not be written yet. */
  static async start(options: GatewayInstanceOptions): Promise<GatewayInstance> {
    await mkdir(options.runDirectory, { recursive: true, mode: 0o700 });
    const admin = await SocketClient.open(options.runDirectory, 'admin.sock');
    const metrics = await SocketClient.open(options.runDirectory, 'metrics.sock');
    return new GatewayInstance(options, admin, metrics);
  }

  /** The last report of the process that runs; undefined until it made one. */
  get report(): GatewayReport | undefined {
    return this.#report;
  }

  get failure(): ProcessFailure | undefined {
    return this.#process.failure;
  }

  get restarts(): number {
    return this.#process.restarts;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Ask often until the process serves, or has refused, the snapshot of this hash. */
  await(hash: string): void {
    this.#awaitedHash = hash;
    this.#wake.abort();
  }

  /** GET /metrics, /healthz or /readyz of the process. Rejects when it does not answer. */
  async probe(path: string, signal: AbortSignal): Promise<SocketAnswer> {
    return await this.#metrics.get(path, signal);
  }

  /** Drains the process within `drainSeconds` and resolves when it has ended. */
  async stop(drainSeconds: number): Promise<void> {
    await this.#process.stop(drainSeconds * 1_000 + DRAIN_GRACE_MS);
    this.#ended.abort();
    this.#wake.abort();
    await this.#asking;
    await this.#admin[Symbol.asyncDispose]();
    await this.#metrics[Symbol.asyncDispose]();
    await rm(this.#options.runDirectory, { recursive: true, force: true });
  }

  /** Ends the process at once. `stop` must have been called. */
  kill(): void {
    this.#process.kill();
  }

  /** A process that was killed leaves its sockets behind, and the next could not bind them. */
  async #prepare(): Promise<void> {
    const { runDirectory } = this.#options;
    await mkdir(runDirectory, { recursive: true, mode: 0o700 });
    await rm(join(runDirectory, 'admin.sock'), { force: true });
    await rm(join(runDirectory, 'metrics.sock'), { force: true });
  }

  #processChanged(): void {
    const { pid } = this.#process;
    if (pid === undefined) this.#report = undefined;
    else void this.#record(pid);
    this.#wake.abort();
    this.#options.onChange();
  }

  async #record(pid: number): Promise<void> {
    try {
      await recordProcess(this.#options.runDirectory, pid);
    } catch (error) {
      this.#options.log.warn({ error }, 'the id of the gateway process could not be noted');
    }
  }

  async #ask(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      await this.#askOnce();
      const pause = this.#isSettled() ? ASK_LATER_MS : ASK_SOON_MS;
      await wait(pause, this.#wake.signal);
      this.#wake = new AbortController();
    }
  }

  async #askOnce(): Promise<void> {
    const { pid } = this.#process;
    if (pid === undefined) return;
    const report = await this.#readReport();
    if (this.#process.pid !== pid) return;
    const changed = judged(report) !== judged(this.#report);
    this.#report = report;
    if (report?.ready === true) this.#process.served();
    if (changed) this.#options.onChange();
  }

  async #readReport(): Promise<GatewayReport | undefined> {
    try {
      const { status, text } = await this.#admin.get('/report', this.#ended.signal);
      return status === 200 ? gatewayReportSchema.parse(JSON.parse(text)) : undefined;
    } catch {
      return undefined;
    }
  }

  #isSettled(): boolean {
    const { snapshot, refused, ready } = this.#report ?? {};
    if (refused?.hash === this.#awaitedHash && refused !== undefined) return true;
    return ready === true && snapshot?.hash === this.#awaitedHash;
  }
}

/** What a status is made of: counts of what is open change all the time and mean nothing for it. */
function judged(report: GatewayReport | undefined): string {
  if (report === undefined) return '';
  const { ready, draining, snapshot, refused, servers, redirects } = report;
  return JSON.stringify([ready, draining, snapshot, refused, servers, redirects]);
}

/** Sockets are named relative to the working directory, because the path of a Unix socket is short of room. */
function processArguments(options: GatewayInstanceOptions): string[] {
  const flags = {
    snapshot: options.snapshotDirectory,
    fallback: options.fallbackDirectory,
    address: options.address,
    port: String(options.port),
    metrics: 'unix:metrics.sock',
    admin: 'unix:admin.sock',
  };
  return [GATEWAY_MAIN, ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])];
}
