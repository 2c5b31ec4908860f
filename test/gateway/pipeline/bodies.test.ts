// Bodies that the gateway does not understand: Exchange judges them, and gets them byte for byte.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { GatewayFixture } from './gateway-fixture.ts';
import { basic, pingBody, RawPhone, syncBody, WBXML } from './raw-phone.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const sync = Buffer.from(syncBody({ heartbeatSeconds: 480 }));

interface Body {
  readonly name: string;
  readonly body: Buffer;
  readonly coding?: string;
}

const BODIES: readonly Body[] = [
  { name: 'no WBXML at all', body: Buffer.from('garbage') },
  { name: 'plain XML', body: Buffer.from('<?xml version="1.0"?><Ping/>') },
  { name: 'a document that is cut', body: sync.subarray(0, -3) },
  { name: 'a document with bytes behind it', body: Buffer.concat([sync, Buffer.from('more')]) },
  { name: 'the root of another command', body: Buffer.from(pingBody(480)) },
  { name: 'a string table', body: hex('03016A02 4100 000D 05') },
  { name: 'another version of WBXML', body: hex('02016A00 000D 05') },
  {
    name: 'a thousand levels',
    body: Buffer.concat([hex('03016A00'), Buffer.alloc(1000, 0x45), Buffer.alloc(1000, 0x01)]),
  },
  { name: 'opaque data beyond the end', body: hex('03016A00 45 C3 FF7F 4142') },
  { name: 'an unknown page and tag', body: hex('03016A00 00FE 7F 03 61 00 01') },
  { name: 'a heartbeat that is no number', body: Buffer.from(pingBody(-5)) },
  { name: '70,000 bytes', body: Buffer.alloc(70_000, 0x45) },
  { name: 'what is not gzip', body: sync, coding: 'gzip' },
  { name: 'gzip that is cut', body: gzipSync(sync).subarray(0, -5), coding: 'gzip' },
  { name: 'a little gzip that is 50 MB', body: gzipSync(Buffer.alloc(50_000_000)), coding: 'gzip' },
  { name: 'deflate without its header', body: deflateRawSync(sync), coding: 'deflate' },
  { name: 'an unknown coding', body: sync, coding: 'br' },
  { name: 'two codings', body: gzipSync(gzipSync(sync)), coding: 'gzip, gzip' },
];

describe('a body that the gateway does not understand', () => {
  let server: Server;
  let gateway: GatewayFixture;
  let phone: RawPhone;

  beforeAll(async () => {
    server = createServer((request, response) => {
      const hash = createHash('sha256').update(`${request.headers['content-encoding']} `);
      request.on('data', (piece: Buffer) => hash.update(piece));
      request.on('end', () => response.end(hash.digest('hex')));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const servers = [{ name: 'mbx1', url: `http://127.0.0.1:${port}` }];
    const authority = await CertificateAuthority.create();
    gateway = await GatewayFixture.start({ authority, routes: [{ servers }] });
    phone = new RawPhone(gateway);
  });
  afterAll(async () => {
    phone.close();
    await gateway.stop();
    server.close();
  });

  describe.each(['Ping', 'Sync', 'ItemOperations', 'Provision', 'FolderSync'])('of %s', (command) => {
    test.each(BODIES)(
      'reaches Exchange as it came, and so does its answer: $name',
      async ({ body, coding }) => {
        const answer = await phone.send({
          command,
          authorization: basic('alice@example.com'),
          headers: [
            ['MS-ASProtocolVersion', '16.1'],
            ['Content-Type', WBXML],
            ...(coding === undefined ? [] : [['Content-Encoding', coding] as const]),
          ],
          body,
        });
        const expected = createHash('sha256').update(`${coding} `).update(body).digest('hex');
        expect([answer.status, answer.body.toString()]).toEqual([200, expected]);
      },
    );
  });
});
