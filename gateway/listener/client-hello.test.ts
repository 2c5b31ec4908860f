import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect, type ConnectionOptions } from 'node:tls';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { readClientHello } from './client-hello.ts';

/** The first bytes that Node's own TLS client sends. */
async function captureHello(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ ...options, host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  server.close();
  return bytes;
}

let hello: Buffer;
beforeAll(async () => {
  hello = await captureHello({ servername: 'Sentry.Example.com' });
});

/** The same handshake message in records of at most `size` bytes. */
function refragment(record: Buffer, size: number): Buffer {
  const message = record.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const fragment = message.subarray(at, at + size);
    const header = Buffer.from([22, 3, 1, 0, 0]);
    header.writeUInt16BE(fragment.length, 3);
    records.push(header, fragment);
  }
  return Buffer.concat(records);
}

describe('the ClientHello of a TLS client', () => {
  test.each<[string, ConnectionOptions]>([
    ['TLS 1.2', { maxVersion: 'TLSv1.2' }],
    ['TLS 1.3', { minVersion: 'TLSv1.3' }],
    ['TLS 1.3 without post-quantum keys', { minVersion: 'TLSv1.3', ecdhCurve: 'X25519' }],
  ])('of %s gives the server name in lower case', async (_, options) => {
    const bytes = await captureHello({ ...options, servername: 'SENTRY.example.com' });
    expect(readClientHello(bytes)).toEqual({ kind: 'hello', serverName: 'sentry.example.com' });
  });

  test('without a server name gives none', async () => {
    expect(readClientHello(await captureHello({}))).toEqual({ kind: 'hello', serverName: null });
  });

  test('is incomplete wherever it is cut', () => {
    for (let length = 0; length < hello.length; length++) {
      expect(readClientHello(hello.subarray(0, length)).kind).toBe('incomplete');
    }
  });

  test('reads the same in records of any size, and with other bytes behind it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: hello.length }),
        fc.uint8Array({ maxLength: 50 }),
        (size, behind) => {
          const bytes = Buffer.concat([refragment(hello, size), behind]);
          expect(readClientHello(bytes)).toEqual({ kind: 'hello', serverName: 'sentry.example.com' });
        },
      ),
    );
  });
});

describe('bytes that are no ClientHello', () => {
  test.each([
    ['HTTP in the clear', Buffer.from('GET / HTTP/1.1\r\nHost: sentry.example.com\r\n\r\n')],
    ['an alert', Buffer.from([21, 3, 3, 0, 2, 2, 40])],
    ['a ServerHello', Buffer.from([22, 3, 3, 0, 4, 2, 0, 0, 0])],
    ['an empty record', Buffer.from([22, 3, 3, 0, 0])],
    ['SSL 2', Buffer.from([0x80, 0x2e, 1, 3, 1])],
    ['a message of 16 MB', Buffer.from([22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff])],
    ['a message that ends inside', Buffer.from([22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3])],
  ])('are malformed: %s', (_, bytes) => {
    expect(readClientHello(bytes)).toEqual({ kind: 'malformed' });
  });

  test('never make it throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(readClientHello(Buffer.from(bytes)).kind).toBeTypeOf('string');
      }),
    );
  });

  test('never make it throw when they are a changed ClientHello, nor change its length', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(255), (at, value) => {
        const changed = Buffer.from(hello);
        changed[at % changed.length] = value;
        expect(readClientHello(changed).kind).toBeTypeOf('string');
      }),
      { numRuns: 2000 },
    );
  });
});
