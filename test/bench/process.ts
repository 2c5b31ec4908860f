// A process under measurement: pinned to one core, with its CPU seconds and memory read from /proc.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The proxy under measurement has core 0 to itself; load and upstream share core 1. */
export const PROXY_CORE = 0;
export const LOAD_CORE = 1;

const CLOCK_TICKS_PER_SECOND = 100;
const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 10_000;

/** A child process whose consumption can be read. */
export class MeasuredProcess {
  readonly child: ChildProcess;
  readonly #logFile: string;

  private constructor(child: ChildProcess, logFile: string) {
    this.child = child;
    this.#logFile = logFile;
  }

  /** Starts a program pinned to a core; its output goes to `logFile`. */
  static start(
    core: number,
    command: readonly string[],
    options: { logFile: string; env?: NodeJS.ProcessEnv },
  ): MeasuredProcess {
    const log = openSync(options.logFile, 'a');
    const child = spawn('taskset', ['--cpu-list', String(core), ...command], {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...options.env },
    });
    return new MeasuredProcess(child, options.logFile);
  }

  /** Waits until it accepts connections on a loopback port. @throws Error with the end of its log after 30 seconds */
  async listening(port: number): Promise<void> {
    const deadline = Date.now() + START_DEADLINE_MS;
    while (!(await accepts(port))) {
      if (Date.now() > deadline || this.child.exitCode !== null) {
        const log = readFileSync(this.#logFile, 'utf8').slice(-2000);
        throw new Error(`nothing listens on 127.0.0.1:${port}: ${log}`);
      }
      await sleep(50);
    }
  }

  /** User and system CPU seconds of all its threads so far. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
  }

  /** Resident memory in bytes. */
  residentBytes(): number {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'));
    return Number(line?.[1]) * 1024;
  }

  /** Ends it: SIGTERM, after ten seconds SIGKILL. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await exited;
    clearTimeout(timer);
  }
}

/** Lets this process, and what it starts from now on, run on these cores only: `1`, `0-3`. */
export function pinTo(cores: string): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(process.pid)], {
    stdio: 'ignore',
  });
}

/** The middle of the values; of an even number the lower of the two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** A port of loopback that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const connected = once(socket, 'connect').then(
    () => true,
    () => false,
  );
  const accepted = await connected;
  socket.destroy();
  return accepted;
}
