// delete-leaves-nothing: when the SentryGateway is deleted, everything that was made for it goes.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';

const KINDS =
  'deployments,replicasets,pods,services,endpointslices,secrets,configmaps,poddisruptionbudgets,networkpolicies,serviceaccounts';

let setup: MailSetup;
let before: string[];

async function objects(): Promise<string[]> {
  const text = await setup.kubectl(['get', KINDS, '-o', 'name']);
  return text
    .split('\n')
    .filter((name) => name !== '')
    .toSorted();
}

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'delete-leaves-nothing');
  await eventually('the namespace has its defaults', async () => (await objects()).length >= 2);
  before = await objects();
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

test('nothing is left but what was there before and what the user made', async () => {
  expect((await objects()).length).toBeGreaterThan(before.length + 5);
  await setup.kubectl(['delete', 'sentrygateway', 'mail']);
  const expected = [...before, 'configmap/exchange-ca'].toSorted();
  await eventually('everything is gone', async () => (await objects()).join() === expected.join());
  await setup.kubectl([
    ...['wait', '--for=condition=Accepted=False', '--timeout=60s'],
    'exchangeroute/example-com',
  ]);
});
