// Probes, metrics and the admin port of a gateway's process.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundle } from '../../../build/bundle.ts';
import { CertificateAuthority, type Credentials } from '../../peers/certificates.ts';
import { GatewayProcess } from './gateway-process.ts';
import { type SketchedSnapshot, sketchSnapshot } from './snapshot-sketch.ts';
import { connectTls, exchangeHead } from './tls-client.ts';

let authority: CertificateAuthority;
let credentials: Credentials;
let content: SketchedSnapshot;

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  credentials = await authority.issue({ names: ['sentry.example.com'] });
  content = sketchSnapshot({ listeners: [{ credentials: [credentials] }] });
});

/** The gateway closes the connection without a word, or TLS says why. */
const REFUSED = /socket hang up|ECONNRESET|alert|certificate/i;

const order = (expires: Date): string =>
  JSON.stringify({ reason: 'mbx1 is out of reach', expires: expires.toISOString() });

describe('/healthz', () => {
  test('answers while the event loop is blocked, and /readyz says that it is', async () => {
    const block = `process.on('SIGUSR2', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6000))`;
    await using gateway = await GatewayProcess.start({
      content,
      execArgv: [`--import=data:text/javascript,${block}`],
    });
    expect((await gateway.probe('/readyz')).status).toBe(200);
    gateway.child.kill('SIGUSR2');
    await gateway.until(async () => {
      const { status, body } = await gateway.probe('/readyz');
      return status === 503 && body.includes('too busy');
    });
    for (let i = 0; i < 20; i++)
      expect(await gateway.probe('/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
    await gateway.until(async () => (await gateway.probe('/readyz')).status === 200);
  });
});

describe('/readyz', () => {
  test('is 503 while an order to step out holds, and fails open on anything else', async () => {
    await using gateway = await GatewayProcess.start({ content });
    const write = (text: string): Promise<void> => writeFile(join(gateway.folder, 'step-out'), text);
    expect((await gateway.probe('/readyz')).status).toBe(200);

    await write(order(new Date(Date.now() + 50_000)));
    expect(await gateway.probe('/readyz')).toEqual(
      expect.objectContaining({ status: 503, body: 'stepped out: mbx1 is out of reach\n' }),
    );
    expect((await gateway.report()).ready).toBe(false);
    expect(await gateway.metric('sentry_ready')).toBe(0);

    for (const text of [order(new Date(Date.now() - 1)), '', '{', '{"reason":"x"}']) {
      await write(text);
      expect((await gateway.probe('/readyz')).status).toBe(200);
    }
  });
});

describe('the metrics port', () => {
  test('on TCP answers its three paths and nothing else', async () => {
    const port = await freePort();
    await using gateway = await GatewayProcess.start({ content, flags: [`--metrics=127.0.0.1:${port}`] });
    const status = async (path: string, method = 'GET'): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}${path}`, { method })).status;
    expect(
      await Promise.all(['/healthz', '/readyz', '/metrics', '/metrics?x=1'].map((path) => status(path))),
    ).toEqual([200, 200, 200, 200]);
    expect(
      await Promise.all(['/', '/report', '/healthz/x', '//healthz'].map((path) => status(path))),
    ).toEqual([404, 404, 404, 404]);
    expect(await status('/healthz', 'POST')).toBe(405);
    expect(gateway.child.exitCode).toBeNull();
  });

  test('shows the metrics of the design, with help and type', async () => {
    await using gateway = await GatewayProcess.start({ content });
    const phone = await connectTls({
      port: gateway.port,
      servername: 'sentry.example.com',
      ca: authority.certificate,
    });
    await exchangeHead(phone, '/owa');
    const notAfter = Date.parse(phone.getPeerCertificate().valid_to) / 1000;
    const { body } = await gateway.probe('/metrics');
    for (const name of [
      'sentry_requests_total',
      'sentry_first_byte_seconds',
      'sentry_heartbeat_seconds',
      'sentry_open_polls',
      'sentry_open_connections',
      'sentry_upstream_healthy',
      'sentry_snapshot_reloads_total',
      'sentry_certificate_not_after_seconds',
      'sentry_build_info',
      'sentry_handshakes_total',
      'sentry_body_bytes_total',
      'nodejs_eventloop_lag_p99_seconds',
      'process_resident_memory_bytes',
    ]) {
      expect(body).toContain(`# HELP ${name} `);
      expect(body).toContain(`# TYPE ${name} `);
    }
    expect(await gateway.metric('sentry_open_connections')).toBe(1);
    expect(
      await gateway.metric('sentry_requests_total{command="GET",version="none",code="404",server=""}'),
    ).toBe(1);
    expect(
      await gateway.metric('sentry_upstream_healthy{server="default/example-com/mbx1"}'),
    ).toBeUndefined();
    expect(await gateway.metric('sentry_handshakes_total{listener="phones",outcome="full"}')).toBe(1);
    expect(
      await gateway.metric('sentry_certificate_not_after_seconds{listener="phones",key_type="ec"}'),
    ).toBe(notAfter);
    phone.destroy();
    await gateway.until(async () => (await gateway.metric('sentry_open_connections')) === 0);
  });

  test('shows the health of each server by namespace, route and name', async () => {
    const servers = [{ name: 'mbx1', url: 'https://localhost:9' }];
    await using gateway = await GatewayProcess.start({
      content: sketchSnapshot({ listeners: [{ credentials: [credentials] }], routes: [{ servers }] }),
    });
    await gateway.until(
      async () => (await gateway.metric('sentry_upstream_healthy{server="default/example-com/mbx1"}')) === 0,
    );
    expect((await gateway.report()).servers).toMatchObject([
      { route: 'default/example-com', server: 'mbx1', healthy: false },
    ]);
    expect((await gateway.probe('/healthz')).status).toBe(200);
    expect((await gateway.probe('/readyz')).status).toBe(200);
  });
});

