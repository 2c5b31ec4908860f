// The programs of a cluster by name: started and killed by whoever holds the cluster's folder, whichever process that is.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inside, type Isolation } from './isolation.ts';
import { isRunning, killGroup, runProgram, type RunningProgram } from './programs.ts';

type Commands = Readonly<Record<string, readonly string[]>>;

const commandsPath = ({ slot }: Isolation): string => join(slot.folder, 'programs.json');
const pidPath = ({ slot }: Isolation, name: string): string => join(slot.folder, `${name}.pid`);

/** Remembers the command line of each program, so that another process can start it too. */
export function rememberCommands(isolation: Isolation, commands: Commands): void {
  writeFileSync(commandsPath(isolation), JSON.stringify(commands));
}

/** Starts a program. With `outlivesParent` only the end of the cluster ends it. */
export async function runInside(
  isolation: Isolation,
  name: string,
  outlivesParent: boolean,
): Promise<RunningProgram> {
  const commands = JSON.parse(readFileSync(commandsPath(isolation), 'utf8')) as Commands;
  const program = await runProgram({
    name,
    command: inside(isolation, commands[name] ?? []),
    logPath: join(isolation.slot.folder, `${name}.log`),
    outlivesParent,
  });
  writeFileSync(pidPath(isolation, name), String(program.pid));
  return program;
}

/** Ends a program at once, as a crash does; resolves when it is gone. */
export async function killInside(isolation: Isolation, name: string): Promise<void> {
  const pid = Number(readFileSync(pidPath(isolation, name), 'utf8'));
  killGroup(pid);
  while (isRunning(pid)) await sleep(20);
}
