// delete-leaves-nothing: when a SentryGateway is deleted, everything that was made for it goes; its neighbour does not notice.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

const KINDS = [
  ...['deployments', 'replicasets', 'pods', 'services', 'endpointslices', 'secrets', 'configmaps'],
  ...['poddisruptionbudgets', 'networkpolicies', 'serviceaccounts', 'horizontalpodautoscalers'],
].join();

let setup: MailSetup;
let before: string[];

/** Names of everything in the namespace. */
async function objects(): Promise<string[]> {
  const text = await setup.kubectl(['get', KINDS, '-o', 'name']);
  return text
    .split('\n')
    .filter((name) => name !== '')
    .toSorted();
}

async function applyOther(): Promise<void> {
  const listeners = [{ name: 'phones', hostnames: ['other.example.com'], tls: { selfSigned: {} } }];
  const autoscaling = { min: 2, max: 3 };
  const gateway = {
    apiVersion: 'sentrygateway.io/v1alpha1',
    kind: 'SentryGateway',
    metadata: { name: 'other' },
    spec: { listeners, autoscaling, service: { type: 'ClusterIP' }, drain: { seconds: 1 } },
  };
  await setup.kubectl(['apply', '-f', '-'], JSON.stringify(gateway));
  await setup.kubectl(['wait', '--for=condition=Ready', '--timeout=60s', 'sentrygateway/other']);
}

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'delete-leaves-nothing');
  await setup.applyFirstManifest();
  before = await objects();
});

afterAll(() => setup.remove());

test('nothing of the gateway is left, and everything of the other one', async () => {
  await using traffic = await Traffic.start(setup, { name: 'delete-leaves-nothing' });
  await applyOther();
  expect((await objects()).length).toBeGreaterThan(before.length + 8);
  await setup.kubectl(['delete', 'sentrygateway', 'other']);
  await eventually('everything of it is gone', async () => (await objects()).join() === before.join());
  await traffic.answered(100);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});

test('a route whose gateway is deleted says so, and what the user made stays', async () => {
  await setup.kubectl(['delete', 'sentrygateway', 'mail']);
  await setup.kubectl([
    ...['wait', '--for=condition=Accepted=False', '--timeout=60s'],
    'exchangeroute/example-com',
  ]);
  expect(await objects()).toContain('configmap/exchange-ca');
});
