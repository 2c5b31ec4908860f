// all-exchanges-down-and-back: without a server phones are told when to come again, pods stay in service, and all mail arrives.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'all-exchanges-down-and-back');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

test('an outage of all servers is 503 with Retry-After and nothing else, and ends with them', async () => {
  await using traffic = await Traffic.start(setup, { name: 'all-exchanges-down-and-back' });
  await traffic.answered(200);
  expect(traffic.figures).toMatchObject({ lost: 0, unavailable: 0 });

  for (const frontEnd of setup.exchange.frontEnds.values()) frontEnd.kill();
  await eventually('phones are told to come again', () => traffic.figures.unavailable >= 50);
  await eventually('the status says it', async () => {
    const servers = await setup.kubectl([
      ...['get', 'exchangeroute', 'example-com'],
      ...['-o', 'jsonpath={.status.servers[*].healthyPods}'],
    ]);
    return servers === '0 0';
  });
  expect((await setup.pods()).map(({ isReady }) => isReady)).toEqual([true, true]);

  for (const frontEnd of setup.exchange.frontEnds.values()) await frontEnd.serve();
  await eventually('phones are served again', async () => {
    const { unavailable } = traffic.figures;
    await traffic.answered(200);
    return traffic.figures.unavailable === unavailable;
  });
  const { lost, lostReasons } = await traffic.finish();
  expect({ lost, lostReasons }).toEqual({ lost: 0, lostReasons: {} });
});
