// drain-node: pods are evicted as `kubectl drain` does it; the PodDisruptionBudget lets one go at a time, and no phone notices.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CommandResult } from './native/access.ts';
import { sharedCluster } from './native/global-setup.ts';
import { eventually, MailSetup } from './mail-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'drain-node');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

/** Asks for the eviction of a pod: the subresource that `kubectl drain` uses. */
async function evict(name: string): Promise<CommandResult> {
  const { namespace, cluster } = setup;
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
  return cluster.kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
}

test('one pod goes at a time, each after another has come, without a loss', async () => {
  await using traffic = await Traffic.start(setup, { name: 'drain-node' });
  const before = await setup.pods();
  const [first, second] = before.map(({ name }) => name) as [string, string];
  await eventually('the budget allows one disruption', async () => (await evict(first)).code === 0);
  const refused = await evict(second);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('disruption budget');

  await eventually('the second may go when the first was replaced', async () => {
    return (await evict(second)).code === 0;
  });
  const others = (await setup.pods()).filter(({ name }) => name !== first && name !== second);
  expect(others.some(({ isReady }) => isReady)).toBe(true);
  await setup.podsSettled(2, before);
  await traffic.answered(100);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
