// scale-up-and-down: pods come and go by `kubectl scale`, and no phone notices.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'scale-up-and-down');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

test('two pods become four, and then one, under load without a loss', async () => {
  await using traffic = await Traffic.start(setup, { name: 'scale-up-and-down' });
  await setup.scale(4);
  await traffic.answered(100);
  await setup.scale(1);
  await setup.waitReady();
  await traffic.answered(100);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
