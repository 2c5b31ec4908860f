// What a connection says first, on real sockets; only the clock is a fake.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { helloBytes } from '../../test/gateway/shell/tls-client.ts';
import { Arrival, type ArrivalEvents } from './arrival.ts';

const HEADER = Buffer.from('PROXY TCP4 198.51.100.7 10.0.0.1 49152 443\r\n');

let server: Server;
let phone: Socket;
let seen: string[];
const events: ArrivalEvents = {
  onHello: ({ client, peer, socket }, hello) => {
    seen.push(`hello ${hello.kind === 'hello' ? hello.serverName : hello.kind} ${client} ${peer}`);
    socket.destroy();
  },
  onBadProxyHeader: () => seen.push('bad header'),
  onTimeout: () => seen.push('timeout'),
  onGone: () => seen.push('gone'),
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  seen = [];
});
afterEach(() => {
  vi.useRealTimers();
  phone.destroy();
  server.close();
});

/** A connection and its arrival. */
async function arrive(isProxied: boolean): Promise<void> {
  server = createServer((socket) => new Arrival(socket, { peer: '10.0.0.9', isProxied }, events).start());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  phone = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
  phone.on('error', () => undefined);
  await once(phone, 'connect');
}

test.each<[string, number[]]>([
  ['in one piece', []],
  ['behind its proxy header', [HEADER.length]],
  ['cut within both', [3, HEADER.length + 20]],
  ['with its proxy header byte by byte', Array.from({ length: HEADER.length + 3 }, (_, at) => at + 1)],
])('a proxied ClientHello %s is found, with the address of the phone', async (_, cuts) => {
  const bytes = Buffer.concat([HEADER, await helloBytes()]);
  await arrive(true);
  const gone = once(phone, 'close');
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    phone.write(bytes.subarray(at, cut));
    at = cut;
    await new Promise(setImmediate);
  }
  phone.resume();
  await gone;
  expect(seen[0]).toBe('hello sentry.example.com 198.51.100.7 10.0.0.9');
});

test('without a proxy the header is not believed: it is no ClientHello', async () => {
  await arrive(false);
  phone.write(Buffer.concat([HEADER, await helloBytes()]));
  await once(phone.resume(), 'close');
  expect(seen[0]).toBe('hello malformed 10.0.0.9 10.0.0.9');
});

test('with a proxy a ClientHello without a header is refused', async () => {
  await arrive(true);
  phone.write(await helloBytes());
  await once(phone.resume(), 'close');
  await vi.waitUntil(() => seen.length === 2);
  expect(seen).toEqual(['bad header', 'gone']);
});

test.each<[string, Buffer]>([
  ['nothing', Buffer.alloc(0)],
  ['half a header', HEADER.subarray(0, 20)],
  ['a header and nothing behind it', HEADER],
])('who sends %s is closed after 15 seconds', async (_, bytes) => {
  await arrive(true);
  await new Promise((resolve) => phone.write(bytes, resolve));
  await vi.advanceTimersByTimeAsync(14_999);
  expect(seen).toEqual([]);
  const closed = once(phone.resume(), 'close');
  await vi.advanceTimersByTimeAsync(1);
  await closed;
  await vi.waitUntil(() => seen.length === 2);
  expect(seen).toEqual(['timeout', 'gone']);
});
