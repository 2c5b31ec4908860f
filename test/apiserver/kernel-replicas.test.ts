// Two processes of the operator on a real API server: one writes, the other takes over whatever becomes of the first.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KubeClient } from '../../operator/kube/client.ts';
import { type KubeObject, resourceTypes, typeOf } from '../../operator/kube/resource.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { FaultyProxy } from './faulty-proxy.ts';
import { eventually, exchangeRoute, installCRDs, sentryGateway } from './operator-run.ts';
import { issueToken, makeServiceAccount, tokenAccess, type TokenAccess } from './proxied-client.ts';

const namespace = 'default';
const repository = join(import.meta.dirname, '../..');

interface Replica {
  readonly url: string;
  readonly exitCode: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
  metrics(): Promise<string>;
  isReady(): Promise<boolean>;
}

let controlPlane: ControlPlane;
let client: KubeClient;
let proxy: FaultyProxy;
let access: TokenAccess;
const replicas: Replica[] = [];

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await installCRDs(controlPlane);
  await makeServiceAccount(controlPlane, 'replicas');
  client = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
  proxy = await FaultyProxy.start(controlPlane.handle);
  access = tokenAccess(controlPlane, {
    server: proxy.url,
    token: await issueToken(controlPlane, 'replicas'),
  });
});

afterAll(async () => {
  for (const replica of replicas) replica.kill('SIGKILL');
  await Promise.all(replicas.map(({ exitCode }) => exitCode));
  await client.close();
  await proxy[Symbol.asyncDispose]();
  access[Symbol.dispose]();
  await controlPlane.stop();
});

/** Starts a process as a pod would; resolves when its caches are warm. */
async function start(kubeconfig: string): Promise<Replica> {
  const args = ['operator/main.ts', '--gateway-image', 'registry.example/sentry-gateway:1.0.0'];
  const flags = ['--kubeconfig', kubeconfig, '--lease-namespace', namespace, '--health', '127.0.0.1:0'];
  const child = spawn(process.execPath, [...args, ...flags], {
    cwd: repository,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exitCode = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    const lines: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      lines.push(line);
      const { url } = JSON.parse(line) as { url?: string };
      if (url !== undefined) resolve(url);
    });
    void exitCode.then((code) => reject(new Error(`the operator ended with ${code}: ${lines.join('\n')}`)));
  });
  const replica = {
    url,
    exitCode,
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
    isReady: async () => (await fetch(`${url}/readyz`)).ok,
  };
  replicas.push(replica);
  await eventually('its caches are warm', replica.isReady);
  return replica;
}

async function leads(replica: Replica): Promise<boolean> {
  return (await replica.metrics()).includes('leader_election_master_status{name="sentry-operator"} 1');
}

async function holder(): Promise<string | undefined> {
  interface Lease extends KubeObject {
    readonly spec: { readonly holderIdentity?: string };
  }
  const lease = await client.get<Lease>(resourceTypes.lease, { namespace, name: 'sentry-operator' });
  return lease.spec.holderIdentity;
}

/** Edits the route and waits until its status is about the edit. */
async function isWorkedOn(server: string): Promise<void> {
  interface Route extends KubeObject {
    readonly status?: { readonly observedGeneration?: number };
  }
  const target = { namespace, name: 'mail' };
  const servers = [{ name: server, url: `https://${server}.example.com`, priority: 0 }];
  await client.mergePatch(resourceTypes.exchangeRoute, target, { spec: { servers } });
  await eventually('the edit is worked on', async () => {
    const { metadata, status } = await client.get<Route>(resourceTypes.exchangeRoute, target);
    return status?.observedGeneration === metadata.generation;
  });
}

test('one replica works at a time, and another takes over when it is cut off or stopped', async () => {
  for (const object of [sentryGateway(namespace, 'mail'), exchangeRoute(namespace, 'mail', 'mail')]) {
    await client.create(typeOf(object), object);
  }
  const first = await start(access.kubeconfig);
  await eventually('the first one leads', () => leads(first));
  await isWorkedOn('mbx1');
  const second = await start(controlPlane.kubeconfigPath);
  const before = await holder();
  expect(await leads(second)).toBe(false);
  const metrics = await second.metrics();
  expect(metrics).toContain(
    'controller_runtime_reconcile_total{controller="sentrygateway",result="success"} 0',
  );
  expect(metrics).toMatch(/rest_client_requests_total\{code="200",method="GET",host="127.0.0.1:\d+"\} \d+/);

  proxy.failBy(() => 'silence');
  proxy.cutWatches();
  expect(await first.exitCode).toBe(1);
  await eventually('the second one leads', () => leads(second));
  expect(await holder()).not.toBe(before);
  await isWorkedOn('mbx2');
  expect(await second.metrics()).toMatch(
    /controller_runtime_reconcile_total\{controller="sentrygateway",result="[a-z_]+"\} [1-9]/,
  );

  const third = await start(controlPlane.kubeconfigPath);
  second.kill('SIGTERM');
  expect(await second.exitCode).toBe(0);
  await eventually('the third one leads', () => leads(third));
  await isWorkedOn('mbx3');

  third.kill('SIGTERM');
  expect(await third.exitCode).toBe(0);
  expect(await holder()).toBe(undefined);
});
