// route-change: an edit reaches the pods by Secret and touch, under an open poll, and status follows.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'route-change');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

async function podNames(): Promise<string[]> {
  return (await setup.pods()).map(({ name }) => name);
}

test('an edited route is served by the same pods, and an open poll outlives the edit', async () => {
  await using traffic = await Traffic.start(setup, { name: 'route-change' });
  const { journal } = setup.exchange.organisation;
  const before = await podNames();
  const phone = setup.phone('alice@example.com', 'Basic');
  await phone.folderSync();
  await phone.sync();
  const ping = phone.ping(470);
  const isOpen = (): boolean =>
    journal.openPolls.some(({ deviceId, frontEnd }) => deviceId === phone.deviceId && frontEnd === 'mbx1');
  await journal.until(isOpen);

  await setup.applyRoute(['mbx2']);
  await eventually('the route is programmed in its new generation', async () => {
    return (await setup.condition('exchangeroute/example-com', 'Programmed'))?.status === 'True';
  });

  const other = setup.phone('bob@example.com', 'Basic');
  await other.folderSync();
  const requests = journal.requests.filter(({ user }) => user?.startsWith('bob'));
  expect(new Set(requests.map(({ frontEnd }) => frontEnd))).toEqual(new Set(['mbx2']));
  await traffic.answered(300);
  expect(isOpen()).toBe(true);
  setup.exchange.organisation.deliver('alice@example.com', { subject: 'after the edit' });
  expect(await ping).toMatchObject({ kind: 'changed' });
  expect(await podNames()).toEqual(before);
  expect(setup.report.summary()).toMatchObject({ lost: 0, unavailable: 0 });
  expect(await traffic.finish()).toMatchObject(nothingLost);
});

test('a route whose CA is missing says so, and the last good version serves on', async () => {
  await setup.kubectl(['delete', 'configmap', 'exchange-ca']);
  await setup.kubectl([
    ...['wait', '--for=condition=ResolvedRefs=False', '--timeout=60s'],
    'exchangeroute/example-com',
  ]);
  const phone = setup.phone('alice@example.com', 'Basic');
  await phone.folderSync();
  expect(setup.report.summary()).toMatchObject({ lost: 0, unavailable: 0 });
});
