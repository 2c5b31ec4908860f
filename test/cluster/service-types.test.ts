// service-types: the Service becomes a NodePort, a LoadBalancer and a ClusterIP under an open poll, and pods see who the phone is,
// by node ports and behind HAProxy.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Phone } from '../peers/phone/phone.ts';
import { Report } from '../peers/phone/report.ts';
import { eventually, HOSTNAME, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';

/** The gateway closes such a connection before TLS. */
const TURNED_AWAY = /ECONNRESET|disconnected|closed|EPIPE/;

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
  await setup.patchGateway({ service: { externalTrafficPolicy: null, ...service } });
  const { type } = service as { type: string };
  await eventually(`the Service is of type ${type}`, async () => (await ofService('{.spec.type}')) === type);
  await setup.waitReady();
}

const ofService = (path: string): Promise<string> =>
  setup.kubectl(['get', 'service', 'mail', '-o', `jsonpath=${path}`]);

/** A phone that comes by the node's port, or by this port of the test's machine. */
async function phoneFromOutside(user: string, proxy?: number, report = setup.report): Promise<Phone> {
  const port = proxy ?? (await ofService('{.spec.ports[0].nodePort}'));
  const hosts = { [HOSTNAME]: proxy === undefined ? setup.cluster.addresses.node : '127.0.0.1' };
  return setup.phone(user, 'Basic', { url: `https://${HOSTNAME}:${port}`, hosts, report });
}

/** The addresses of phones in the access log. */
async function loggedClients(): Promise<string[]> {
  const log = await setup.kubectl(['logs', '-l', 'app.kubernetes.io/instance=mail', '--tail=-1']);
  return [...log.matchAll(/"client":"([^"]+)"/g)].map(([, client]) => client ?? '');
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** HAProxy before the node port until the test is over. Returns its port on 127.0.0.1. */
async function startHAProxy(option: 'send-proxy' | 'send-proxy-v2'): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'service-types-'));
  const port = await freePort();
  const target = `${setup.cluster.addresses.node}:${await ofService('{.spec.ports[0].nodePort}')}`;
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(
    file,
    `defaults
  mode tcp
  timeout connect 5s
  timeout client 600s
  timeout server 600s
listen phones
  bind 127.0.0.1:${port}
  server gateway ${target} ${option}
`,
  );
  const haproxy: ChildProcess = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  onTestFinished(async () => {
    if (haproxy.kill('SIGKILL')) await once(haproxy, 'exit');
    rmSync(folder, { recursive: true });
  });
  await eventually('HAProxy listens', async () => {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    return isOpen;
  });
  return port;
}

test('behind a proxy that is trusted phones have their own address; others are turned away', async () => {
  const { host } = setup.cluster.addresses;
  const [first, second] = [await startHAProxy('send-proxy'), await startHAProxy('send-proxy-v2')];
  await setup.patchGateway({ proxyProtocol: 'Required', trustedProxies: [`${host}/32`] });
  await setup.waitReady();
  await (await phoneFromOutside('alice@example.com', first)).folderSync();
  await (await phoneFromOutside('alice@example.com', second)).folderSync();
  await eventually('the log has both requests', async () => (await loggedClients()).length >= 2);
  expect(new Set(await loggedClients())).toEqual(new Set(['127.0.0.1']));

  const impostor = await phoneFromOutside('bob@example.com', undefined, new Report());
  await expect(impostor.folderSync()).rejects.toThrow(TURNED_AWAY);
  await setup.patchGateway({ trustedProxies: ['192.0.2.0/24'] });
  await setup.waitReady();
  const distrusted = await phoneFromOutside('bob@example.com', second, new Report());
  await expect(distrusted.folderSync()).rejects.toThrow(TURNED_AWAY);

  await setup.patchGateway({ proxyProtocol: 'Disabled', trustedProxies: null });
  await setup.waitReady();
  expect(setup.exchange.violations).toEqual([]);
});

test('phones come by node ports, under their own address, and keep their polls when the type changes', async () => {
  const { organisation } = setup.exchange;
  const phone = await phoneFromOutside('alice@example.com');
  await phone.folderSync();
  await phone.sync();
  const { host } = setup.cluster.addresses;
  await eventually('the log names the phone', async () => (await loggedClients()).includes(host));

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
