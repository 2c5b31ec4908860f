// One gateway as a child process: started, restarted with back-off when it dies, drained when it is no longer wanted.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Logger } from 'pino';
import { backoffMs, wait } from '../../kube/backoff.ts';

/** Why the process does not run. */
export interface ProcessFailure {
  /** `PortInUse` and `PortForbidden` are the user's to mend; `Died` is everything else. */
  readonly reason: 'PortInUse' | 'PortForbidden' | 'Died';
  /** What it is and what to do. */
  readonly message: string;
}

export interface GatewayProcessOptions {
  /** What runs: the arguments of Node. */
  readonly arguments: readonly string[];
  /** The working directory: its Unix sockets are named relative to it. */
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  /** `address:port` of the phones, for messages. */
  readonly endpoint: string;
  readonly log: Logger;
  /** Called before each start. */
  readonly prepare: () => Promise<void>;
  /** Called when a process was started, and when it died. */
  readonly onChange: () => void;
}

/** Exit codes of `gateway/main.ts`. */
const EXIT_PORT_IN_USE = 3;
const EXIT_PORT_FORBIDDEN = 4;

const BACKOFF = { baseMs: 100, capMs: 10_000 };
/** A process that ran this long was well: the next failure is the first again. */
const HEALTHY_AFTER_MS = 60_000;

export class GatewayProcess {
  readonly #options: GatewayProcessOptions;
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  #child: ChildProcess | undefined;
  #failure: ProcessFailure | undefined;
  #restarts = 0;

  /** Starts at once. */
  constructor(options: GatewayProcessOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  /** The id of the process; undefined while none runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Why the last process ended; undefined before that, and again once a process has served. */
  get failure(): ProcessFailure | undefined {
    return this.#failure;
  }

  /** How often a process was started in place of one that died. */
  get restarts(): number {
    return this.#restarts;
  }

  /** To be called when the process was seen to serve. */
  served(): void {
    this.#failure = undefined;
  }

  /** Drains the process and resolves when it has ended; one that is still there after `deadlineMs` is killed. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping.abort();
    this.#child?.kill('SIGTERM');
    const killer = setTimeout(() => this.kill(), deadlineMs);
    await this.#done;
    clearTimeout(killer);
  }

  /** Ends it at once, with everything that is open. `stop` must have been called. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; this.#restarts += 1) {
      const startedAt = performance.now();
      const failure = await this.#runOnce();
      if (signal.aborted) return;
      this.#failure = failure;
      failures = performance.now() - startedAt > HEALTHY_AFTER_MS ? 1 : failures + 1;
      this.#options.log.error({ failures, reason: failure.reason }, failure.message);
      this.#options.onChange();
      await wait(backoffMs(failures, BACKOFF), signal);
    }
  }

  async #runOnce(): Promise<ProcessFailure> {
    try {
      await this.#options.prepare();
      if (this.#stopping.signal.aborted) return died('was stopped');
      const child = this.#spawn();
      this.#child = child;
      const exit = once(child, 'exit');
      this.#options.onChange();
      const [code, signal] = (await exit) as [number | null, NodeJS.Signals | null];
      return this.#failureOf(code, signal);
    } catch (error) {
      return died(`could not be started: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.#child = undefined;
    }
  }

  /**
   * The IPC channel is how the child learns that we are gone, whatever ended us. A session of its own keeps the
   * terminal's signals from it: it is ours to drain.
   */
  #spawn(): ChildProcess {
    const { arguments: argv, directory, environment } = this.#options;
    return spawn(process.execPath, argv, {
      cwd: directory,
      env: environment,
      stdio: ['ignore', 2, 2, 'ipc'],
      detached: true,
    });
  }

  #failureOf(code: number | null, signal: NodeJS.Signals | null): ProcessFailure {
    const { endpoint } = this.#options;
    switch (code) {
      case EXIT_PORT_IN_USE:
        return {
          reason: 'PortInUse',
          message: `${endpoint} is in use: stop what listens there, or change spec.port or --address`,
        };
      case EXIT_PORT_FORBIDDEN:
        return {
          reason: 'PortForbidden',
          message: `${endpoint} needs privileges: use a port from 1024 on, or allow Node to bind it (cap_net_bind_service)`,
        };
      default:
        return died(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`);
    }
  }
}

function died(how: string): ProcessFailure {
  return { reason: 'Died', message: `the gateway process ${how}; it is started again` };
}
