// first-sync: `kubectl apply` of the first manifest gives two gateway pods that carry a phone's mail.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'first-sync');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

interface Pods {
  readonly items: readonly {
    readonly spec: { readonly automountServiceAccountToken?: boolean; readonly volumes: readonly object[] };
    readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

test('two pods are ready and hold no key to the cluster', async () => {
  const pods = JSON.parse(await setup.kubectl(['get', 'pods', '-o', 'json'])) as Pods;
  expect(pods.items).toHaveLength(2);
  for (const { spec, status } of pods.items) {
    expect(status.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(JSON.stringify(spec.volumes)).not.toContain('serviceAccountToken');
  }
});

test('status says what was observed and what phones are to be given', async () => {
  await setup.kubectl(['wait', '--for=jsonpath={.status.readyReplicas}=2', 'sentrygateway/mail']);
  const gateway = JSON.parse(await setup.kubectl(['get', 'sentrygateway', 'mail', '-o', 'json'])) as {
    metadata: { generation: number };
    status: {
      observedGeneration: number;
      readyReplicas: number;
      conditions: { type: string; status: string }[];
      clients: { host: string; signInURL: string };
    };
  };
  const { metadata, status } = gateway;
  expect(status).toMatchObject({
    observedGeneration: metadata.generation,
    readyReplicas: 2,
    clients: {
      host: 'sentry.example.com',
      signInURL: 'https://sentry.example.com/proxyservice/oauth2/authorize',
    },
  });
  const types = status.conditions.filter(({ status }) => status === 'True').map(({ type }) => type);
  expect(types.toSorted()).toEqual(['Accepted', 'Programmed', 'Ready', 'ResolvedRefs']);
});

test('a phone provisions, synchronises, and mail ends its open Ping', async () => {
  const phone = setup.phone('alice@example.com', 'Basic');
  await phone.options();
  await phone.folderSync();
  await phone.sync();
  const ping = phone.ping(470);
  const { journal } = setup.exchange.organisation;
  await journal.until(({ openPolls }) => openPolls.length === 1);
  setup.exchange.organisation.deliver('alice@example.com', { subject: 'through the cluster' });
  expect(await ping).toMatchObject({ kind: 'changed' });
  await phone.sync();
  expect([...phone.mail.values()].map(({ subject }) => subject)).toContain('through the cluster');
  expect(setup.exchange.violations).toEqual([]);
  expect(setup.report.summary()).toMatchObject({ lost: 0, unavailable: 0 });
});

test('56 phones make their first synchronisation at once, and stay', async () => {
  await using traffic = await Traffic.start(setup, { name: 'first-sync' });
  await traffic.answered(500);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
