// A real Kubernetes cluster of one node on this machine, without Docker: for tests, and `cluster.ts up|down|status` by hand.
import { createReadStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openAccess, runCommand } from './access.ts';
import type { ApiAccess, CommandResult } from './access.ts';
import {
  apiServerReady,
  auditLogPath,
  controllerManagerReady,
  prepareControlPlane,
  until,
} from './control-plane-commands.ts';
import type { ControlPlaneProgram } from './control-plane-commands.ts';
import { cgroupsOf, closeIsolation, inside, isOpen, openIsolation } from './isolation.ts';
import type { Isolation } from './isolation.ts';
import {
  apiServerPort,
  buildPauseImage,
  containerdReadyCommand,
  importCommand,
  inContainerNetwork,
  mountNode,
  nodeName,
  prepareNode,
} from './node.ts';
import type { NodeProgram } from './node.ts';
import { programFolder } from './programs.ts';
import type { RunningProgram } from './programs.ts';
import { killInside, rememberCommands, runInside } from './running-programs.ts';
import { slots } from './slots.ts';
import type { Addresses } from './slots.ts';

/** What another process needs to use a cluster: see attachCluster. */
export interface ClusterHandle {
  readonly slot: number;
  readonly initPid: number;
  readonly namespaceId: string;
  /** True when it was started by hand, and so outlives whoever started it. */
  readonly byHand: boolean;
}

export interface AttachedCluster extends ApiAccess {
  readonly handle: ClusterHandle;
  /** All of them can be reached from here: the API server, pods and cluster IPs; pods reach `host`. */
  readonly addresses: Addresses;
  readonly nodeName: string;
  /** State of the cluster, with a `<program>.log` of each program. */
  readonly folder: string;
  /** One audit.k8s.io/v1 Event per line, for every request that is not Kubernetes' own. */
  readonly auditLogPath: string;
  /** Imports an OCI or Docker image tar; pods use it with `imagePullPolicy: Never`. Returns the names of its images. */
  importImage(tarPath: string): Promise<readonly string[]>;
  /** Runs a command among the node's mounts, network and processes. Never throws for a non-zero exit. */
  nodeExec(command: readonly string[]): Promise<CommandResult>;
  /** Runs a command of the node (images have no shell) in a pod's network, for example `nft` or `ss`. Throws when the pod does not run. */
  podExec(namespace: string, pod: string, command: readonly string[]): Promise<CommandResult>;
  /** Ends one program at once, as a crash does; nothing starts it again by itself. */
  stopProgram(name: ClusterProgram): Promise<void>;
  /** Starts it again; resolves when it runs, for the API server when it is ready. */
  startProgram(name: ClusterProgram): Promise<void>;
}

export type ClusterProgram = ControlPlaneProgram | NodeProgram;

export interface Cluster extends AttachedCluster {
  /** Ends everything and removes processes, mounts, interfaces, routes, cgroups and files. May be called twice. */
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** True: it goes on when this process ends (`cluster.ts up`). Otherwise it ends with this process, however that ends. */
  readonly byHand?: boolean;
}

/**
 * Starts a cluster in the first free slot; resolves when the node is ready and Services work.
 * Throws with one clear line when this machine cannot, and with the end of a log when a program does not start.
 */
export async function startCluster({ byHand = false }: ClusterOptions = {}): Promise<Cluster> {
  await requireMachine();
  for (const slot of slots) {
    const isolation = await openIsolation(slot, byHand);
    if (isolation === undefined) continue;
    try {
      return await startInside(isolation, byHand);
    } catch (error) {
      await closeIsolation(isolation);
      throw error;
    }
  }
  throw new Error(
    `${slots.length} native clusters run on this machine: stop one (cluster.ts status, cluster.ts down)`,
  );
}

