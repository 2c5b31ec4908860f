// autoscaling-switch: autoscaling is switched on and off under load; the number of pods never changes by accident.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'autoscaling-switch');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

/** Every number of replicas that the Deployment has had, until the signal is aborted. */
async function replicasSeen(signal: AbortSignal): Promise<Set<number>> {
  const path = `/apis/apps/v1/namespaces/${setup.namespace}/deployments/mail`;
  const seen = new Set<number>();
  while (!signal.aborted) {
    const { body } = await setup.cluster.get(path);
    seen.add((JSON.parse(body) as { spec: { replicas: number } }).spec.replicas);
    await sleep(50);
  }
  return seen;
}

async function hasAutoscaler(): Promise<boolean> {
  return (await setup.kubectl(['get', 'horizontalpodautoscalers', '-o', 'name'])) !== '';
}

test('the pods stay when autoscaling comes and goes, and only the autoscaler has ever changed their number', async () => {
  await setup.scale(3);
  await using traffic = await Traffic.start(setup, { name: 'autoscaling-switch' });
  const before = await setup.pods();
  const watching = new AbortController();
  const seen = replicasSeen(watching.signal);

  await setup.patchGateway({ replicas: null, autoscaling: { min: 2, max: 5 } });
  await eventually('there is an autoscaler', hasAutoscaler);
  await setup.waitReady();
  await traffic.answered(100);

  await setup.patchGateway({ autoscaling: null });
  await eventually('there is no autoscaler', async () => !(await hasAutoscaler()));
  await setup.waitReady();
  await traffic.answered(100);

  expect((await setup.pods()).map(({ name }) => name)).toEqual(before.map(({ name }) => name));

  await setup.patchGateway({ autoscaling: { min: 4, max: 5 } });
  await setup.kubectl([
    'wait',
    '--for=jsonpath={.status.readyReplicas}=4',
    '--timeout=60s',
    'deployment/mail',
  ]);
  await setup.patchGateway({ autoscaling: null });
  await eventually('there is no autoscaler', async () => !(await hasAutoscaler()));
  await setup.waitReady();
  await traffic.answered(100);
  watching.abort();
  expect([...(await seen)]).toEqual([3, 4]);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
