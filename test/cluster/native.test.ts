// The native cluster itself: pods from images made here, Services, both ways of the network, and nothing left behind.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodePath, nodeRuntime } from '../../build/node-runtime.ts';
import { writeImage } from '../../build/oci-image.ts';
import { runCommand } from './native/access.ts';
import { attachCluster, startCluster } from './native/cluster.ts';
import type { Cluster, ClusterHandle } from './native/cluster.ts';
import { until } from './native/control-plane-commands.ts';
import { cgroupsOf, readIfThere } from './native/isolation.ts';
import { slots } from './native/slots.ts';
import type { Slot } from './native/slots.ts';

const before = machineState();
const temporary = mkdtempSync(join(tmpdir(), 'sentry-native-'));
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
  const tar = join(temporary, 'server.tar');
  const { architecture, entries } = nodeRuntime();
  await writeImage(tar, {
    reference: 'docker.io/library/server:test',
    architecture,
    layers: [entries, [{ path: '/server.mjs', content: server }]],
    entrypoint: [nodePath, '/server.mjs'],
    user: '65532:65532',
  });
  await cluster.importImage(tar);
});
afterAll(async () => {
  await cluster.stop();
  rmSync(temporary, { recursive: true });
});

// GET /: who it runs as. GET /?url=…: the answer of that URL, as the pod gets it.
const server = `
  import { createServer } from 'node:http';
  createServer(async (request, response) => {
    const url = new URL(request.url, 'http://pod').searchParams.get('url');
    const answer = url === null ? 'uid ' + process.getuid() : await fetch(url).then((r) => r.text(), (e) => String(e.cause));
    response.end(answer);
  }).listen(8080);
  process.on('SIGTERM', () => process.exit(0));`;

const manifests = (host: string): object[] => [
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'server', namespace: 'default', labels: { app: 'server' } },
    spec: {
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      hostAliases: [{ ip: host, hostnames: ['test.example'] }],
      volumes: [{ name: 'ca', configMap: { name: 'kube-root-ca.crt' } }],
      containers: [
        {
          name: 'server',
          image: 'server:test',
          imagePullPolicy: 'Never',
          env: [{ name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' }],
          volumeMounts: [{ name: 'ca', mountPath: '/ca' }],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
          resources: { limits: { cpu: '1', memory: '128Mi' } },
        },
      ],
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'server', namespace: 'default' },
    spec: { selector: { app: 'server' }, ports: [{ port: 80, targetPort: 8080 }] },
  },
];

