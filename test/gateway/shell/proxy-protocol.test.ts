// The PROXY protocol on the phones' port of a gateway's process: whose address counts, who is turned away, and what a reload changes.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect as connectTcp, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority, type Credentials } from '../../peers/certificates.ts';
import { type RecordedRequest, recordingUpstream } from '../http/recording-upstream.ts';
import { GatewayProcess } from './gateway-process.ts';
import { type SketchedSnapshot, sketchSnapshot } from './snapshot-sketch.ts';
import { connectTls } from './tls-client.ts';

const V1 = Buffer.from('PROXY TCP4 198.51.100.7 10.0.0.1 49152 443\r\n');
const UNKNOWN = Buffer.from('PROXY UNKNOWN\r\n');
const V2_START = [0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const LOCAL = Buffer.from([...V2_START, 0x20, 0, 0, 0]);
/** 2001:db8::7, with an addition that load balancers of one cloud send. */
const V2 = Buffer.from([
  ...[...V2_START, 0x21, 0x21, 0, 36 + 6],
  ...[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
  ...[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
  ...[0xc0, 0, 1, 0xbb, 0xea, 0, 3, 1, 2, 3],
]);

let authority: CertificateAuthority;
let credentials: Credentials;
let gateway: GatewayProcess;
let upstream: Server;
const requests: RecordedRequest[] = [];

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  credentials = await authority.issue({ names: ['sentry.example.com'] });
  upstream = recordingUpstream(requests).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  gateway = await GatewayProcess.start({ content: content([]) });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  upstream.close();
});
beforeEach(() => requests.splice(0));

/** Undefined: the protocol is not spoken. */
function content(trustedProxies: string[] | undefined): SketchedSnapshot {
  const { port } = upstream.address() as AddressInfo;
  return sketchSnapshot({
    listeners: [{ credentials: [credentials] }],
    routes: [{ servers: [{ name: 'mbx1', url: `http://127.0.0.1:${port}` }] }],
    ticketKey: Buffer.alloc(48, 1),
    ...(trustedProxies && { proxyProtocol: { trustedProxies } }),
  });
}

async function connectWith(start: Buffer): Promise<Socket> {
  const raw = connectTcp({ port: gateway.port, host: '127.0.0.1', noDelay: true });
  raw.on('error', () => undefined);
  await once(raw, 'connect');
  if (start.length > 0) raw.write(start);
  return raw;
}

/** By a reset, too. */
function closed(raw: Socket): Promise<unknown> {
  return new Promise((resolve) => raw.once('close', resolve).resume());
}

async function secureWith(start: Buffer): Promise<TLSSocket> {
  const socket = connect({
    socket: await connectWith(start),
    ca: authority.certificate,
    servername: 'sentry.example.com',
  });
  await once(socket, 'secureConnect');
  return socket.on('error', () => undefined);
}

/** A request that goes through, and what the server was told of its origin. */
async function forwardedFor(socket: TLSSocket): Promise<string | undefined> {
  socket.write(
    [
      'OPTIONS /Microsoft-Server-ActiveSync HTTP/1.1',
      'Host: sentry.example.com',
      `Authorization: Basic ${Buffer.from('alice@example.com:secret').toString('base64')}`,
      'X-Forwarded-For: 203.0.113.99',
      '\r\n',
    ].join('\r\n'),
  );
  await once(socket, 'data');
  const { lines = [] } = requests.at(-1) ?? {};
  const values = lines.filter((_, at) => lines[at - 1]?.toLowerCase() === 'x-forwarded-for');
  return values.join(', ');
}

async function outcomes(outcome: string): Promise<number> {
  return (await gateway.metric(`sentry_handshakes_total{listener="",outcome="${outcome}"}`)) ?? 0;
}

describe('a connection through a proxy', () => {
  test.each<[string, Buffer, string]>([
    ['version 1', V1, '198.51.100.7'],
    ['version 2', V2, '2001:db8::7'],
    ['version 1 that does not know the phone', UNKNOWN, '127.0.0.1'],
    ['version 2 of the proxy itself', LOCAL, '127.0.0.1'],
  ])('of %s is that of the phone, to the server and in the access log', async (_, start, client) => {
    const socket = await secureWith(start);
    expect(await forwardedFor(socket)).toBe(client);
    const isLogged = () => gateway.log.findLast(({ msg }) => msg === 'request')?.['client'] === client;
    await gateway.until(() => Promise.resolve(isLogged()));
    socket.destroy();
  });

  test('that ends in the middle of its header leaves nothing behind', async () => {
    for (let cut = 0; cut < V2.length; cut += 5) (await connectWith(V2.subarray(0, cut))).destroy();
    await gateway.until(
      async () => (await gateway.metric('sentry_pending_handshakes{state="arriving"}')) === 0,
    );
    expect(await forwardedFor(await secureWith(V1))).toBe('198.51.100.7');
  });
});

describe.skipIf(spawnSync('haproxy', ['-v']).error !== undefined)('HAProxy as the load balancer', () => {
  test.each(['send-proxy', 'send-proxy-v2', 'send-proxy-v2 proxy-v2-options crc32c,unique-id,ssl,cert-cn'])(
    'with %s: phones come with their address, its checks with none',
    async (option) => {
      const bad = await outcomes('bad-proxy-header');
      const file = join(gateway.folder, 'haproxy.cfg');
      const socketFile = join(gateway.folder, 'haproxy.sock');
      await writeFile(
        file,
        `defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  unique-id-format %[uuid]
frontend phones
  bind unix@${socketFile} accept-proxy
  default_backend gateway
backend gateway
  server gateway 127.0.0.1:${gateway.port} ${option} check inter 20 check-ssl verify none check-send-proxy check-sni sentry.example.com
`,
      );
      const haproxy = spawn('haproxy', ['-db', '-q', '-f', file], { stdio: 'ignore' });
      const exited = once(haproxy, 'exit');
      try {
        const checked = async (): Promise<number> =>
          (await gateway.metric('sentry_handshakes_total{listener="phones",outcome="full"}')) ?? 0;
        const before = await checked();
        await gateway.until(async () => (await checked()) > before + 2);
        const raw = connectTcp(socketFile);
        await once(raw, 'connect');
        raw.write('PROXY TCP4 198.51.100.23 10.0.0.1 49152 443\r\n');
        const socket = connect({ socket: raw, ca: authority.certificate, servername: 'sentry.example.com' });
        await once(socket, 'secureConnect');
        expect(await forwardedFor(socket)).toBe('198.51.100.23');
        socket.on('error', () => undefined).destroy();
        expect(await outcomes('bad-proxy-header')).toBe(bad);
      } finally {
        haproxy.kill('SIGKILL');
        await exited;
      }
    },
  );
});

describe('a connection that is turned away', () => {
  test.each<[string, Buffer]>([
    ['no header', Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3])],
    ['a wrong signature', Buffer.from(V2.with(11, 0x0b))],
    ['an address that is none', Buffer.from('PROXY TCP4 phone 10.0.0.1 1 2\r\n')],
  ])('because of %s is counted', async (_, start) => {
    const before = await outcomes('bad-proxy-header');
    const raw = await connectWith(start);
    await closed(raw);
    await gateway.until(async () => (await outcomes('bad-proxy-header')) === before + 1);
  });

  test('because its peer is not trusted is counted, whatever it says', async () => {
    await gateway.serve(content(['192.0.2.0/24', '2001:db8::/32']));
    const before = await outcomes('untrusted-proxy');
    const raw = await connectWith(V1);
    await closed(raw);
    await gateway.until(async () => (await outcomes('untrusted-proxy')) === before + 1);
    await gateway.serve(content(['127.0.0.0/8']));
    expect(await forwardedFor(await secureWith(V1))).toBe('198.51.100.7');
  });
});