describe('the admin port', () => {
  test('is read only and knows the report alone', async () => {
    await using gateway = await GatewayProcess.start({ content });
    expect(await gateway.report()).toMatchObject({
      ready: true,
      draining: false,
      refused: null,
      servers: [],
    });
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expect((await gateway.admin('/report', method)).status).toBe(404);
    }
    for (const path of ['/', '/metrics', '/snapshot', '/report/x'])
      expect((await gateway.admin(path)).status).toBe(404);
  });

  test('on TCP lets in whoever has a certificate of the CA in the snapshot, and takes new certificates without a restart', async () => {
    const operatorCA = await CertificateAuthority.create('Operator CA');
    const server = await operatorCA.issue({ names: ['gateway.internal'] });
    const operator = await operatorCA.issue({ names: ['operator'], usage: 'client' });
    const stranger = await authority.issue({ names: ['operator'], usage: 'client' });
    const withAdmin = (admin: Credentials): SketchedSnapshot =>
      sketchSnapshot({
        listeners: [{ credentials: [credentials] }],
        admin: { credentials: admin, clientCA: operatorCA.certificate },
      });
    const port = await freePort();
    await using gateway = await GatewayProcess.start({
      content: withAdmin(server),
      flags: [`--admin=127.0.0.1:${port}`],
    });
    const report = (client: Partial<Credentials>): Promise<{ status: number; serial: string }> =>
      getReport({ port, ca: operatorCA.certificate, ...client });

    const first = await report(operator);
    expect(first.status).toBe(200);
    await expect(report(stranger)).rejects.toThrow(REFUSED);
    await expect(report({})).rejects.toThrow(REFUSED);

    await gateway.write(withAdmin(await operatorCA.issue({ names: ['gateway.internal'] })));
    await gateway.until(async () => (await report(operator)).serial !== first.serial);
    await expect(report(stranger)).rejects.toThrow(REFUSED);

    await gateway.write(content);
    await gateway.logged('the snapshot is refused, the last good one serves on');
    expect((await report(operator)).status).toBe(200);
  });
});

test('bundled into one file for each thread, a gateway runs as it does from source', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bundle-'));
  const { files } = await bundle({ entry: 'gateway/main.ts' });
  for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
  await using gateway = await GatewayProcess.start({ content, main: join(folder, 'main.mjs') });
  expect((await gateway.probe('/readyz')).status).toBe(200);
  expect((await gateway.probe('/healthz')).status).toBe(200);
  expect((await gateway.report()).ready).toBe(true);
  expect(await gateway.metric('sentry_open_connections')).toBe(0);
  expect(await gateway.stop()).toBe(0);
  await rm(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

interface ReportRequest extends Partial<Credentials> {
  readonly port: number;
  readonly ca: string;
}

/** GET /report over mutual TLS: the status, and the serial number of the gateway's certificate. */
function getReport(options: ReportRequest): Promise<{ status: number; serial: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', servername: 'gateway.internal', path: '/report', agent: false, ...options },
      (answer) => {
        const socket = answer.socket as TLSSocket;
        const serial = socket.getPeerCertificate().serialNumber;
        answer.resume().on('end', () => resolve({ status: answer.statusCode ?? 0, serial }));
      },
    );
    sent.on('error', reject).end();
  });
}
