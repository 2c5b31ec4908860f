// operator-downgrade: the operator of the version before takes over from this one, with the CRDs as they are.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { charts, helm, importBothVersions, PREVIOUS_TAG, release } from './helm.ts';
import { eventually, MailSetup } from './mail-setup.ts';
import type { AttachedCluster } from './native/cluster.ts';
import { sharedCluster } from './native/global-setup.ts';
import { kubectl, removeOperator } from './operator-installation.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

let cluster: AttachedCluster;
let setup: MailSetup;

beforeAll(async () => {
  cluster = await sharedCluster();
  await importBothVersions(cluster);
  // A field that the version before does not know, and that shows in an object.
  setup = await MailSetup.make(cluster, 'operator-downgrade', {
    gateway: { networkPolicy: { egressCIDRs: ['10.0.0.0/8'] } },
  });
  await setup.applyFirstManifest();
});

afterAll(async () => {
  await setup.remove();
  await kubectl(cluster, ['delete', '--ignore-not-found', '-f', '-'], await previousOperator());
  await removeOperator(cluster);
});

/** Its manifests without CRDs. */
function previousOperator(): Promise<string> {
  return helm(cluster, ['template', release, charts.previous, '--show-only', 'templates/operator.yaml']);
}

test('the operator of the version before takes over and serves edits without a loss', async () => {
  await using traffic = await Traffic.start(setup, { name: 'operator-downgrade' });
  const apply = ['apply', '--server-side', '--force-conflicts', '-f', '-'];
  await kubectl(cluster, apply, await previousOperator());
  await eventually('both gateways are of the version before', async () => {
    const images = await setup.kubectl([
      ...['get', 'pods', '--selector=app.kubernetes.io/name=sentry-gateway', '--output'],
      'jsonpath={.items[*].spec.containers[0].image}',
    ]);
    return (
      images.split(' ').length === 2 && images.split(' ').every((image) => image.endsWith(`:${PREVIOUS_TAG}`))
    );
  });
  await setup.applyRoute(['mbx2', 'mbx1']);
  await setup.waitReady();
  expect(await setup.kubectl(['get', 'sentrygateway', 'mail', '-o', 'jsonpath={.spec.networkPolicy}'])).toBe(
    '{"egressCIDRs":["10.0.0.0/8"]}',
  );
  await traffic.answered(100);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
