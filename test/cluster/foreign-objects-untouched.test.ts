// foreign-objects-untouched: objects of names that a gateway needs belong to someone else; they stay as they are, and it says so.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

const resources = ['service/other', 'configmap/other-ca', 'deployment/other'] as const;

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'foreign-objects-untouched');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

const labels = { app: 'someone-elses' };
const foreignObjects = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'other' },
    spec: { selector: labels, ports: [{ port: 8080 }] },
  },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'other-ca' }, data: { 'ca.crt': 'mine' } },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'other' },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'nothing' }] } },
    },
  },
];

interface ForeignObject {
  readonly metadata: { readonly uid: string; readonly labels?: object; readonly ownerReferences?: object[] };
  readonly spec?: object;
  readonly data?: object;
}

/** What anybody could have changed: the objects without their status and the version that goes with it. */
async function asTheyAre(...names: readonly string[]): Promise<object[]> {
  const text = await setup.kubectl(['get', ...names, '-o', 'json']);
  const document = JSON.parse(text) as ForeignObject | { items: ForeignObject[] };
  const items = 'items' in document ? document.items : [document];
  return items.map(({ metadata: { uid, labels, ownerReferences }, spec, data }) => ({
    ...{ uid, labels, ownerReferences },
    ...{ spec, data },
  }));
}

async function applyOther(): Promise<void> {
  const listeners = [{ name: 'phones', hostnames: ['other.example.com'], tls: { selfSigned: {} } }];
  const gateway = {
    apiVersion: 'sentrygateway.io/v1alpha1',
    kind: 'SentryGateway',
    metadata: { name: 'other' },
    spec: { listeners, service: { type: 'ClusterIP' } },
  };
  await setup.kubectl(['apply', '-f', '-'], JSON.stringify(gateway));
}

test('a gateway whose names are taken says so, touches nothing, and starts when they are free', async () => {
  await using traffic = await Traffic.start(setup, { name: 'foreign-objects-untouched' });
  const list = { apiVersion: 'v1', kind: 'List', items: foreignObjects };
  await setup.kubectl(['apply', '-f', '-'], JSON.stringify(list));
  await eventually('the Deployment was seen', async () => {
    const path = 'jsonpath={.status.observedGeneration}';
    return (await setup.kubectl(['get', 'deployment/other', '-o', path])) === '1';
  });
  const before = await asTheyAre(...resources);

  await applyOther();
  await eventually('it says so', async () => {
    const condition = await setup.condition('sentrygateway/other', 'Programmed');
    return condition?.reason === 'ForeignObject';
  });
  await traffic.answered(100);
  expect(await asTheyAre(...resources)).toEqual(before);

  await setup.kubectl(['delete', ...resources]);
  await setup.kubectl(['wait', '--for=condition=Ready', '--timeout=60s', 'sentrygateway/other']);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
