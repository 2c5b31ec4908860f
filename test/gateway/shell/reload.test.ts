// A gateway's process and its snapshot: from the first good one on it serves, whatever comes after.
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { INDEX_FILE } from '../../../gateway/config/files.ts';
import { CertificateAuthority, type Credentials } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { Phone } from '../../peers/phone/phone.ts';
import { GatewayProcess } from './gateway-process.ts';
import { type SketchedSnapshot, sketchSnapshot } from './snapshot-sketch.ts';
import { connectTls, exchangeHead } from './tls-client.ts';

let authority: CertificateAuthority;
let first: Credentials;
let second: Credentials;

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  first = await authority.issue({ names: ['sentry.example.com'] });
  second = await authority.issue({ names: ['sentry.example.com'] });
});

const snapshotWith = (...credentials: Credentials[]): SketchedSnapshot =>
  sketchSnapshot({ listeners: [{ credentials }] });

/** Serial number of the certificate that a new connection is shown. */
async function serialShown(port: number): Promise<string> {
  const socket = await connectTls({ port, servername: 'sentry.example.com', ca: authority.certificate });
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

const serialOf = ({ cert }: Credentials): string => new X509Certificate(cert).serialNumber;

describe('a change of the snapshot', () => {
  test('reaches new connections, and those that are open go on', async () => {
    await using gateway = await GatewayProcess.start({ content: snapshotWith(first) });
    const open = await connectTls({
      port: gateway.port,
      servername: 'sentry.example.com',
      ca: authority.certificate,
    });
    expect(await exchangeHead(open)).toContain('HTTP/1.1 404');
    expect(await serialShown(gateway.port)).toBe(serialOf(first));

    await gateway.serve(snapshotWith(second));
    expect(await serialShown(gateway.port)).toBe(serialOf(second));
    expect(await exchangeHead(open)).toContain('HTTP/1.1 404');
    expect(await gateway.report()).toMatchObject({
      snapshot: { generation: 2 },
      openConnections: 1,
      ready: true,
    });
    expect(await gateway.metric('sentry_snapshot_reloads_total{result="accepted"}')).toBe(2);
    open.destroy();
  });

  test('of route and certificate leaves an open Ping open, and mail still ends it', async () => {
    const name = 'alice@example.com';
    using exchange = await Exchange.start({ authority, users: [{ name, password: 'secret' }] });
    const withServer = (server: string, credentials: Credentials): SketchedSnapshot =>
      sketchSnapshot({
        listeners: [{ credentials: [credentials] }],
        routes: [{ ca: authority.certificate, servers: [{ name: server, url: exchange.frontEnd().url }] }],
      });
    await using gateway = await GatewayProcess.start({ content: withServer('mbx1', first) });
    const phone = new Phone({
      url: `https://sentry.example.com:${gateway.port}`,
      hosts: { 'sentry.example.com': '127.0.0.1' },
      ca: authority.certificate,
      user: name,
      password: 'secret',
    });
    await phone.folderSync();
    await phone.sync();
    const ping = phone.ping(900);
    await gateway.until(async () => (await gateway.report()).openPolls === 1);
    for (let i = 0; i < 3; i++) await gateway.serve(withServer(`mbx${i}`, i % 2 === 0 ? second : first));
    expect((await gateway.report()).openPolls).toBe(1);
    exchange.organisation.deliver(name, { subject: 'Still there?', body: 'Yes.' });
    expect((await ping).kind).toBe('changed');
    const { added } = await phone.sync();
    expect(added.map(({ subject }) => subject)).toEqual(['Still there?']);
    const { lost, connections } = phone.report.summary();
    expect([lost, connections]).toEqual([0, 1]);
    expect(exchange.violations).toEqual([]);
    phone.close();
  });

  test('with a new generation and the same content is acknowledged and changes nothing', async () => {
    const content = snapshotWith(first);
    await using gateway = await GatewayProcess.start({ content });
    const before = await gateway.report();
    await gateway.write(content);
    await gateway.until(async () => (await gateway.report()).snapshot?.generation === 2);
    expect((await gateway.report()).snapshot?.hash).toBe(before.snapshot?.hash);
  });

  test('that is bad is refused whole, counted and reported, and the last good one serves', async () => {
    await using gateway = await GatewayProcess.start({ content: snapshotWith(first) });
    const good = (await gateway.report()).snapshot;
    const hash = await gateway.write(snapshotWith({ cert: second.cert, key: first.key }));
    await gateway.until(async () => (await gateway.report()).refused !== null);
    expect(await gateway.report()).toMatchObject({
      ready: true,
      snapshot: good,
      refused: { hash, message: expect.stringContaining('the private key is not that of the certificate') },
    });
    expect(await gateway.metric('sentry_snapshot_reloads_total{result="refused"}')).toBe(1);
    expect((await gateway.probe('/readyz')).status).toBe(200);
    expect(await serialShown(gateway.port)).toBe(serialOf(first));

    await gateway.serve(snapshotWith(second));
    expect((await gateway.report()).refused).toBeNull();
    expect(await serialShown(gateway.port)).toBe(serialOf(second));
  });
});

describe('a gateway that starts', () => {
  test('without a snapshot is alive, not ready, and serves as soon as there is one', async () => {
    await using gateway = await GatewayProcess.start();
    await gateway.until(async () => (await gateway.probe('/healthz')).status === 200);
    expect(await gateway.probe('/readyz')).toMatchObject({ status: 503, body: 'no snapshot yet\n' });
    await gateway.until(async () => (await gateway.report()).snapshot === null);
    await gateway.serve(snapshotWith(first));
    expect((await gateway.probe('/readyz')).status).toBe(200);
    expect(await serialShown(gateway.port)).toBe(serialOf(first));
  });

  test('while the current snapshot is bad serves the one that was acknowledged last, and says so', async () => {
    await using gateway = await GatewayProcess.start({ fallback: snapshotWith(first) });
    await mkdir(join(gateway.folder, 'snapshot'));
    await writeFile(join(gateway.folder, 'snapshot', INDEX_FILE), '{}');
    await gateway.logged('phones can connect');
    await gateway.until(async () => (await gateway.report()).refused !== null);
    expect(await gateway.report()).toMatchObject({ ready: true, snapshot: { generation: 0 } });
    expect(await serialShown(gateway.port)).toBe(serialOf(first));
    await gateway.serve(snapshotWith(second));
    expect((await gateway.report()).refused).toBeNull();
  });

  test('on a port in use ends with a code of its own and one line that says so', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const starting = GatewayProcess.start({ content: snapshotWith(first), port });
    await expect(starting).rejects.toThrow(
      `ended with 3: sentry-gateway: 127.0.0.1:${port}: the address is in use by another process`,
    );
    taken.close();
  });

  test.each([
    ['--metrics', ['--metrics=192.0.2.1:9090']],
    ['--admin', ['--admin=192.0.2.1:9443']],
  ])('on an address of another machine for %s names it', async (flag, flags) => {
    const credentials = await authority.issue({ names: ['gateway'] });
    const admin = { credentials, clientCA: authority.certificate };
    const content = sketchSnapshot({ listeners: [{ credentials: [first] }], admin });
    await expect(GatewayProcess.start({ content, flags })).rejects.toThrow(
      `${flag}: this machine does not have the address`,
    );
  });

  test.each<[string, string[]]>([
    ['a flag that does not exist', ['--bogus']],
    ['a port that is none', ['--port=https']],
    ['metrics on no address', ['--metrics=9090']],
    ['an argument too many', ['extra']],
  ])('with %s says how it is used and exits 2', async (_, flags) => {
    await using gateway = await GatewayProcess.start({ flags });
    expect(await gateway.exited()).toBe(2);
    await gateway.until(() => Promise.resolve(gateway.stderr.includes('Usage:'))).catch(() => undefined);
    expect(gateway.stderr).toContain('Usage:');
  });
});
