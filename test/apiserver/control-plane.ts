// A real control plane on loopback: etcd and the API server, and the controller manager where it is asked for.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAccess } from '../cluster/native/access.ts';
import type { ApiAccess } from '../cluster/native/access.ts';
import {
  apiServerReady,
  auditLogPath,
  controllerManagerReady,
  prepareControlPlane,
} from '../cluster/native/control-plane-commands.ts';
import type { ControlPlaneProgram } from '../cluster/native/control-plane-commands.ts';
import { runProgram } from '../cluster/native/programs.ts';
import type { RunningProgram } from '../cluster/native/programs.ts';

const prefix = 'sentry-control-plane-';

export interface ControlPlaneOptions {
  /** Runs the controller manager too: service accounts, garbage collection, deletion of namespaces, Deployments. */
  readonly controllerManager?: boolean;
}

/** What another process needs to use a control plane: see attachControlPlane. */
export interface ControlPlaneHandle {
  readonly server: string;
  readonly folder: string;
}

export interface AttachedControlPlane extends ApiAccess {
  readonly handle: ControlPlaneHandle;
  /** One audit.k8s.io/v1 Event per line, for every request that is not Kubernetes' own. */
  readonly auditLogPath: string;
}

export interface ControlPlane extends AttachedControlPlane {
  /** Ends the API server at once, as a crash does; etcd keeps the objects. */
  stopApiServer(): Promise<void>;
  /** Starts it again on the same port; resolves when it is ready. */
  startApiServer(): Promise<void>;
  /** Ends everything and deletes the folder. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Starts a control plane; resolves when it is ready. Its programs end with this process, even when that is killed.
 * Throws with the end of a log when a program does not start.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  removeLeftovers();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnPort(await freePort(), options);
    } catch (error) {
      // Somebody else may have taken the port since it was found free.
      if (attempt === 3 || !String(error).includes('address already in use')) throw error;
    }
  }
}

/** Uses a control plane that another process started and will stop. */
export async function attachControlPlane(handle: ControlPlaneHandle): Promise<AttachedControlPlane> {
  return { ...(await openAccess(handle)), handle, auditLogPath: auditLogPath(handle.folder) };
}

async function startOnPort(port: number, options: ControlPlaneOptions): Promise<ControlPlane> {
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
  const server = `https://127.0.0.1:${port}`;
  const running = new Map<ControlPlaneProgram, RunningProgram>();
  const stop = async (): Promise<void> => {
    await Promise.all([...running.values()].map((program) => program.kill()));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const address = { folder, address: '127.0.0.1', port };
    const commands = await prepareControlPlane({
      ...address,
      serviceRange: '10.0.0.0/24,fd00:10::/112',
      hasNodes: false,
    });
    const attached = await attachControlPlane({ server, folder });
    const start = async (name: ControlPlaneProgram): Promise<void> => {
      const logPath = join(folder, `${name}.log`);
      running.set(name, await runProgram({ name, command: commands[name], logPath }));
    };
    const startApiServer = async (): Promise<void> => {
      await start('kube-apiserver');
      await apiServerReady(attached, [...running.values()]);
    };
    await start('etcd');
    await startApiServer();
    if (options.controllerManager === true) {
      await start('kube-controller-manager');
      await controllerManagerReady(attached, [...running.values()]);
    }
    return {
      ...attached,
      startApiServer,
      stopApiServer: async () => running.get('kube-apiserver')?.kill(),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Deletes the folders of processes that were killed before they could. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : Number.NaN;
    if (pid > 0 && !isAlive(pid)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
