// leftovers-go: what a gateway no longer needs is deleted: slots of a larger snapshot, and its own CA after selfSigned.
import { afterAll, beforeAll, test } from 'vitest';
import { CertificateAuthority } from '../peers/certificates.ts';
import { eventually, HOSTNAME, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'leftovers-go');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

async function isGone(object: string): Promise<boolean> {
  return (await setup.kubectl(['get', object, '--ignore-not-found', '-o', 'name'])) === '';
}

test('a slot that the snapshot does not fill is deleted', async () => {
  const first = JSON.parse(await setup.kubectl(['get', 'secret', 'mail-snapshot-0', '-o', 'json'])) as {
    metadata: { labels: object; ownerReferences: object };
  };
  const { labels, ownerReferences } = first.metadata;
  const metadata = { name: 'mail-snapshot-5', labels, ownerReferences };
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata };
  await setup.kubectl(['create', '-f', '-'], JSON.stringify(secret));
  await eventually('the slot is gone', () => isGone('secret/mail-snapshot-5'));
});

test("the gateway's own CA goes when no listener is selfSigned any more", async () => {
  const { cert, key } = await (await CertificateAuthority.create('leftovers')).issue({ names: [HOSTNAME] });
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: 'own' },
    stringData: { 'tls.crt': cert, 'tls.key': key },
  };
  await setup.kubectl(['create', '-f', '-'], JSON.stringify(secret));
  const tls = { certificateRefs: [{ name: 'own' }] };
  const spec = { listeners: [{ name: 'phones', hostnames: [HOSTNAME], tls }] };
  await setup.kubectl([
    ...['patch', 'sentrygateway', 'mail', '--type=merge', '--patch'],
    JSON.stringify({ spec }),
  ]);
  await eventually('its ConfigMap is gone', () => isGone('configmap/mail-ca'));
});
