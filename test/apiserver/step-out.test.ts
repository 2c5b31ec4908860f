// Stepping out against a real API server: what pods are told, what they make of it, and what is said about it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { GatewayReport } from '../../gateway/config/report.ts';
import { StepOut } from '../../gateway/step-out.ts';
import type { SteppingPod } from '../../operator/infra/kubernetes/step-out-view.ts';
import { type SteppingGateway, StepOuts } from '../../operator/infra/kubernetes/step-outs.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { type KubeObject, resourceTypes } from '../../operator/kube/resource.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

const ANNOTATION = 'sentrygateway.io/step-out';
const namespace = 'default';
const HOUR = 3_600_000;
const log = pino({ level: 'silent' });

let controlPlane: ControlPlane;
let client: KubeClient;
let number = 0;
/** Ms that have passed for the operator. */
let elapsed: number;
let gateway: SteppingGateway;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  client = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } };
  await client.create(resourceTypes.serviceAccount, account);
});

afterAll(async () => {
  await client.close();
  await controlPlane.stop();
});

beforeEach(() => {
  elapsed = 0;
  const name = `mail-${++number}`;
  const apiVersion = 'sentrygateway.io/v1alpha1';
  const owner = {
    apiVersion,
    kind: 'SentryGateway',
    name,
    uid: `5f6c1a52-0000-4000-8000-00000000000${number}`,
  };
  gateway = { key: `${namespace}/${name}`, namespace, name, owner };
});

/** With an operator whose clock differs from the pods' by so many ms. */
function stepOuts(offsetMs = 0, registry?: Registry): StepOuts {
  return new StepOuts({ client, log, registry, now: () => Date.now() + offsetMs, elapsedMs: () => elapsed });
}

async function createPod(suffix: string): Promise<string> {
  const name = `${gateway.name}-${suffix}`;
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, annotations: { 'example.com/kept': 'yes' } },
    spec: { automountServiceAccountToken: false, containers: [{ name: 'gateway', image: 'gateway' }] },
  };
  await client.create(resourceTypes.pod, object);
  return name;
}

async function annotations(name: string): Promise<Record<string, string>> {
  const pod = await client.get<KubeObject>(resourceTypes.pod, { namespace, name });
  return { ...pod.metadata.annotations };
}

async function events(): Promise<string[]> {
  const { body } = await controlPlane.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
  const { items } = JSON.parse(body) as {
    items: { type: string; reason: string; note: string; regarding: { name: string } }[];
  };
  return items
    .filter(({ regarding }) => regarding.name === gateway.name)
    .map(({ type, reason, note }) => `${type} ${reason}: ${note}`);
}

/** A pod as it is observed, with its live annotations or those given. */
async function observed(
  name: string,
  reachable: boolean,
  live?: Record<string, string>,
): Promise<SteppingPod> {
  const now = new Date().toISOString();
  const lastError = reachable ? null : 'The connection to the server could not be made (ECONNREFUSED)';
  const servers = [
    { route: 'default/a', server: 'mbx1', healthy: false, reachable, since: now, lastError },
    { route: 'default/a', server: 'mbx2', healthy: false, reachable: false, since: now, lastError: 'gone' },
  ];
  const report: GatewayReport = {
    build: '1',
    startedAt: new Date(Date.now() - HOUR).toISOString(),
    now,
    ready: true,
    draining: false,
    snapshot: null,
    refused: null,
    openConnections: 0,
    openPolls: 0,
    devicesSeen: 0,
    servers,
  };
  return { namespace, name, ready: true, annotations: live ?? (await annotations(name)), report };
}

