// Where the programs of Kubernetes are, and how one is run so that it cannot outlive this process.
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '../../..');

export type ProgramName =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kubelet'
  | 'kube-proxy'
  | 'kubectl';

/** The folder with the programs of Kubernetes; throws when `build/setup.sh kubernetes` has not been run. */
export function programFolder(): string {
  const setup = join(repository, 'build/setup.sh');
  const folder = execFileSync(setup, ['kubernetes-path'], { encoding: 'utf8' }).trim();
  if (!existsSync(join(folder, 'kubectl'))) {
    throw new Error(
      `no Kubernetes in ${folder}: run build/setup.sh kubernetes (ten minutes, once per machine)`,
    );
  }
  return folder;
}

export interface RunningProgram {
  readonly name: string;
  readonly pid: number;
  readonly logPath: string;
  /** Settles when the program has ended, with its exit code, or null when a signal ended it. */
  readonly ended: Promise<number | null>;
  hasEnded(): boolean;
  /** The last lines of its log. */
  logTail(): string;
  /** Ends it with SIGKILL, and its process group; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface RunOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly logPath: string;
  /** True: the program goes on when this process ends. Otherwise the kernel ends it with this process, however that ends. */
  readonly outlivesParent?: boolean;
}

/** Starts a program with its output in a log file. Throws when it cannot be started at all. */
export async function runProgram(options: RunOptions): Promise<RunningProgram> {
  const log = openSync(options.logPath, 'a');
  const prefix = options.outlivesParent === true ? [] : ['setpriv', '--pdeathsig', 'KILL', '--'];
  const [executable = '', ...args] = [...prefix, ...options.command];
  const child = spawn(executable, args, { stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  const ended = endOf(child);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  if (options.outlivesParent === true) child.unref();
  const { pid } = child;
  if (pid === undefined) throw new Error(`${options.name} has no process id`);
  return {
    name: options.name,
    pid,
    logPath: options.logPath,
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    logTail: () => readFileSync(options.logPath, 'utf8').trimEnd().split('\n').slice(-12).join('\n'),
    kill: async () => {
      killGroup(pid);
      await ended;
    },
  };
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', () => resolve(null));
  });
}

/** Whether the process is there, and no zombie. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Ends a process group at once; nothing happens when it has ended. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
