// What one client address may have of a gateway's process, and that nobody else notices.
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, type Server, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { CertificateAuthority, type Credentials } from '../../peers/certificates.ts';
import { type RecordedRequest, recordingUpstream } from '../http/recording-upstream.ts';
import { GatewayProcess } from './gateway-process.ts';
import { type SketchedSnapshot, sketchSnapshot } from './snapshot-sketch.ts';

const LIMIT = 3;

let authority: CertificateAuthority;
let credentials: Credentials;
let upstream: Server;
let gateway: GatewayProcess;
const requests: RecordedRequest[] = [];
const sockets: Socket[] = [];

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  credentials = await authority.issue({ names: ['sentry.example.com'] });
  upstream = recordingUpstream(requests).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  gateway = await GatewayProcess.start({ content: content({ maxConnectionsPerAddress: LIMIT }) });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await noConnectionIsLeft();
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  upstream.close();
});

test('an address has as many connections as it may, and the next one when one of them is gone', async () => {
  const open = [];
  for (let count = 0; count < LIMIT; count++) open.push(await secure('127.0.0.1'));
  const before = await refused();
  expect(await outcome('127.0.0.1')).toBe('closed');
  expect(await refused()).toBe(before + 1);
  open[0]?.destroy();
  await gateway.until(async () => (await outcome('127.0.0.1')) === 'secure');
});

test('another address is served meanwhile', async () => {
  for (let count = 0; count < LIMIT; count++) await secure('127.0.0.1');
  expect(await outcome('127.0.0.1')).toBe('closed');
  expect(await answerOf(await secure('127.0.0.2'))).toContain(' 200 OK');
});

test('connections that say nothing count', async () => {
  for (let count = 0; count < LIMIT; count++) {
    const socket = connectTcp({ host: '127.0.0.1', port: gateway.port, localAddress: '127.0.0.3' });
    sockets.push(socket);
    await once(socket, 'connect');
  }
  await gateway.until(async () => (await outcome('127.0.0.3')) === 'closed');
  expect(await outcome('127.0.0.4')).toBe('secure');
});

test('connections that were refused, failed their handshake or were left leave nothing behind', async () => {
  for (let count = 0; count < 3 * LIMIT; count++) {
    const socket = connectTcp({ host: '127.0.0.1', port: gateway.port });
    socket.on('error', () => undefined).end('this is no ClientHello of TLS');
    await once(socket.resume(), 'close');
  }
  await gateway.until(async () => (await outcome('127.0.0.1')) === 'secure');
});

test('with the PROXY protocol the address is that of the phone, an IPv6 one by its /64', async () => {
  await gateway.serve(content({ maxConnectionsPerAddress: 1 }, true));
  await secure('127.0.0.1', 'PROXY TCP4 198.51.100.7 10.0.0.1 49152 443\r\n');
  expect(await outcome('127.0.0.1', 'PROXY TCP4 198.51.100.7 10.0.0.1 49153 443\r\n')).toBe('closed');
  expect(await outcome('127.0.0.1', 'PROXY TCP4 198.51.100.8 10.0.0.1 49153 443\r\n')).toBe('secure');
  await secure('127.0.0.1', 'PROXY TCP6 2001:db8::7 2001:db8::1 49152 443\r\n');
  expect(await outcome('127.0.0.1', 'PROXY TCP6 2001:db8::8 2001:db8::1 49152 443\r\n')).toBe('closed');
  expect(await outcome('127.0.0.1', 'PROXY TCP6 2001:db8:0:1::8 2001:db8::1 49152 443\r\n')).toBe('secure');
  await gateway.serve(content({ maxConnectionsPerAddress: LIMIT }));
});

test('a limit that is taken away holds nobody', async () => {
  for (let count = 0; count < LIMIT; count++) await secure('127.0.0.1');
  await gateway.serve(content(undefined));
  for (let count = 0; count < 2 * LIMIT; count++) await secure('127.0.0.1');
  await gateway.serve(content({ maxConnectionsPerAddress: LIMIT }));
});

function content(limits: SketchedSnapshot['snapshot']['limits'], isProxied = false): SketchedSnapshot {
  const { port } = upstream.address() as AddressInfo;
  return sketchSnapshot({
    listeners: [{ credentials: [credentials] }],
    routes: [{ servers: [{ name: 'mbx1', url: `http://127.0.0.1:${port}` }] }],
    ticketKey: Buffer.alloc(48, 1),
    ...(limits && { limits }),
    ...(isProxied && { proxyProtocol: { trustedProxies: [] } }),
  });
}

async function secure(localAddress: string, start = ''): Promise<TLSSocket> {
  const raw = connectTcp({ host: '127.0.0.1', port: gateway.port, localAddress, noDelay: true });
  sockets.push(raw.on('error', () => undefined));
  await once(raw, 'connect');
  if (start !== '') raw.write(start);
  const socket = connect({ socket: raw, ca: authority.certificate, servername: 'sentry.example.com' });
  sockets.push(socket.on('error', () => undefined));
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve).once('close', () => reject(new Error('closed')));
  });
  return socket;
}

/** What becomes of one more connection, which is then closed. */
async function outcome(localAddress: string, start = ''): Promise<'secure' | 'closed'> {
  try {
    const socket = await secure(localAddress, start);
    socket.destroy();
    return 'secure';
  } catch {
    return 'closed';
  }
}

async function answerOf(socket: TLSSocket): Promise<string> {
  const authorization = `Basic ${Buffer.from('alice@example.com:secret').toString('base64')}`;
  socket.write(
    `OPTIONS /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: sentry.example.com\r\nAuthorization: ${authorization}\r\n\r\n`,
  );
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return bytes.toString('latin1');
}

async function refused(): Promise<number> {
  return (await gateway.metric('sentry_handshakes_total{listener="",outcome="address-limit"}')) ?? 0;
}

async function noConnectionIsLeft(): Promise<void> {
  const states = ['arriving', 'queued', 'in-flight'];
  await gateway.until(async () => {
    const pending = await Promise.all(
      states.map((state) => gateway.metric(`sentry_pending_handshakes{state="${state}"}`)),
    );
    return [...pending, await gateway.metric('sentry_open_connections')].every((count) => count === 0);
  });
}