/** Uses a cluster that another process started and will stop. */
export async function attachCluster(handle: ClusterHandle): Promise<AttachedCluster> {
  const isolation = isolationOf(handle);
  const { slot } = isolation;
  const server = `https://${slot.addresses.node}:${apiServerPort}`;
  const access = await openAccess({ server, folder: slot.folder });
  return {
    ...access,
    handle,
    addresses: slot.addresses,
    nodeName,
    folder: slot.folder,
    auditLogPath: auditLogPath(slot.folder),
    importImage: (tarPath) => importImage(isolation, tarPath),
    nodeExec: (command) => runCommand(inside(isolation, command)),
    podExec: async (namespace, pod, command) => {
      const containerId = await containerOf(access, namespace, pod);
      return runCommand(inside(isolation, inContainerNetwork(containerId, command)));
    },
    stopProgram: (name) => killInside(isolation, name),
    startProgram: async (name) => {
      const program = await runInside(isolation, name, true);
      if (name === 'kube-apiserver') await apiServerReady(access, [program]);
    },
  };
}

async function startInside(isolation: Isolation, byHand: boolean): Promise<Cluster> {
  const { slot } = isolation;
  mkdirSync(slot.folder, { recursive: true, mode: 0o700 });
  const handle = {
    slot: slot.number,
    initPid: isolation.initPid,
    namespaceId: isolation.namespaceId,
    byHand,
  };
  writeFileSync(handlePath(slot.number), JSON.stringify(handle));
  rememberCommands(isolation, { ...(await prepareControlPlaneOf(isolation)), ...(await prepareNode(slot)) });
  await mountNode(isolation);
  const attached = await attachCluster(handle);
  const running = new Map<ClusterProgram, RunningProgram>();
  const run = async (name: ClusterProgram): Promise<void> => {
    running.set(name, await runInside(isolation, name, byHand));
  };
  await run('etcd');
  await run('containerd');
  await run('kube-apiserver');
  const programs = [...running.values()];
  await Promise.all([apiServerReady(attached, programs), importPauseImage(attached, programs)]);
  await Promise.all(
    (['kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy'] as const).map(run),
  );
  await controllerManagerReady(attached, [...running.values()]);
  await nodeReady(attached, [...running.values()]);
  return {
    ...attached,
    stop: async () => {
      await closeIsolation(isolation);
      await Promise.all([...running.values()].map(({ ended }) => ended));
    },
  };
}

async function prepareControlPlaneOf({
  slot,
}: Isolation): Promise<Record<ControlPlaneProgram, readonly string[]>> {
  for (const cgroup of cgroupsOf(slot)) mkdirSync(cgroup, { recursive: true });
  return prepareControlPlane({
    folder: slot.folder,
    address: slot.addresses.node,
    port: apiServerPort,
    serviceRange: slot.addresses.serviceRange,
    hasNodes: true,
  });
}

async function importPauseImage(
  cluster: AttachedCluster,
  programs: readonly RunningProgram[],
): Promise<void> {
  const tar = await buildPauseImage(cluster.folder);
  await until('containerd is ready', programs, async () => {
    return (await cluster.nodeExec(containerdReadyCommand)).code === 0;
  });
  await cluster.importImage(tar);
}

async function importImage(isolation: Isolation, tarPath: string): Promise<readonly string[]> {
  const result = await runCommand(inside(isolation, importCommand), { stdin: createReadStream(tarPath) });
  if (result.code !== 0) throw new Error(`${tarPath} cannot be imported: ${result.stderr.trim()}`);
  return [...result.stdout.matchAll(/^unpacking (\S+) /gm)].map(([, name]) => name ?? '');
}

async function containerOf(access: ApiAccess, namespace: string, pod: string): Promise<string> {
  const { status, body } = await access.get(`/api/v1/namespaces/${namespace}/pods/${pod}`);
  const document = JSON.parse(body || '{}') as {
    status?: { containerStatuses?: { containerID?: string; state?: { running?: object } }[] };
  };
  const running = document.status?.containerStatuses?.find(({ state }) => state?.running !== undefined);
  if (running?.containerID === undefined)
    throw new Error(`${namespace}/${pod} has no running container (HTTP ${status})`);
  return running.containerID.replace('containerd://', '');
}

