// `bin/sentry standalone` as a real process on a directory of its own, for tests.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';

const SENTRY = fileURLToPath(new URL('../../bin/sentry', import.meta.url));
const DEADLINE_MS = 60_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What one run of the command printed, and how it ended. */
export interface Output extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `bin/sentry` to its end. */
export async function sentry(...args: string[]): Promise<Output> {
  const child = spawn(SENTRY, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { stdout, stderr, code, signal };
}

/** `count` ports of loopback that nobody listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  return ports;
}

/** Whether nobody listens on any of these ports of loopback now. */
export async function areFree(ports: readonly number[]): Promise<boolean> {
  const tries = ports.map(async (port) => {
    await using server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
  });
  return (await Promise.allSettled(tries)).every(({ status }) => status === 'fulfilled');
}

/** A directory of manifests, and the processes that were started on it. Disposal ends and removes everything. */
export class Standalone implements AsyncDisposable {
  readonly directory: string;
  readonly #metricsPort: number;
  #child: ChildProcess | undefined;
  #exit: Promise<Exit> | undefined;
  stdout = '';
  stderr = '';

  private constructor(directory: string, metricsPort: number) {
    this.directory = directory;
    this.#metricsPort = metricsPort;
  }

  static async create(manifests: Readonly<Record<string, string>> = {}): Promise<Standalone> {
    const directory = await mkdtemp(join(tmpdir(), 'sentry-standalone-'));
    const [metricsPort = 0] = await freePorts(1);
    const run = new Standalone(directory, metricsPort);
    for (const [name, text] of Object.entries(manifests)) await run.write(name, text);
    return run;
  }

  /** Starts the process; its output is collected. */
  start(...args: string[]): this {
    this.stdout = '';
    this.stderr = '';
    const metrics = args.includes('--metrics-address') ? [] : ['--metrics-address', this.metricsAddress];
    const child = spawn(SENTRY, ['standalone', this.directory, ...metrics, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.#child = child;
    this.#exit = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    return this;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the process was not started');
    return pid;
  }

  get metricsAddress(): string {
    return `127.0.0.1:${this.#metricsPort}`;
  }

  /** Waits until the process says on stdout that the gateway serves there. */
  async programmed(gateway: string, port: number): Promise<void> {
    const line = `SentryGateway ${gateway} programmed: https://127.0.0.1:${port}\n`;
    await this.until(() => this.stdout.includes(line), `the line ${line}`);
  }

  /** Waits until the check holds. Rejects with the output of the process when it does not, or when the process ends first. */
  async until(check: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const holds = vi.waitFor(
      async () => {
        if (!(await check())) throw new Error(`waited for ${what}\n${this.stdout}\n${this.stderr}`);
      },
      { timeout: DEADLINE_MS, interval: 20 },
    );
    const ended = this.#exit?.then(async ({ code, signal }) => {
      if (await check()) return;
      throw new Error(`ended with ${code ?? signal} before ${what}\n${this.stdout}\n${this.stderr}`);
    });
    await (ended === undefined ? holds : Promise.race([holds, ended]));
  }

  /** As a terminal or a pipe that goes away. */
  closeOutput(): void {
    this.#child?.stdout?.destroy();
    this.#child?.stderr?.destroy();
  }

  /** Sends a signal and resolves when the process has ended. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    this.#child?.kill(signal);
    return await this.exit();
  }

  async exit(): Promise<Exit> {
    if (this.#exit === undefined) throw new Error('the process was not started');
    return await this.#exit;
  }

  async write(name: string, text: string): Promise<void> {
    await writeFile(join(this.directory, name), text);
  }

  async edit(name: string, change: (text: string) => string): Promise<void> {
    const before = await readFile(join(this.directory, name), 'utf8');
    const after = change(before);
    if (after === before) throw new Error(`the edit of ${name} changes nothing`);
    await this.write(name, after);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.directory, name));
  }

  /** A file below `.sentry`. */
  async state(...path: string[]): Promise<string> {
    return await readFile(join(this.directory, '.sentry', ...path), 'utf8');
  }

  /** GET at the metrics address. */
  async get(path: string): Promise<{ status: number; text: string }> {
    const answer = await fetch(`http://${this.metricsAddress}${path}`);
    return { status: answer.status, text: await answer.text() };
  }

  /** The ids of the gateway processes: they work below the directory. */
  async gatewayProcesses(): Promise<number[]> {
    const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
    const homes = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
    return pids.filter((_, at) => homes[at]?.startsWith(`${this.directory}/`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child?.exitCode === null && this.#child.signalCode === null) {
      await this.end('SIGTERM');
    }
    const left = await this.gatewayProcesses();
    for (const pid of left) process.kill(pid, 'SIGKILL');
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    if (left.length > 0) throw new Error(`gateway processes were left: ${left.join(', ')}`);
  }
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
