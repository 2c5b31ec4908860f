// Says which process works on a directory: a second one is refused, and a lock that a crash left does not count.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomically } from '../../atomic-file.ts';

interface Holder {
  readonly pid: number;
  /** When it started, as the kernel tells: process ids are used again, this together with the id is not. */
  readonly startedAt: string;
}

/** Thrown by `acquireLock` when another process holds it. */
export class LockedError extends Error {
  readonly pid: number;

  constructor(pid: number) {
    super(`process ${pid} works on this directory already: stop it first`);
    this.pid = pid;
  }
}

/** Takes the lock and resolves with what releases it. @throws LockedError, or an error of the file system */
export async function acquireLock(path: string): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true });
  const text = await holderText(process.pid);
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const other = await lockHolder(path);
    if (other !== undefined && other !== process.pid) throw new LockedError(other);
    await writeFileAtomically(path, text, 0o644);
  }
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}

/** Notes that process `pid`, a child of this one, is the holder. */
export async function writeHolder(path: string, pid: number): Promise<void> {
  await writeFileAtomically(path, await holderText(pid), 0o644);
}

async function holderText(pid: number): Promise<string> {
  const holder: Holder = { pid, startedAt: (await startOf(pid)) ?? '' };
  return `${JSON.stringify(holder)}\n`;
}

/** The id of the living process that holds the lock; undefined when none does. */
export async function lockHolder(path: string): Promise<number | undefined> {
  const holder = await readHolder(path);
  if (holder === undefined) return undefined;
  const startedAt = await startOf(holder.pid);
  return startedAt === holder.startedAt ? holder.pid : undefined;
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const holder = JSON.parse(await readFile(path, 'utf8')) as Partial<Holder>;
    const { pid, startedAt } = holder;
    return Number.isInteger(pid) && typeof startedAt === 'string'
      ? { pid: pid as number, startedAt }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Fields 3 and 22 of proc(5)'s stat: ticks between boot and start; undefined for no process, or one that only waits to be reaped. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
