// Mounts, network and processes of a cluster apart from the machine's: one process whose end is the end of all of it.
import { existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from './access.ts';
import type { CommandResult } from './access.ts';
import { runProgram } from './programs.ts';
import type { RunningProgram } from './programs.ts';
import type { Slot } from './slots.ts';

/** The first process inside, as seen from outside. */
export interface Isolation {
  readonly slot: Slot;
  readonly initPid: number;
  /** Tells that process from a later one of the same id. */
  readonly namespaceId: string;
}

// Waits, and so reaps the orphans that containerd's shims become.
const init = ['bash', '-c', 'while :; do sleep 3600 & wait $!; done'];
const busy = 75;

/**
 * Takes the slot and opens its namespaces, with nothing in them but loopback; undefined when a cluster has the slot.
 * What an earlier cluster left in the slot is removed first.
 */
export async function openIsolation(slot: Slot, outlivesParent: boolean): Promise<Isolation | undefined> {
  mkdirSync(dirname(slot.lockPath), { recursive: true });
  const lock = ['flock', '--no-fork', '--nonblock', '--conflict-exit-code', String(busy), slot.lockPath];
  const unshare = ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const holder = await runProgram({
    name: 'unshare',
    command: [...lock, ...unshare, ...init],
    logPath: slot.lockPath,
    outlivesParent,
  });
  const initPid = await initOf(holder);
  if (initPid === undefined) return undefined;
  const isolation = { slot, initPid, namespaceId: readlinkSync(`/proc/${initPid}/ns/pid`) };
  try {
    await removeTraces(slot);
    await connect(isolation);
    return isolation;
  } catch (error) {
    await closeIsolation(isolation);
    throw error;
  }
}

async function initOf(holder: RunningProgram): Promise<number | undefined> {
  for (;;) {
    if (holder.hasEnded()) {
      if ((await holder.ended) === busy) return undefined;
      throw new Error(`no namespaces for a cluster: ${holder.logTail()}`);
    }
    const pid = Number(readIfThere(`/proc/${holder.pid}/task/${holder.pid}/children`).trim());
    if (pid > 0 && readIfThere(`/proc/${pid}/comm`).trim() === 'bash') return pid;
    await sleep(20);
  }
}

/** Lays the cable between here and the node, with routes to pods and cluster IPs. */
async function connect({ slot, initPid, namespaceId }: Isolation): Promise<void> {
  const { host, node, cableRange, podRange, serviceRange } = slot.addresses;
  const length = cableRange.split('/')[1];
  for (const range of [cableRange, podRange, serviceRange]) await refuseRouted(range);
  await must([
    'ip',
    'link',
    'add',
    slot.interface,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    String(initPid),
  ]);
  await must(['ip', 'address', 'add', `${host}/${length}`, 'dev', slot.interface]);
  await must(['ip', 'link', 'set', slot.interface, 'up']);
  await must(['ip', 'route', 'add', podRange, 'via', node]);
  await must(['ip', 'route', 'add', serviceRange, 'via', node]);
  const script = `set -e
    ip link set lo up
    ip address add ${node}/${length} dev eth0
    ip link set eth0 up
    ip route add default via ${host}
    echo 1 >/proc/sys/net/ipv4/ip_forward`;
  await must(inside({ slot, initPid, namespaceId }, ['sh', '-c', script]));
}

/** Throws when the machine has a route into, or around, the range. */
async function refuseRouted(range: string): Promise<void> {
  const inRange = await must(['ip', 'route', 'show', 'root', range]);
  const aroundRange = await must(['ip', 'route', 'show', 'match', range]);
  const routes = `${inRange.stdout}${aroundRange.stdout}`.split('\n').filter((line) => /^\d/.test(line));
  if (routes.length > 0)
    throw new Error(`the cluster needs ${range}, and this machine has a route there: ${routes[0]}`);
}

/** The command line that runs a command inside. */
export function inside({ initPid }: Isolation, command: readonly string[]): string[] {
  return ['nsenter', `--target=${initPid}`, '--mount', '--net', '--pid', '--', ...command];
}

export function isOpen({ initPid, namespaceId }: Isolation): boolean {
  try {
    return readlinkSync(`/proc/${initPid}/ns/pid`) === namespaceId;
  } catch {
    return false;
  }
}

/** Ends every process inside, and with them their mounts and network; removes the slot's traces outside. */
export async function closeIsolation(isolation: Isolation): Promise<void> {
  if (isOpen(isolation)) process.kill(isolation.initPid, 'SIGKILL');
  while (isOpen(isolation)) await sleep(20);
  await removeTraces(isolation.slot);
}

async function removeTraces(slot: Slot): Promise<void> {
  if (existsSync(`/sys/class/net/${slot.interface}`)) {
    const deleted = await runCommand(['ip', 'link', 'delete', slot.interface]);
    // The kernel deletes it by itself a moment after the namespace of its other end.
    if (deleted.code !== 0 && existsSync(`/sys/class/net/${slot.interface}`)) throw new Error(deleted.stderr);
  }
  for (const cgroup of cgroupsOf(slot)) await removeCgroup(cgroup);
  rmSync(slot.folder, { recursive: true, force: true });
  const parent = dirname(slot.folder);
  if (existsSync(parent) && readdirSync(parent).length === 0) rmdirSync(parent);
}

/** The slot's cgroup in every hierarchy (version 1 has many, version 2 one), whether it exists or not. */
export function cgroupsOf(slot: Slot): string[] {
  const root = '/sys/fs/cgroup';
  if (existsSync(join(root, 'cgroup.controllers'))) return [join(root, slot.cgroup)];
  return readdirSync(root).map((hierarchy) => join(root, hierarchy, slot.cgroup));
}

async function removeCgroup(path: string): Promise<void> {
  if (!existsSync(path)) return;
  for (const child of readdirSync(path, { withFileTypes: true })) {
    if (child.isDirectory()) await removeCgroup(join(path, child.name));
  }
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      rmdirSync(path);
      return;
    } catch (error) {
      // Busy for as long as the kernel takes to bury its last process.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || performance.now() > deadline) throw error;
      await sleep(20);
    }
  }
}

/** Runs a command to its end; throws with what it said when it fails. */
export async function must(command: readonly string[]): Promise<CommandResult> {
  const result = await runCommand(command);
  if (result.code !== 0)
    throw new Error(`${command.join(' ')}: ${result.stderr.trim() || `exit ${result.code}`}`);
  return result;
}

/** The file's text; empty when it cannot be read. */
export function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