async function get(url: string): Promise<string> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      // kube-proxy learns of an endpoint a moment after the pod is ready.
      if (performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

test('a locked-down pod from an image made here serves at the cluster IP of its Service, and reaches itself, the test and the API server', async () => {
  const items = manifests(cluster.addresses.host);
  const applied = await cluster.kubectl(
    ['apply', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  );
  expect(applied).toMatchObject({ code: 0 });
  const ready = await cluster.kubectl(['wait', '--for=condition=Ready', 'pod/server', '--timeout=60s']);
  expect(ready).toMatchObject({ code: 0 });
  const address = await cluster.kubectl(['get', 'service', 'server', '-o', 'jsonpath={.spec.clusterIP}']);
  const service = `http://${address.stdout}`;
  expect(await get(service)).toBe('uid 65532');
  expect(await get(`${service}/?url=${service}`)).toBe('uid 65532');

  const ours = createServer((_, response) => response.end('the test')).listen(0, cluster.addresses.host);
  await new Promise((resolve) => ours.once('listening', resolve));
  const { port } = ours.address() as AddressInfo;
  expect(await get(`${service}/?url=http://test.example:${port}`)).toBe('the test');
  await new Promise((resolve) => ours.close(resolve));

  const apiAddress = await cluster.kubectl([
    'get',
    'service',
    'kubernetes',
    '-o',
    'jsonpath={.spec.clusterIP}',
  ]);
  expect(await get(`${service}/?url=https://${apiAddress.stdout}/version`)).toContain('"gitVersion": "v1.');
});

test('logs of a pod, commands on the node and commands in the network of a pod can be had', async () => {
  const logs = await cluster.kubectl(['logs', 'server']);
  expect(logs).toMatchObject({ code: 0, stdout: '' });
  const listening = await cluster.podExec('default', 'server', [
    'ss',
    '--listening',
    '--tcp',
    '--numeric',
    '--no-header',
  ]);
  expect(listening.stdout.split('\n').filter(Boolean)).toEqual([expect.stringContaining(':8080')]);
  expect((await cluster.nodeExec(['cat', '/proc/1/comm'])).stdout).toBe('bash\n');
  await expect(cluster.podExec('default', 'nobody', ['true'])).rejects.toThrow('has no running container');
});

test('kubectl works while other processes open the same cluster', async () => {
  const opening = Array.from({ length: 40 }, () => attachCluster(cluster.handle));
  const calls = Array.from({ length: 8 }, () => cluster.kubectl(['get', 'nodes', '-o', 'name']));
  await Promise.all(opening);
  for (const { code, stderr } of await Promise.all(calls))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('the API server can be away: pods serve on, and it comes back', async () => {
  const address = await cluster.kubectl(['get', 'service', 'server', '-o', 'jsonpath={.spec.clusterIP}']);
  await cluster.stopProgram('kube-apiserver');
  expect(await cluster.get('/readyz')).toMatchObject({ status: 0 });
  expect(await get(`http://${address.stdout}`)).toBe('uid 65532');
  await cluster.startProgram('kube-apiserver');
  expect(await cluster.get('/api/v1/namespaces/default/pods/server')).toMatchObject({ status: 200 });
});

test('a cluster whose process is killed ends by itself, and a stopped one leaves nothing of either', async () => {
  const script = `
    const { startCluster } = await import(${JSON.stringify(join(import.meta.dirname, 'native/cluster.ts'))});
    console.log(JSON.stringify((await startCluster()).handle));
    setInterval(() => undefined, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const killed = await new Promise<ClusterHandle>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString()) as ClusterHandle));
    child.once('exit', (code) => reject(new Error(`the other process ended with ${code}`)));
  });
  const killedSlot = slotOf(killed);
  expect(killedSlot).not.toBe(slotOf(cluster.handle));
  child.kill('SIGKILL');
  await until('its processes are gone', [], async () => processesOf(killedSlot).length === 0);
  expect(await tracesOf(killedSlot)).toContain(killedSlot.folder);

  const next = await startCluster();
  expect(slotOf(next.handle)).toBe(killedSlot);
  expect((await next.kubectl(['get', 'nodes', '-o', 'name'])).stdout).toBe('node/node\n');
  await next.stop();
  expect(await tracesOf(killedSlot)).toEqual([]);

  const again = await startCluster();
  await again.stop();
  await cluster.stop();
  expect(await tracesOf(slotOf(again.handle))).toEqual([]);
  expect(await tracesOf(slotOf(cluster.handle))).toEqual([]);
  expect(machineState()).toEqual(before);
});

function slotOf({ slot }: ClusterHandle): Slot {
  const found = slots[slot];
  if (found === undefined) throw new Error(`there is no slot ${slot}`);
  return found;
}

/** What a cluster in the slot has left on this machine. */
async function tracesOf(slot: Slot): Promise<string[]> {
  const network = await runCommand(['ip', 'route', 'show']);
  const routes = network.stdout.split('\n').filter((line) => line.includes(` ${slot.interface} `));
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(slot.folder));
  const paths = [slot.folder, `/sys/class/net/${slot.interface}`, ...cgroupsOf(slot)].filter(existsSync);
  return [...processesOf(slot), ...routes, ...mounts, ...paths];
}

/** Command lines that name the slot's state, and processes in its pods' cgroup. */
function processesOf(slot: Slot): string[] {
  const named = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) =>
      `${readIfThere(`/proc/${pid}/cmdline`)} ${readIfThere(`/proc/${pid}/cgroup`)}`.replaceAll('\0', ' '),
    );
  return named.filter(
    (text) => text.includes(slot.folder) || text.includes(slot.lockPath) || text.includes(slot.cgroup),
  );
}

/** What of the machine itself a cluster could change. */
function machineState(): object {
  const folders = [
    '/var/lib/cni',
    '/var/lib/kubelet',
    '/var/lib/containerd',
    '/run/containerd',
    '/var/log/pods',
  ];
  const settings = ['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/panic_on_oops'];
  return {
    folders: folders.filter(existsSync),
    settings: settings.map((name) => [name, readIfThere(`/proc/sys/${name}`)]),
    forwarding: readIfThere('/proc/sys/net/ipv4/ip_forward'),
  };
}