async function nodeReady(cluster: AttachedCluster, programs: readonly RunningProgram[]): Promise<void> {
  await until('the node is ready', programs, async () => {
    const { body } = await cluster.get(`/api/v1/nodes/${nodeName}`);
    return /"type":"Ready","status":"True"/.test(body.replaceAll(/\s/g, ''));
  });
  const probe = ['curl', '--fail', '--silent', '--output', '/dev/null', 'http://127.0.0.1:10256/healthz'];
  await until('Services work', programs, async () => (await cluster.nodeExec(probe)).code === 0);
}

const needed = [
  'unshare',
  'nsenter',
  'flock',
  'setpriv',
  'ip',
  'nft',
  'conntrack',
  'containerd',
  'runc',
  'gcc',
  'curl',
];

async function requireMachine(): Promise<void> {
  if (process.platform !== 'linux') throw new Error('the native cluster needs Linux');
  if (process.getuid?.() !== 0) throw new Error('the native cluster needs root: run this as root');
  programFolder();
  const found = await runCommand([
    'sh',
    '-c',
    `for name in ${needed.join(' ')}; do command -v $name >/dev/null || echo $name; done`,
  ]);
  const missing = found.stdout.split('\n').filter(Boolean);
  if (!existsSync('/usr/lib/cni/ptp')) missing.push('/usr/lib/cni/ptp');
  if (missing.length > 0)
    throw new Error(`the native cluster needs ${missing.join(', ')}: run build/setup.sh debian-cluster`);
}

function handlePath(slot: number): string {
  return `/var/lib/sentry-cluster/${slot}/cluster.json`;
}

function isolationOf(handle: ClusterHandle): Isolation {
  const slot = slots[handle.slot];
  if (slot === undefined) throw new Error(`there is no slot ${handle.slot}`);
  return { slot, initPid: handle.initPid, namespaceId: handle.namespaceId };
}

/** The clusters that run on this machine. */
export function runningClusters(): ClusterHandle[] {
  return slots
    .map(({ number }) => handlePath(number))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')) as ClusterHandle)
    .filter((handle) => isOpen(isolationOf(handle)));
}

const usage = `usage: cluster.ts up [IMAGE.tar …]   start a cluster that stays, with these images
       cluster.ts down              stop it
       cluster.ts status            list the native clusters of this machine`;

async function main(): Promise<number> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [verb, ...images] = positionals;
  if (verb === 'up') return up(images);
  if (verb === 'down' && images.length === 0) return down();
  if (verb === 'status' && images.length === 0) return status();
  console.error(usage);
  return 2;
}

async function up(images: readonly string[]): Promise<number> {
  // Interrupted half-way, nothing stays.
  process.once('SIGINT', () => void down().finally(() => process.exit(130)));
  const existing = runningClusters().find(({ byHand }) => byHand);
  const cluster =
    existing === undefined ? await startCluster({ byHand: true }) : await attachCluster(existing);
  for (const image of images) {
    console.log(`cluster: imported ${(await cluster.importImage(image)).join(', ')}`);
  }
  console.log(
    `cluster: ${existing === undefined ? 'up' : 'was up already'}; its API server is ${cluster.server}. To use it:`,
  );
  console.log(`  export KUBECONFIG=${cluster.kubeconfigPath} PATH=${programFolder()}:$PATH`);
  return 0;
}

async function down(): Promise<number> {
  const handles = runningClusters().filter(({ byHand }) => byHand);
  for (const handle of handles) await closeIsolation(isolationOf(handle));
  console.log(handles.length > 0 ? 'cluster: down' : 'cluster: none was up');
  return 0;
}

function status(): number {
  const handles = runningClusters();
  if (handles.length === 0) console.log('cluster: none is up');
  for (const { slot, initPid, byHand } of handles) {
    const owner = byHand ? 'started by hand' : 'of a test';
    console.log(`cluster: slot ${slot}, ${owner}, first process ${initPid}, state in ${slots[slot]?.folder}`);
  }
  return 0;
}

if (import.meta.main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    console.error(`cluster: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
