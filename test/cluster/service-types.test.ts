// service-types: the Service becomes a NodePort, a LoadBalancer and a ClusterIP under an open poll, and pods see who the phone is.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, HOSTNAME, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'service-types', {
    gateway: {
      service: { type: 'NodePort', externalTrafficPolicy: 'Local' },
      logging: { access: 'All' },
    },
  });
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

async function become(service: object): Promise<void> {
  const patch = { spec: { service: { externalTrafficPolicy: null, ...service } } };
  await setup.kubectl(['patch', 'sentrygateway', 'mail', '--type=merge', '--patch', JSON.stringify(patch)]);
  const { type } = service as { type: string };
  await eventually(`the Service is of type ${type}`, async () => (await ofService('{.spec.type}')) === type);
  await setup.waitReady();
}

const ofService = (path: string): Promise<string> =>
  setup.kubectl(['get', 'service', 'mail', '-o', `jsonpath=${path}`]);

/** A phone that comes by the node's port. */
async function phoneFromOutside(user: string): Promise<ReturnType<MailSetup['phone']>> {
  const port = await ofService('{.spec.ports[0].nodePort}');
  const hosts = { [HOSTNAME]: setup.cluster.addresses.node };
  return setup.phone(user, 'Basic', { url: `https://${HOSTNAME}:${port}`, hosts });
}

/** The addresses of phones in the access log. */
async function loggedClients(): Promise<string[]> {
  const log = await setup.kubectl(['logs', '-l', 'app.kubernetes.io/instance=mail', '--tail=-1']);
  return [...log.matchAll(/"client":"([^"]+)"/g)].map(([, client]) => client ?? '');
}

test('phones come by node ports, under their own address, and keep their polls when the type changes', async () => {
  const { organisation } = setup.exchange;
  const phone = await phoneFromOutside('alice@example.com');
  await phone.folderSync();
  await phone.sync();
  await eventually('the log has requests', async () => (await loggedClients()).length > 0);
  expect(new Set(await loggedClients())).toEqual(new Set([setup.cluster.addresses.host]));

  const ping = phone.ping(470);
  await organisation.journal.until(({ openPolls }) => openPolls.length === 1);

  await become({ type: 'LoadBalancer', loadBalancerSourceRanges: ['0.0.0.0/0'] });
  expect(await ofService('{.status.loadBalancer}')).toBe('{}');
  await (await phoneFromOutside('bob@example.com')).folderSync();

  await become({ type: 'ClusterIP', loadBalancerSourceRanges: null });
  expect(await ofService('{.spec.ports[0].nodePort}')).toBe('');
  await setup.phone('bob@example.com', 'Basic').folderSync();

  organisation.deliver('alice@example.com', { subject: 'by the node port' });
  expect(await ping).toMatchObject({ kind: 'changed' });
  expect(setup.report.summary()).toMatchObject({ lost: 0, unavailable: 0 });
});
