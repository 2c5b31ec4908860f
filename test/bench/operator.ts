// What the operator costs beside a real API server (no pods): memory, time from a restart to work, and writes.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundle } from '../../build/bundle.ts';
import { operatorMemory } from '../../build/images.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { inParallel } from '../../operator/kube/in-parallel.ts';
import { type KubeObject, resourceTypes, typeOf } from '../../operator/kube/resource.ts';
import { type ControlPlane, startControlPlane } from '../apiserver/control-plane.ts';
import {
  AuditLog,
  exchangeRoute,
  installCRDs,
  sentryGateway,
  untilQuiet,
} from '../apiserver/operator-run.ts';
import type { Figure } from './figures.ts';
import { freePort, MeasuredProcess, median, PROXY_CORE } from './process.ts';

const GATEWAYS = 100;
const ROUTES = 1_000;
const MANY_ROUTES = 10_000;
const EDITS = 20;
const MANY_EDITS = 5;
const QUIET_MS = 5_000;
/** Ten thousand new routes are thirty thousand writes: a status and two events each. */
const DEADLINE_MS = 1_800_000;
const MEGABYTE = 1_000_000;

/** A hundred gateways with a thousand routes. @param directory for the bundle and the log */
export async function measureOperator({ directory }: { readonly directory: string }): Promise<Figure[]> {
  return onControlPlane(directory, await writeBundle(directory), measureMany);
}

/** One gateway with ten thousand routes. @param directory for the bundle and the log */
export async function measureManyRoutes({ directory }: { readonly directory: string }): Promise<Figure[]> {
  return onControlPlane(directory, await writeBundle(directory), measureOne);
}

interface Bench {
  readonly controlPlane: ControlPlane;
  readonly client: KubeClient;
  readonly audit: AuditLog;
  /** Starts the bundled operator, as its image does; resolves when it is ready. */
  readonly start: () => Promise<{ readonly process: MeasuredProcess; readonly syncedMs: number }>;
}

async function writeBundle(directory: string): Promise<string> {
  const folder = join(directory, 'operator');
  await mkdir(folder, { recursive: true });
  const { files } = await bundle({ entry: 'operator/main.ts' });
  for (const [name, content] of files) await writeFile(join(folder, name), content);
  return join(folder, 'main.mjs');
}

async function onControlPlane(
  directory: string,
  program: string,
  measure: (bench: Bench) => Promise<Figure[]>,
): Promise<Figure[]> {
  const controlPlane = await startControlPlane();
  const client = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
  const started: MeasuredProcess[] = [];
  const start = async () => {
    const port = await freePort();
    const startedAt = performance.now();
    const command = [
      ...[process.execPath, ...operatorMemory.flags, program, '--gateway-image', 'sentry-gateway'],
      ...['--kubeconfig', controlPlane.kubeconfigPath, '--health', `127.0.0.1:${port}`],
    ];
    const operator = MeasuredProcess.start(PROXY_CORE, command, {
      logFile: join(directory, 'operator.log'),
      env: { NODE_ENV: 'production', ...operatorMemory.environment },
    });
    started.push(operator);
    while (!(await isReady(port))) await sleep(20);
    return { process: operator, syncedMs: performance.now() - startedAt };
  };
  try {
    await installCRDs(controlPlane);
    return await measure({ controlPlane, client, audit: await AuditLog.from(controlPlane), start });
  } finally {
    await Promise.all(started.map((operator) => operator.stop()));
    await client.close();
    await controlPlane.stop();
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
  } catch {
    return false;
  }
}

