// A gateway as it is run: a process of its own on a directory, watched through its log, its probes and its admin port.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeSlots } from '../../../gateway/config/directory.ts';
import { encodeSnapshot } from '../../../gateway/config/files.ts';
import { type GatewayReport, gatewayReportSchema } from '../../../gateway/config/report.ts';
import type { SketchedSnapshot } from './snapshot-sketch.ts';

const MAIN = join(import.meta.dirname, '../../../gateway/main.ts');

export interface GatewayProcessOptions {
  /** Written before the start; without it the directory is empty. */
  readonly content?: SketchedSnapshot;
  /** Also before the start, as the last snapshot that was acknowledged. */
  readonly fallback?: SketchedSnapshot;
  /** Instead of a port of the system's choice. */
  readonly port?: number;
  /** Further flags; a repeated one takes the place of the default. */
  readonly flags?: readonly string[];
  /** Flags of Node itself. */
  readonly execArgv?: readonly string[];
  /** What runs Node: `['taskset', '-c', '0']`. */
  readonly launcher?: readonly string[];
  /** With a channel to this process, as `fork` makes one. */
  readonly ipc?: boolean;
  /** The file to run; default the source. */
  readonly main?: string;
}

export interface LogLine {
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

export class GatewayProcess implements AsyncDisposable {
  readonly folder: string;
  readonly child: ChildProcess;
  /** Everything it wrote on stderr. */
  stderr = '';
  readonly log: LogLine[] = [];
  private generation = 0;

  private constructor(folder: string, child: ChildProcess) {
    this.folder = folder;
    this.child = child;
    const { stderr } = child;
    if (stderr === null) return;
    createInterface({ input: stderr }).on('line', (line) => {
      this.stderr += `${line}\n`;
      if (line.startsWith('{')) this.log.push(JSON.parse(line) as LogLine);
    });
  }

  /** Starts a gateway; with a content resolves once phones can connect. */
  static async start(options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
    if (options.content) await writeSlots(join(folder, 'snapshot'), encode(options.content, 1));
    if (options.fallback) await writeSlots(join(folder, 'fallback'), encode(options.fallback, 0));
    const [command = '', ...args] = [
      ...(options.launcher ?? []),
      process.execPath,
      ...(options.execArgv ?? []),
    ];
    const flags = [...flagsFor(folder, options.port ?? 0), ...(options.flags ?? [])];
    const child = spawn(command, [...args, options.main ?? MAIN, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe', ...(options.ipc ? (['ipc'] as const) : [])],
    });
    const gateway = new GatewayProcess(folder, child);
    gateway.generation = 1;
    try {
      if (options.content) await gateway.logged('phones can connect');
    } catch (error) {
      await gateway[Symbol.asyncDispose]();
      throw error;
    }
    return gateway;
  }

  get port(): number {
    return Number(this.log.find(({ msg }) => msg === 'phones can connect')?.['port']);
  }

  /** Writes another snapshot into its directory. */
  async write(content: SketchedSnapshot): Promise<string> {
    const encoded = encode(content, ++this.generation);
    await writeSlots(join(this.folder, 'snapshot'), encoded);
    return encoded.hash;
  }

  /** Writes another snapshot and resolves once it is served. */
  async serve(content: SketchedSnapshot): Promise<void> {
    const hash = await this.write(content);
    await this.until(async () => (await this.report()).snapshot?.hash === hash);
  }

  /** Resolves with the line once it was logged. */
  async logged(msg: string): Promise<LogLine> {
    let line: LogLine | undefined;
    await this.until(() => {
      line = this.log.find((candidate) => candidate.msg === msg);
      return Promise.resolve(line !== undefined);
    });
    return line ?? { msg };
  }

  /** Asks until it holds; fails when the process ends before. */
  async until(holds: () => Promise<boolean>): Promise<void> {
    while (!(await holds().catch(() => false))) {
      const { exitCode } = this.child;
      if (exitCode !== null) throw new Error(`the gateway ended with ${exitCode}: ${this.stderr}`);
      await sleep(20);
    }
  }

  /** GET on the probes' socket. */
  probe(path: string): Promise<HttpAnswer> {
    return get(join(this.folder, 'metrics.sock'), path);
  }

  admin(path: string, method = 'GET'): Promise<HttpAnswer> {
    return get(join(this.folder, 'admin.sock'), path, method);
  }

  /** The report, checked against its schema. */
  async report(): Promise<GatewayReport> {
    return gatewayReportSchema.parse(JSON.parse((await this.admin('/report')).body));
  }

  /** Value of a series by its whole name, or undefined. */
  async metric(series: string): Promise<number | undefined> {
    const { body } = await this.probe('/metrics');
    const line = body.split('\n').find((candidate) => candidate.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  }

  /** Resolves with the exit code. */
  async exited(): Promise<number | null> {
    if (this.child.exitCode === null) await once(this.child, 'exit');
    return this.child.exitCode;
  }

  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.exited();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGKILL');
      await once(this.child, 'exit');
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

function encode({ snapshot, files }: SketchedSnapshot, generation: number) {
  return encodeSnapshot(snapshot, files, generation);
}

function flagsFor(folder: string, port: number): string[] {
  return [
    `--snapshot=${join(folder, 'snapshot')}`,
    `--fallback=${join(folder, 'fallback')}`,
    '--address=127.0.0.1',
    `--port=${port}`,
    `--metrics=unix:${join(folder, 'metrics.sock')}`,
    `--admin=unix:${join(folder, 'admin.sock')}`,
    `--step-out-file=${join(folder, 'step-out')}`,
  ];
}

function get(socketPath: string, path: string, method = 'GET'): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, method, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
    })
      .on('error', reject)
      .end();
  });
}
