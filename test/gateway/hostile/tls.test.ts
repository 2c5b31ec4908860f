// Broken TLS, and handshakes that the gateway has no part in: each costs its own connection, and nobody else notices.
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type ConnectionOptions } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { helloBytes } from '../shell/tls-client.ts';
import { BesiegedGateway, type Footprint, HOSTNAME } from './besieged-gateway.ts';
import { type TlsCase, tlsCases } from './tls-cases.ts';

const QUIET_MS = 100;
const CASES = tlsCases(await helloBytes());

let besieged: BesiegedGateway;
let footprint: Footprint;
let openFiles: number;

beforeAll(async () => {
  besieged = await BesiegedGateway.start();
  await besieged.healthyPhoneIsServed('tls');
  footprint = await besieged.footprint();
  openFiles = besieged.openFiles();
});
afterAll(() => besieged[Symbol.asyncDispose]());

afterEach(async () => {
  await besieged.healthyPhoneIsServed('tls');
  await besieged.gateway.until(async () => {
    const { connections, pending, timers } = await besieged.footprint();
    const isClean = connections === footprint.connections && pending === 0 && timers <= footprint.timers;
    return isClean && besieged.openFiles() <= openFiles;
  });
});

async function begin(bytes: Buffer): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port: besieged.gateway.port });
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}

test('no name stands for two cases', () => {
  expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
});

test.for<TlsCase>(CASES)('$name: the gateway $expected', async ({ bytes, expected, leaves }) => {
  const socket = await begin(bytes);
  if (leaves) {
    socket.destroy();
    return;
  }
  const closed = once(socket, 'close').then(() => 'closes');
  // A hello that is good so far is answered; it is broken by what follows, once the phone says no more.
  const outcome = await Promise.race([closed, sleep(QUIET_MS, 'waits')]);
  await besieged.healthyPhoneIsServed('tls');
  expect(outcome === 'waits' && expected === 'closes' ? await closed : outcome).toBe(expected);
  socket.destroy();
});

test.for<[string, ConnectionOptions]>([
  ['TLS 1.0', { maxVersion: 'TLSv1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }],
  ['TLS 1.1', { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
  ['a name that is not here', { servername: 'other.example.com' }],
  ['a name that is as long as may be', { servername: `${'a'.repeat(60)}.${'b'.repeat(60)}.example.com` }],
  ['a cipher without forward secrecy', { ciphers: 'AES128-SHA', maxVersion: 'TLSv1.2' }],
  ['a cipher without encryption', { ciphers: 'NULL-SHA256:@SECLEVEL=0', maxVersion: 'TLSv1.2' }],
  ['a cipher without authentication', { ciphers: 'ADH-AES128-SHA256:@SECLEVEL=0', maxVersion: 'TLSv1.2' }],
  ['HTTP/2 alone', { ALPNProtocols: ['h2'] }],
  ['SPDY alone', { ALPNProtocols: ['spdy/3.1'] }],
])('a handshake with %s fails', async ([, options]) => {
  const socket = connect({
    host: '127.0.0.1',
    port: besieged.gateway.port,
    servername: HOSTNAME,
    ca: besieged.authority.certificate,
    ...options,
  });
  const [event] = await Promise.race([
    once(socket, 'secureConnect').then(() => ['connected']),
    once(socket, 'error'),
  ]);
  socket.destroy();
  expect(event).toBeInstanceOf(Error);
});

test('a phone that asks for another handshake on its connection gets none', async () => {
  const socket = connect({
    host: '127.0.0.1',
    port: besieged.gateway.port,
    servername: HOSTNAME,
    ca: besieged.authority.certificate,
    maxVersion: 'TLSv1.2',
  });
  await once(socket, 'secureConnect');
  const renegotiated = new Promise<Error | null>((resolve) => {
    socket.on('error', resolve);
    if (!socket.renegotiate({}, resolve)) resolve(new Error('not begun'));
  });
  expect(await renegotiated).toBeInstanceOf(Error);
  socket.destroy();
});

test('a hello that comes byte by byte is a hello', async () => {
  const socket = connectTcp({ host: '127.0.0.1', port: besieged.gateway.port, noDelay: true });
  await once(socket, 'connect');
  const answer = once(socket, 'data') as Promise<[Buffer]>;
  for (const byte of await helloBytes()) {
    socket.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  const [bytes] = await answer;
  expect(bytes[0]).toBe(22);
  socket.destroy();
});
