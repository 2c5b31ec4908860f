// exchange-failover: the preferred Exchange server dies with everything that it was doing; phones go on at the next one.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'exchange-failover');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

/** The servers that get the next requests of phones. */
async function serversInUse(traffic: Traffic): Promise<string[]> {
  const { journal } = setup.exchange.organisation;
  const before = journal.requests.length;
  await traffic.answered(100);
  const visits = journal.requests.slice(before).filter(({ command }) => command === 'Sync');
  return [...new Set(visits.map(({ frontEnd }) => frontEnd))].toSorted();
}

/** What the route's events say about its servers, in any order. */
async function serverEvents(): Promise<string[]> {
  const template = '{range .items[*]}{.reason}: {.message}{"\\n"}{end}';
  const events = await setup.kubectl([
    ...[
      'get',
      'events',
      '--field-selector',
      'involvedObject.kind=ExchangeRoute',
      '-o',
      `jsonpath=${template}`,
    ],
  ]);
  return events.split('\n').filter((line) => line.startsWith('Server'));
}

test('nothing is lost when the server dies, and phones return when it is back', async () => {
  await using traffic = await Traffic.start(setup, { name: 'exchange-failover' });
  expect(await serversInUse(traffic)).toEqual(['mbx1']);

  setup.exchange.frontEnd('mbx1').kill();
  expect(await serversInUse(traffic)).toEqual(['mbx2']);
  await traffic.answered(200);
  await eventually('an event says what is wrong', async () => {
    const events = await serverEvents();
    return events.some((event) =>
      /^ServerUnreachable: no pod reaches server mbx1: connection refused by [^ ]+:\d+$/.test(event),
    );
  });

  await setup.exchange.frontEnd('mbx1').serve();
  await eventually('mbx1 is used again', async () => (await serversInUse(traffic)).includes('mbx1'));
  await eventually('an event says that all is well', async () => {
    return (await serverEvents()).includes('ServerReachable: 2 of 2 pods reach server mbx1 again');
  });
  const { lost, unavailable, requests, lostReasons } = await traffic.finish();
  expect({ lost, lostReasons }).toEqual({ lost: 0, lostReasons: {} });
  // A SendMail that the server may have executed is not sent again: the phone is told to come back.
  expect(unavailable).toBeLessThan(requests / 100);
  expect(setup.exchange.violations).toEqual([]);
});
