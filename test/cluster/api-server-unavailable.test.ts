// api-server-unavailable: mail flows on while the API server is away; when it is back an edit is served and told as ever.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'api-server-unavailable');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

test('nobody but administrators notices, and status is right again', async () => {
  await using traffic = await Traffic.start(setup, { name: 'api-server-unavailable' });
  const before = await setup.pods();
  await setup.cluster.stopProgram('kube-apiserver');
  expect(await setup.cluster.get('/readyz')).toMatchObject({ status: 0 });
  await traffic.answered(100);
  expect(traffic.figures).toMatchObject({ lost: 0, unavailable: 0 });

  await setup.cluster.startProgram('kube-apiserver');
  await setup.applyRoute(['mbx2']);
  await setup.waitReady();
  expect((await setup.pods()).map(({ name }) => name)).toEqual(before.map(({ name }) => name));
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