/** Many gateways with a few routes each. */
async function measureMany({ controlPlane, client, audit, start }: Bench): Promise<Figure[]> {
  await create(client, GATEWAYS, (index) => sentryGateway('default', `mail-${index}`));
  await create(client, ROUTES, (index) =>
    exchangeRoute('default', `route-${index}`, `mail-${index % GATEWAYS}`),
  );
  const first = await start();
  await quiet(audit);
  const afterMakingBytes = first.process.residentBytes();
  await first.process.stop();

  await audit.requests();
  const second = await start();
  await sleep(QUIET_MS);
  const writesOfRestart = await quiet(audit);
  for (let resync = 0; resync < 2; resync += 1) {
    await controlPlane.stopApiServer();
    await controlPlane.startApiServer();
    await sleep(4 * QUIET_MS);
  }
  const writesOfWatches = await quiet(audit);

  const writes: number[] = [];
  for (let edit = 0; edit < EDITS; edit += 1) {
    await editRoute(client, `route-${edit}`, edit);
    writes.push((await quiet(audit, 1_500)) - 1);
  }
  const residentBytes = second.process.residentBytes();
  await second.process.stop();
  return [
    { name: 'operator.rss-1000-routes-mb', value: residentBytes / MEGABYTE, goal: 130 },
    { name: 'operator.rss-after-making-100-gateways-mb', value: afterMakingBytes / MEGABYTE },
    { name: 'operator.restart-to-synced-ms', value: second.syncedMs, goal: 10_000 },
    { name: 'operator.writes-of-restart', value: writesOfRestart, goal: 0 },
    { name: 'operator.writes-of-new-watches', value: writesOfWatches, goal: 0 },
    { name: 'operator.writes-per-route-edit', value: median(writes) },
    { name: 'operator.writes-per-route-edit-max', value: Math.max(...writes) },
  ];
}

/** One gateway with very many routes. */
async function measureOne({ client, audit, start }: Bench): Promise<Figure[]> {
  await create(client, 1, () => sentryGateway('default', 'mail'));
  await create(client, MANY_ROUTES, (index) => exchangeRoute('default', `route-${index}`, 'mail'));
  const operator = await start();
  const startedAt = performance.now();
  await delivered(client, '1');
  const firstMs = performance.now() - startedAt;
  await quiet(audit);
  const times: number[] = [];
  for (let edit = 0; edit < MANY_EDITS; edit += 1) {
    const editedAt = performance.now();
    await editRoute(client, `route-${edit}`, edit);
    await delivered(client, String(edit + 2));
    times.push(performance.now() - editedAt);
    await quiet(audit);
  }
  return [
    { name: 'operator.10000-routes-rss-mb', value: operator.process.residentBytes() / MEGABYTE },
    { name: 'operator.10000-routes-start-to-written-ms', value: firstMs },
    { name: 'operator.10000-routes-edit-to-written-ms', value: median(times) },
  ];
}

async function create(client: KubeClient, count: number, make: (index: number) => KubeObject): Promise<void> {
  const objects = Array.from({ length: count }, (_, index) => make(index));
  await inParallel(16, objects, (object) => client.create(typeOf(object), object));
}

/** The bench's own request is one that the audit log counts. */
async function editRoute(client: KubeClient, name: string, edit: number): Promise<void> {
  const servers = [{ name: 'mbx1', url: `https://edited-${edit}.example.com`, priority: 0 }];
  await client.mergePatch(resourceTypes.exchangeRoute, { namespace: 'default', name }, { spec: { servers } });
}

async function quiet(audit: AuditLog, quietMs = QUIET_MS): Promise<number> {
  return (await untilQuiet(audit, quietMs, DEADLINE_MS)).length;
}

/** Waits until the index of the gateway's snapshot is of this generation. */
async function delivered(client: KubeClient, generation: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const { items } = await client.list<KubeObject>(resourceTypes.secret, {
      namespace: 'default',
      labelSelector: 'sentrygateway.io/snapshot=mail-snapshot',
      metadataOnly: true,
    });
    const index = items.find(({ metadata }) => metadata.name === 'mail-snapshot-0');
    if (index?.metadata.annotations?.['sentrygateway.io/snapshot-generation'] === generation) return;
    if (performance.now() > deadline) throw new Error(`no snapshot of generation ${generation}`);
    await sleep(20);
  }
}
