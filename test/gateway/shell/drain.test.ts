// How a gateway's process ends: told to, it leaves the endpoints, answers everything, and exits 0.
import { once } from 'node:events';
import { beforeAll, expect, test } from 'vitest';
import { CertificateAuthority, type Credentials } from '../../peers/certificates.ts';
import { GatewayProcess } from './gateway-process.ts';
import { type SketchedSnapshot, sketchSnapshot } from './snapshot-sketch.ts';
import { connectTls, exchangeHead, outcomeOf } from './tls-client.ts';

let authority: CertificateAuthority;
let credentials: Credentials;
beforeAll(async () => {
  authority = await CertificateAuthority.create();
  credentials = await authority.issue({ names: ['sentry.example.com'] });
});

function content(seconds: number, propagationSeconds: number): SketchedSnapshot {
  return sketchSnapshot({
    listeners: [{ credentials: [credentials] }],
    drain: { seconds, propagationSeconds },
  });
}

const client = (gateway: GatewayProcess) => ({
  port: gateway.port,
  servername: 'sentry.example.com',
  ca: authority.certificate,
});

test('from SIGTERM on it is not ready, serves on until the endpoints forget it, asks every phone to come back elsewhere, and exits 0', async () => {
  await using gateway = await GatewayProcess.start({ content: content(30, 3) });
  const open = await connectTls(client(gateway));
  expect(await exchangeHead(open)).not.toMatch(/connection: close/i);
  gateway.child.kill('SIGTERM');
  await gateway.logged('draining');
  expect(await gateway.probe('/readyz')).toMatchObject({ status: 503, body: 'draining\n' });
  expect((await gateway.probe('/healthz')).status).toBe(200);
  expect(await gateway.report()).toMatchObject({ ready: false, draining: true });

  const late = await connectTls(client(gateway));
  expect(await exchangeHead(late)).toMatch(/connection: close/i);
  expect(await exchangeHead(open)).toMatch(/connection: close/i);
  if (!open.closed) await once(open, 'close');
  expect(await gateway.exited()).toBe(0);
  expect(gateway.log.at(-1)?.msg).toBe('drained');
});

test('a connection that stays idle keeps it no longer than the drain time', async () => {
  await using gateway = await GatewayProcess.start({ content: content(1, 0) });
  const idle = await connectTls(client(gateway));
  await exchangeHead(idle);
  gateway.child.kill('SIGTERM');
  await gateway.logged('draining');
  await gateway.until(async () => (await outcomeOf(client(gateway))) === 'ECONNREFUSED');
  expect(await gateway.exited()).toBe(0);
});

test('without a snapshot it exits at once', async () => {
  await using gateway = await GatewayProcess.start();
  await gateway.until(async () => (await gateway.probe('/healthz')).status === 200);
  expect(await gateway.stop()).toBe(0);
});

test('without a connection it exits as soon as it is told to, also by SIGINT', async () => {
  await using gateway = await GatewayProcess.start({ content: content(600, 0) });
  gateway.child.kill('SIGINT');
  expect(await gateway.exited()).toBe(0);
});

test('it drains when the process that forked it is gone', async () => {
  await using gateway = await GatewayProcess.start({ content: content(600, 0), ipc: true });
  gateway.child.disconnect();
  expect(await gateway.exited()).toBe(0);
});
