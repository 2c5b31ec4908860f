// etcd-restarted: the cluster's database dies under a running API server and comes back; mail flows on, and status is right again.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'etcd-restarted');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

test('nobody but administrators notices, and status is right again', async () => {
  await using traffic = await Traffic.start(setup, { name: 'etcd-restarted' });
  const before = await setup.pods();
  await setup.cluster.stopProgram('etcd');
  await eventually(
    'the API server is not ready',
    async () => (await setup.cluster.get('/readyz')).status !== 200,
  );
  await traffic.answered(100);
  expect(traffic.figures).toMatchObject({ lost: 0, unavailable: 0 });

  await setup.cluster.startProgram('etcd');
  await eventually(
    'the API server is ready',
    async () => (await setup.cluster.get('/readyz')).status === 200,
  );
  await setup.applyRoute(['mbx2']);
  await setup.waitReady();
  expect((await setup.pods()).map(({ name }) => name)).toEqual(before.map(({ name }) => name));
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
