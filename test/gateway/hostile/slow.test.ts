// Phones that are slow on purpose: each is answered or left when its time is over, and until then costs nobody else anything.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { GatewayFixture, HOSTNAME } from '../pipeline/gateway-fixture.ts';
import { aimed, AUTHORIZATION, HOST, request, TARGET } from './hostile-case.ts';

interface SlowCase {
  readonly name: string;
  readonly raw: string;
  /** Sent again and again, each time after so many seconds of the gateway's clock. */
  readonly drip?: { readonly bytes: string; readonly seconds: number };
  /** After so many seconds of the gateway's clock it is over. */
  readonly seconds: number;
  /** Empty: the connection is closed without a word. */
  readonly answer: string;
}

const HEAD = `POST ${TARGET} HTTP/1.1\r\n${HOST}\r\n${AUTHORIZATION}\r\n`;

const CASES: readonly SlowCase[] = [
  { name: 'says nothing after its handshake', raw: '', seconds: 21, answer: '' },
  { name: 'says half a request line', raw: 'POST /Microsoft', seconds: 21, answer: '408' },
  { name: 'says half a head', raw: HEAD, seconds: 21, answer: '408' },
  {
    name: 'says a header line every five seconds',
    raw: HEAD,
    drip: { bytes: 'X: 1\r\n', seconds: 5 },
    seconds: 25,
    answer: '408',
  },
  {
    name: 'says a byte of its head every second',
    raw: HEAD,
    drip: { bytes: 'X', seconds: 1 },
    seconds: 25,
    answer: '408',
  },
  {
    name: 'sends half an empty line in place of a request',
    raw: '\r',
    seconds: 25,
    answer: '',
  },
  {
    name: 'stops in the middle of its body',
    raw: `${HEAD}Content-Length: 1000\r\n\r\nabc`,
    seconds: 61,
    answer: '408',
  },
  {
    name: 'sends nothing of its body',
    raw: `${HEAD}Content-Length: 1000\r\n\r\n`,
    seconds: 61,
    answer: '408',
  },
  {
    name: 'sends nothing of a body that it announced with an expectation',
    raw: `${HEAD}Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n`,
    seconds: 61,
    answer: '408',
  },
  {
    name: 'sends a byte of its body every ten seconds',
    raw: `${HEAD}Content-Length: 100000\r\n\r\n`,
    drip: { bytes: 'x', seconds: 10 },
    seconds: 130,
    answer: '408',
  },
  {
    name: 'stops in the middle of a chunk',
    raw: `${HEAD}Transfer-Encoding: chunked\r\n\r\nff\r\nabc`,
    seconds: 61,
    answer: '408',
  },
  {
    name: 'sends a chunk of one byte every ten seconds',
    raw: `${HEAD}Transfer-Encoding: chunked\r\n\r\n`,
    drip: { bytes: '1\r\na\r\n', seconds: 10 },
    seconds: 130,
    answer: '408',
  },
  {
    name: 'stops behind its last chunk',
    raw: `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n`,
    seconds: 61,
    answer: '408',
  },
  {
    name: 'stops in the middle of the body of a Ping',
    raw: `${HEAD.replace('FolderSync', 'Ping')}Content-Length: 1000\r\n\r\nabc`,
    seconds: 61,
    answer: '408',
  },
  { name: 'says nothing after an answer', raw: request({ method: 'OPTIONS' }), seconds: 125, answer: '200' },
];

const ANSWER_BYTES = 30_000_000;

let authority: CertificateAuthority;
let server: Server;
let gateway: GatewayFixture;
let healthy: TLSSocket;
/** Requests that the server has got to their end. */
let whole = 0;

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  server = createServer((message, response) => {
    message.resume().on('error', () => undefined);
    message.on('end', () => {
      whole++;
      response.end(message.url?.includes('large') ? Buffer.alloc(ANSWER_BYTES) : undefined);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(async () => {
  const { port } = server.address() as AddressInfo;
  gateway = await GatewayFixture.start({
    authority,
    routes: [{ servers: [{ name: 'mbx1', url: `http://127.0.0.1:${port}` }] }],
  });
  healthy = await newPhone();
  await isServed(healthy);
  whole = 0;
});
afterEach(async () => {
  healthy.destroy();
  await gateway.until(() => gateway.server.connections === 0, 'all connections are gone');
  await gateway.pipeline.drain({ seconds: 30 });
  await gateway.stop();
});

async function newPhone(): Promise<TLSSocket> {
  const { port } = new URL(gateway.url);
  const socket = connect({
    host: '127.0.0.1',
    port: Number(port),
    servername: HOSTNAME,
    ca: authority.certificate,
  });
  await once(socket, 'secureConnect');
  return socket.on('error', () => undefined);
}

function send(socket: TLSSocket, raw: string): void {
  socket.write(aimed(raw, { user: 'mallory@example.com', device: 'slow' }), 'latin1');
}

async function isServed(socket: TLSSocket): Promise<void> {
  const answer = once(socket, 'data') as Promise<[Buffer]>;
  send(socket, request({ method: 'OPTIONS' }));
  const [bytes] = await answer;
  expect(bytes.toString('latin1', 0, 12)).toBe('HTTP/1.1 200');
}

test.for(CASES)('a phone that $name', async ({ raw, drip, seconds, answer }) => {
  const socket = await newPhone();
  let received = '';
  let isClosed = false;
  socket.on('data', (bytes: Buffer) => (received += bytes.toString('latin1')));
  socket.on('close', () => (isClosed = true));
  send(socket, raw);
  await isServed(healthy);
  await isServed(healthy);
  const step = drip?.seconds ?? seconds;
  for (let past = 0; past < seconds; past += step) {
    gateway.aheadMs += step * 1000;
    await new Promise((resolve) => setTimeout(resolve, 30));
    if (drip !== undefined && !isClosed) socket.write(drip.bytes);
    if (healthy.destroyed) healthy = await newPhone();
    await isServed(healthy);
  }
  await gateway.until(() => isClosed, 'the gateway closes');
  const statuses = [...received.matchAll(/HTTP\/1\.1 ([2-5]\d\d)/g)].map(([, status]) => status);
  expect(statuses).toEqual(answer === '' ? [] : [answer]);
});

test('a phone that does not read its answer is left, and the server is not read on', async () => {
  const socket = await newPhone();
  socket.pause();
  send(socket, request({ method: 'GET', target: `${TARGET}large` }));
  await gateway.until(() => whole > 0, 'the server is asked');
  for (let past = 0; past < 130; past += 10) {
    gateway.aheadMs += 10_000;
    await new Promise((resolve) => setTimeout(resolve, 30));
    if (healthy.destroyed) healthy = await newPhone();
    await isServed(healthy);
  }
  await gateway.until(() => gateway.server.connections === 1, 'the slow one is left');
  socket.destroy();
});