test('a reload that switches it holds for new connections; open ones stay as they came', async () => {
  await gateway.serve(content(undefined));
  expect((await gateway.report()).snapshot?.version).toBe(1);
  const direct = await connectTls({
    port: gateway.port,
    servername: 'sentry.example.com',
    ca: authority.certificate,
  });
  expect(await forwardedFor(direct)).toBe('127.0.0.1');
  await expect(secureWith(V1)).rejects.toMatchObject({
    code: expect.stringMatching(/^(ECONNRESET|EPROTO|ERR_SSL_.*)$/),
  });

  await gateway.serve(content([]));
  expect((await gateway.report()).snapshot?.version).toBe(2);
  const proxied = await secureWith(V1);
  expect(await forwardedFor(proxied)).toBe('198.51.100.7');
  expect(await forwardedFor(direct)).toBe('127.0.0.1');

  await gateway.serve(content(undefined));
  expect(await forwardedFor(proxied)).toBe('198.51.100.7');
  direct.destroy();
  proxied.destroy();
});

test('a phone that resumes its session through a proxy is that phone', async () => {
  await gateway.serve(content([]));
  const first = await secureWith(V1);
  const [session] = (await once(first, 'session')) as [Buffer];
  first.destroy();
  const socket = connect({
    socket: await connectWith(V2),
    session,
    ca: authority.certificate,
    servername: 'sentry.example.com',
  });
  await once(socket, 'secureConnect');
  expect(socket.isSessionReused()).toBe(true);
  expect(await forwardedFor(socket)).toBe('2001:db8::7');
  socket.destroy();
});
