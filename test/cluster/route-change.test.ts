// route-change: an edit reaches the pods by Secret and touch, under an open poll, and status follows.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'route-change');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

interface Resource {
  readonly metadata: { readonly generation: number };
  readonly status: {
    readonly observedGeneration: number;
    readonly conditions: readonly {
      readonly type: string;
      readonly status: string;
      readonly observedGeneration: number;
    }[];
  };
}

async function routeIsProgrammed(): Promise<boolean> {
  const text = await setup.kubectl(['get', 'exchangeroute', 'example-com', '-o', 'json']);
  const { metadata, status } = JSON.parse(text) as Resource;
  return status.conditions.some(
    ({ type, status, observedGeneration }) =>
      type === 'Programmed' && status === 'True' && observedGeneration === metadata.generation,
  );
}

async function podNames(): Promise<string> {
  return setup.kubectl(['get', 'pods', '-o', 'jsonpath={.items[*].metadata.name}']);
}

test('an edited route is served by the same pods, and an open poll outlives the edit', async () => {
  const { journal } = setup.exchange.organisation;
  const before = await podNames();
  const phone = setup.phone('alice@example.com', 'Basic');
  await phone.folderSync();
  await phone.sync();
  const ping = phone.ping(470);
  await journal.until(({ openPolls }) => openPolls.length === 1);

  await setup.applyRoute(['mbx2']);
  await eventually('the route is programmed in its new generation', routeIsProgrammed);

  const other = setup.phone('bob@example.com', 'Basic');
  await other.folderSync();
  const requests = journal.requests.filter(({ user }) => user?.startsWith('bob'));
  expect(new Set(requests.map(({ frontEnd }) => frontEnd))).toEqual(new Set(['mbx2']));
  expect(journal.openPolls).toHaveLength(1);
  setup.exchange.organisation.deliver('alice@example.com', { subject: 'after the edit' });
  expect(await ping).toMatchObject({ kind: 'changed' });
  expect(await podNames()).toBe(before);
  expect(setup.report.summary()).toMatchObject({ lost: 0, unavailable: 0 });
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
