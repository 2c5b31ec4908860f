// rolling-update: a change of `spec.pod` replaces every pod of the gateway, and no phone notices.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'rolling-update');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

test('all pods are replaced under load without a loss', async () => {
  await using traffic = await Traffic.start(setup, { name: 'rolling-update' });
  const before = await setup.pods();
  await setup.patchGateway({ pod: { labels: { release: 'second' } } });
  await setup.podsSettled(2, before);
  await setup.waitReady();
  await traffic.answered(100);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
