// helm-upgrade: from the version before this one (older snapshot version, older CRDs) by Helm to this one, back, and away;
// phones do not notice.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { charts, helm, importBothVersions, PREVIOUS_TAG, release } from './helm.ts';
import { eventually, MailSetup } from './mail-setup.ts';
import type { AttachedCluster } from './native/cluster.ts';
import { sharedCluster } from './native/global-setup.ts';
import { kubectl, removeOperator } from './operator-installation.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

const crds = ['sentrygateways.sentrygateway.io', 'exchangeroutes.sentrygateway.io'];
/** A field that the CRD of the version before does not have. */
const newField = { spec: { networkPolicy: { egressCIDRs: ['10.0.0.0/8'] } } };

let cluster: AttachedCluster;
let setup: MailSetup;

beforeAll(async () => {
  cluster = await sharedCluster();
  await removeOperator(cluster);
  await importBothVersions(cluster);
  await helm(cluster, ['install', release, charts.previous, '--create-namespace', '--wait']);
  setup = await MailSetup.make(cluster, 'helm-upgrade');
  await setup.applyFirstManifest();
});

afterAll(async () => {
  await setup.remove();
  await removeOperator(cluster);
});

async function pods(): Promise<{ name: string; image: string }[]> {
  const text = await setup.kubectl([
    ...['get', 'pods', '--selector=app.kubernetes.io/name=sentry-gateway', '--output'],
    'jsonpath={range .items[*]}{.metadata.name} {.spec.containers[0].image}{"\\n"}{end}',
  ]);
  const lines = text.trim().split('\n');
  return lines.map((line) => ({ name: line.split(' ')[0] ?? '', image: line.split(' ')[1] ?? '' }));
}

/** Two pods of one version, by its tag. */
async function gatewaysRun(isOfVersion: (image: string) => boolean): Promise<void> {
  await eventually('two gateways of that version are all there is', async () => {
    const found = await pods();
    return found.length === 2 && found.every(({ image }) => isOfVersion(image));
  });
  await setup.waitReady();
}

/** Patches the SentryGateway, and refuses fields that the CRD does not know. */
function patch(fields: object): Promise<string> {
  const change = ['--type=merge', '--patch', JSON.stringify(fields)];
  return setup.kubectl(['patch', 'sentrygateway', 'mail', ...change]);
}

async function egressRanges(): Promise<string> {
  return setup.kubectl(['get', 'sentrygateway', 'mail', '-o', 'jsonpath={.spec.networkPolicy.egressCIDRs}']);
}

test('helm upgrade brings new CRDs, operator and gateways without a loss', async () => {
  await patch(newField);
  expect(await egressRanges()).toBe('');
  await using traffic = await Traffic.start(setup, { name: 'helm-upgrade' });
  await helm(cluster, ['upgrade', release, charts.present, '--wait']);
  await gatewaysRun((image) => !image.endsWith(`:${PREVIOUS_TAG}`));
  await patch(newField);
  expect(await egressRanges()).toBe('["10.0.0.0/8"]');
  await eventually('the new field has its effect', async () => {
    const policy = await setup.kubectl(['get', 'networkpolicy', 'mail', '-o', 'jsonpath={.spec.egress}']);
    return policy.includes('"10.0.0.0/8"');
  });
  await setup.waitReady();
  await traffic.answered(100);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});

test('helm rollback brings the version before back without a loss', async () => {
  await using traffic = await Traffic.start(setup, { name: 'helm-rollback' });
  await helm(cluster, ['rollback', release, '--wait']);
  await gatewaysRun((image) => image.endsWith(`:${PREVIOUS_TAG}`));
  await setup.applyRoute(['mbx2', 'mbx1']);
  await setup.waitReady();
  await traffic.answered(100);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});

test('helm uninstall keeps CRDs, resources and running gateways; the next install, for one namespace, finds them', async () => {
  await helm(cluster, ['upgrade', release, charts.present, '--wait']);
  await gatewaysRun((image) => !image.endsWith(`:${PREVIOUS_TAG}`));
  const before = await pods();
  await using traffic = await Traffic.start(setup, { name: 'helm-uninstall' });
  await helm(cluster, ['uninstall', release, '--wait']);
  expect((await cluster.kubectl(['get', 'deployment', '--namespace', 'sentry-system'])).stdout).toBe('');
  await kubectl(cluster, ['get', 'crd', ...crds]);
  await setup.kubectl(['get', 'sentrygateway/mail', 'exchangeroute/example-com']);
  await traffic.answered(300);
  await helm(cluster, [
    'install',
    release,
    charts.present,
    '--set',
    'watchNamespaces={helm-upgrade}',
    '--wait',
  ]);
  await setup.applyRoute(['mbx1', 'mbx2']);
  await setup.waitReady();
  expect(await pods()).toEqual(before);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