test('a pod is told by an annotation, told again, and let back, with an event of each change on the gateway', async () => {
  const [a, b] = [await createPod('a'), await createPod('b')];
  const registry = new Registry();
  const outs = stepOuts(0, registry);
  const look = async (reached: boolean): Promise<boolean> => {
    const pods = [await observed(a, true), await observed(b, reached)];
    return (await outs.follow(gateway, pods, 2)).unsettled;
  };
  expect(await look(false)).toBe(true);
  expect(await annotations(b)).not.toHaveProperty([ANNOTATION]);
  elapsed += 6000;
  expect(await look(false)).toBe(true);
  const first = await annotations(b);
  const { reason, expires } = JSON.parse(first[ANNOTATION] ?? '') as { reason: string; expires: string };
  const because =
    'no server of ExchangeRoute default/a is in reach here, while other pods reach one: mbx1: The connection to the server could not be made (ECONNREFUSED)';
  expect(reason).toBe(because);
  expect(Date.parse(expires) - Date.now()).toBeLessThanOrEqual(60_000);
  expect(first['example.com/kept']).toBe('yes');
  expect(outs.outOf(gateway.key)).toEqual([{ name: b, reason }]);
  const gauge = `sentry_operator_stepped_out_pods{gateway="${gateway.key}"}`;
  expect(await registry.metrics()).toContain(`${gauge} 1\n`);
  expect(await annotations(a)).toEqual({ 'example.com/kept': 'yes' });

  await look(true);
  elapsed += 11_000;
  expect(await look(true)).toBe(false);
  expect(await annotations(b)).toEqual({ 'example.com/kept': 'yes' });
  expect(outs.outOf(gateway.key)).toEqual([]);
  expect(await registry.metrics()).toContain(`${gauge} 0\n`);
  expect((await events()).toSorted()).toEqual([
    `Normal PodLetBack: pod ${b} takes phones again`,
    `Warning PodSteppedOut: pod ${b} gets no new phones: ${because}`,
  ]);
});

test.each([
  ['an hour behind', -HOUR],
  ['right', 0],
  ['an hour ahead', HOUR],
])(
  'a gateway obeys an operator whose clock is %s, and for no longer than it should',
  async (_name, offset) => {
    const [a, b] = [await createPod('a'), await createPod('b')];
    const outs = stepOuts(offset);
    await outs.follow(gateway, [await observed(a, true), await observed(b, false)], 2);
    elapsed += 6000;
    await outs.follow(gateway, [await observed(a, true), await observed(b, false)], 2);

    const folder = await mkdtemp(join(tmpdir(), 'step-out-'));
    const file = join(folder, 'step-out');
    await writeFile(file, (await annotations(b))[ANNOTATION] ?? '');
    let passed = 0;
    const stepOut = new StepOut({ file, now: () => Date.now() + passed });
    expect(await stepOut.reason()).toMatch(/^no server of ExchangeRoute default\/a/);
    passed = 15_000;
    expect(await stepOut.reason()).not.toBeNull();
    passed = 31_000;
    expect(await stepOut.reason()).toBeNull();
    await rm(folder, { recursive: true });
  },
);

test('another operator goes on where one has ended', async () => {
  const [a, b] = [await createPod('a'), await createPod('b')];
  const first = stepOuts();
  await first.follow(gateway, [await observed(a, true), await observed(b, false)], 2);
  elapsed += 6000;
  await first.follow(gateway, [await observed(a, true), await observed(b, false)], 2);
  const second = stepOuts();
  const { unsettled } = await second.follow(gateway, [await observed(a, true), await observed(b, false)], 2);
  expect(unsettled).toBe(true);
  expect(second.outOf(gateway.key)).toHaveLength(1);
  expect(await annotations(b)).toHaveProperty([ANNOTATION]);
  expect(await events()).toHaveLength(1);

  const third = stepOuts();
  await third.follow(gateway, [await observed(a, true), await observed(b, true)], 2);
  expect(await annotations(b)).not.toHaveProperty([ANNOTATION]);
});

test('a pod that could not be told is told at the next look, and one that is gone troubles nobody', async () => {
  const [a, b] = [await createPod('a'), await createPod('b')];
  const outs = stepOuts();
  const look = () =>
    Promise.all([observed(a, true, {}), observed(b, false, {})]).then((pods) =>
      outs.follow(gateway, pods, 2),
    );
  await look();
  elapsed += 6000;
  await controlPlane.stopApiServer();
  await expect(look()).rejects.toThrow(/ECONNREFUSED|socket|closed/);
  expect(outs.outOf(gateway.key)).toEqual([]);
  await controlPlane.startApiServer();
  await look();
  expect(await annotations(b)).toHaveProperty([ANNOTATION]);

  const gone = [await observed(a, true), await observed('gone', false, {})];
  await outs.follow(gateway, gone, 2);
  elapsed += 6000;
  await outs.follow(gateway, gone, 2);
  expect(outs.outOf(gateway.key)).toEqual([expect.objectContaining({ name: 'gone' })]);
});
