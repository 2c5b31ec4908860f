// rolling-update: a change of `spec.pod` replaces every pod of the gateway, and no phone notices.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'rolling-update', {
    gateway: { drain: { seconds: 5, propagationSeconds: 5 } },
  });
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

async function podNames(): Promise<string[]> {
  return (await setup.kubectl(['get', 'pods', '-o', 'jsonpath={.items[*].metadata.name}'])).split(' ');
}

test('pods are replaced under load without a loss', async () => {
  await using traffic = await Traffic.start(setup, { name: 'rolling-update' });
  const before = await podNames();
  await setup.kubectl([
    ...['patch', 'sentrygateway', 'mail', '--type=merge'],
    ...['--patch', JSON.stringify({ spec: { pod: { labels: { release: 'second' } } } })],
  ]);
  await eventually('the old pods are gone', async () => {
    const names = await podNames();
    return names.length === 2 && names.every((name) => !before.includes(name));
  });
  await setup.waitReady();
  await traffic.answered(100);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
