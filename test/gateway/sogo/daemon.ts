// A server program for the time of a test: without the rights of root, with a log file, ended together with its children.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whom the programs run as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly user: string;
  readonly group: string;
}

export interface DaemonOptions {
  /** Of its log in the folder, and for errors. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** What ends it in good order; default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
}

const PATIENCE_MS = 60_000;
const SEARCH_PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/** A folder in which programs run, and the account that owns what is in it. */
export class Premises {
  readonly folder: string;
  readonly account: Account = unprivilegedAccount();

  /** Takes over an empty folder. */
  constructor(folder: string) {
    this.folder = folder;
    this.hand(folder);
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  makeFolder(...names: readonly string[]): string {
    const path = this.path(...names);
    mkdirSync(path);
    this.hand(path);
    return path;
  }

  write(name: string, content: string): string {
    const path = this.path(name);
    writeFileSync(path, content, { mode: 0o600 });
    this.hand(path);
    return path;
  }

  /** Runs a program to its end. Rejects with what it said where it failed. */
  async run(program: string, ...args: readonly string[]): Promise<void> {
    const child = this.spawn([program, ...args], 'pipe');
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (bytes: Buffer) => (said += bytes.toString()));
    }
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`${program} ended with ${code}: ${said}`);
  }

  /** Runs a program again and again until it succeeds: of a check whether somebody is ready. */
  async runUntilGood(program: string, ...args: readonly string[]): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        await this.run(program, ...args);
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await sleep(50);
      }
    }
  }

  start({ name, command, stopSignal = 'SIGTERM' }: DaemonOptions): Daemon {
    const log = this.path(`${name}.log`);
    const out = openSync(log, 'a');
    this.hand(log);
    const child = this.spawn(command, out);
    closeSync(out);
    return new Daemon(child, name, log, stopSignal);
  }

  /** It ends with us, however we end. */
  private spawn(command: readonly string[], output: number | 'pipe'): ChildProcess {
    const { uid, gid } = this.account;
    const identity = process.getuid?.() === 0 ? [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'] : [];
    return spawn('setpriv', [...identity, '--pdeathsig=TERM', ...command], {
      env: { ...process.env, PATH: SEARCH_PATH, HOME: this.folder, LC_ALL: 'C.UTF-8' },
      cwd: this.folder,
      stdio: ['ignore', output, output],
    });
  }

  private hand(path: string): void {
    chownSync(path, this.account.uid, this.account.gid);
  }
}

export class Daemon {
  private readonly child: ChildProcess;
  private readonly name: string;
  private readonly log: string;
  private readonly stopSignal: NodeJS.Signals;
  private ended: string | undefined;

  constructor(child: ChildProcess, name: string, log: string, stopSignal: NodeJS.Signals) {
    this.child = child;
    this.name = name;
    this.log = log;
    this.stopSignal = stopSignal;
    child.on('error', ({ message }) => (this.ended = message));
    child.on('exit', (code, signal) => (this.ended = `ended with ${code ?? signal}`));
  }

  /** Resolves once it listens on this port of loopback. */
  async accepts(port: number): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!(await isOpen(port))) {
      if (this.ended !== undefined) throw this.failure(this.ended);
      if (performance.now() > deadline) throw this.failure('does not listen');
      await sleep(20);
    }
  }

  /** Resolves once it and all that it has started are gone. */
  async stop(): Promise<void> {
    const { child } = this;
    if (child.pid === undefined) return;
    const family = withDescendants(child.pid);
    if (this.ended === undefined) {
      const exited = once(child, 'exit');
      child.kill(this.stopSignal);
      await Promise.race([exited, sleep(10_000, undefined, { ref: false })]);
    }
    for (const pid of family) while (kill(pid)) await sleep(5);
  }

  private failure(what: string): Error {
    return new Error(`${this.name} ${what}: ${readFileSync(this.log, 'utf8').slice(-3000)}`);
  }
}

/** A port of loopback that nobody has at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Ourselves, or Debian's account of SOGo where we are root: PostgreSQL refuses root, and its settings are not for everybody. */
function unprivilegedAccount(): Account {
  const ours = process.getuid?.();
  const passwd = entries('/etc/passwd').map(([user = '', , uid, gid]) => ({
    user,
    uid: Number(uid),
    gid: Number(gid),
  }));
  const found = passwd.find(({ user, uid }) => (ours === 0 ? user === 'sogo' : uid === ours));
  if (found === undefined)
    throw new Error('/etc/passwd names neither this user nor sogo: build/setup.sh debian-sogo');
  const [group = ''] = entries('/etc/group').find(([, , gid]) => Number(gid) === found.gid) ?? [];
  return { ...found, group };
}

function entries(file: string): string[][] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
}

/** A process and all that it has started, directly or not, whatever their process groups. */
function withDescendants(ancestor: number): number[] {
  const children = new Map<number, number[]>();
  for (const pid of readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)) {
    const parent = Number(statusOf(pid)['PPid']);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const family = [ancestor];
  for (const pid of family) family.push(...(children.get(pid) ?? []));
  return family;
}

/** Fields of /proc/PID/status; none where the process has gone. */
function statusOf(pid: number): Record<string, string> {
  try {
    const lines = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n');
    return Object.fromEntries(lines.map((line) => line.split(':\t') as [string, string]));
  } catch {
    return {};
  }
}

/** False once nothing of it runs. */
function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
  return !statusOf(pid)['State']?.startsWith('Z');
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
