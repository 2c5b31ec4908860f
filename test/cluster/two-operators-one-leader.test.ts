// two-operators-one-leader: of two replicas one works; it dies without a word, the other takes over, and no phone notices.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { kubectl, operatorReplicas, scaleOperator } from './operator-installation.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

const system = ['--namespace', 'sentry-system'];

let setup: MailSetup;
let replicas: number;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'two-operators-one-leader');
  replicas = await operatorReplicas(setup.cluster);
  await scaleOperator(setup.cluster, 2);
  await setup.applyFirstManifest();
});

afterAll(async () => {
  await scaleOperator(setup.cluster, replicas);
  await setup.remove();
});

/** The pod that holds the lease; empty when nobody does. */
async function leader(): Promise<string> {
  const path = 'jsonpath={.spec.holderIdentity}';
  const identity = await kubectl(setup.cluster, ['get', 'lease', 'sentry-operator', ...system, '-o', path]);
  return (await operatorPods()).find((name) => identity.startsWith(name)) ?? '';
}

async function operatorPods(): Promise<string[]> {
  const names = ['get', 'pods', ...system, '-o', 'jsonpath={.items[*].metadata.name}'];
  return (await kubectl(setup.cluster, names)).split(' ');
}

/** Which replicas have written anything but the lease into this namespace, so far. */
function writers(): Set<string> {
  const names = new Set<string>();
  for (const line of readFileSync(setup.cluster.auditLogPath, 'utf8').split('\n')) {
    if (!line.includes(`"namespace":"${setup.namespace}"`) || !line.includes(':sentry-operator"')) continue;
    const { verb, user } = JSON.parse(line) as {
      verb: string;
      user: { extra?: Record<string, string[]> };
    };
    const pod = user.extra?.['authentication.kubernetes.io/pod-name']?.[0];
    if (pod !== undefined && !['get', 'list', 'watch'].includes(verb)) names.add(pod);
  }
  return names;
}

/** Stops the process of a pod as when its machine hangs: it neither renews its lease nor gives it up. */
async function freeze(pod: string): Promise<void> {
  const path = 'jsonpath={.status.containerStatuses[0].containerID}';
  const id = await kubectl(setup.cluster, ['get', 'pod', pod, ...system, '-o', path]);
  const pidFile = `/run/containerd/io.containerd.runtime.v2.task/k8s.io/${id.replace('containerd://', '')}/init.pid`;
  const { code } = await setup.cluster.nodeExec(['sh', '-c', `kill -STOP "$(cat ${pidFile})"`]);
  expect(code).toBe(0);
}

test('only the leader writes, and the other takes over from one that hangs', async () => {
  await using traffic = await Traffic.start(setup, { name: 'two-operators-one-leader' });
  const first = await leader();
  expect(await operatorPods()).toHaveLength(2);
  expect([...writers()]).toEqual([first]);

  await freeze(first);
  await setup.applyRoute(['mbx2']);
  await eventually('the other one leads', async () => ![first, ''].includes(await leader()));
  const second = await leader();
  await setup.waitReady();
  expect([...writers()].toSorted()).toEqual([first, second].toSorted());
  await traffic.answered(100);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
