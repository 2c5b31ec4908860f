// Bodies: every byte in both directions, none of it held longer than it must be.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { GatewayFixture } from './gateway-fixture.ts';
import { basic, RawPhone } from './raw-phone.ts';

const ALICE = basic('alice@example.com');
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function* slowly(pieces: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    yield Buffer.from(piece);
    await sleep(100);
  }
}

const echo = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const body = Buffer.concat(pieces);
  response.writeHead(200, {
    'Content-Length': body.length,
    'X-Framing': request.headers['transfer-encoding'] ?? 'length',
  });
  response.end(body);
};

describe('a body', () => {
  let server: Server;
  let gateway: GatewayFixture;
  let phone: RawPhone;
  let serve: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

  beforeAll(async () => {
    const authority = await CertificateAuthority.create();
    const credentials = await authority.issue({ names: ['localhost'] });
    server = createServer(credentials, (request, response) => {
      if (request.method === 'OPTIONS') response.end();
      else void serve(request, response);
    });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    gateway = await GatewayFixture.start({ authority, routes: [{ servers: [{ name: 'mbx1', url }] }] });
    phone = new RawPhone(gateway);
  });

  afterAll(async () => {
    phone.close();
    await gateway.stop();
    server.closeAllConnections();
    server.close();
  });

  test.each([0, 1, 1023, 65_535, 65_536, 65_537, 131_073, 5_000_000])(
    'of %i bytes arrives and returns as it was, by length and in chunks, as mail and as search',
    async (bytes) => {
      serve = echo;
      const body = randomBytes(bytes);
      for (const command of ['SendMail', 'Search', 'Sync']) {
        for (const sent of [body, inPieces(body, 40_000)]) {
          const answer = await phone.send({ command, authorization: ALICE, body: sent });
          expect([command, answer.status, answer.body.length, sha256(answer.body)]).toEqual([
            command,
            200,
            bytes,
            sha256(body),
          ]);
          expect(answer.header('x-framing')).toBe(sent === body ? 'length' : 'chunked');
        }
      }
      expect(gateway.records.at(-1)).toMatchObject({ bytesIn: bytes, bytesOut: bytes, code: 200 });
    },
  );

  test('goes on to a server that has begun its answer and reads on', async () => {
    serve = async (request, response) => {
      response.writeHead(200);
      response.write('begun;');
      for await (const piece of request) response.write(`${String(piece)};`);
      response.end('done');
    };
    const answer = await phone.send({
      command: 'SendMail',
      authorization: ALICE,
      body: slowly(['one', 'two', 'three']),
    });
    expect(answer.body.toString()).toBe('begun;one;two;three;done');
    expect(answer.header('connection')).toBe('close');
  });

  test('of a mail reaches the server while the phone still sends it', async () => {
    const arrived = Promise.withResolvers<void>();
    serve = async (request, response) => {
      request.once('data', () => arrived.resolve());
      await once(request, 'end');
      response.end('ok');
    };
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('first');
      await arrived.promise;
      yield Buffer.from('last');
    }
    const answer = await phone.send({ command: 'SendMail', authorization: ALICE, body: pieces() });
    expect(answer.status).toBe(200);
  });

  test('of an answer reaches the phone while the server still sends it', async () => {
    const arrived = Promise.withResolvers<void>();
    serve = async (_, response) => {
      response.write('first');
      await arrived.promise;
      response.end('last');
    };
    const client = new RawPhone(gateway);
    const answer = await client.send({
      command: 'FolderSync',
      authorization: ALICE,
      onBody: () => arrived.resolve(),
    });
    expect(answer.status).toBe(200);
    client.close();
  });

  test('that a slow phone does not take makes the server wait', async () => {
    const total = 64_000_000;
    let written = 0;
    serve = async (_, response) => {
      response.writeHead(200, { 'Content-Length': total });
      const piece = Buffer.alloc(64_000);
      while (written < total && !response.destroyed) {
        written += piece.length;
        if (!response.write(piece)) await once(response, 'drain');
      }
      response.end();
    };
    const hold = Promise.withResolvers<void>();
    const client = new RawPhone(gateway);
    let received = 0;
    const answer = client.send({
      command: 'FolderSync',
      authorization: ALICE,
      onBody: async (piece) => {
        received += piece.length;
        await hold.promise;
      },
    });
    let before = -1;
    while (written !== before) {
      before = written;
      await sleep(300);
    }
    expect(written).toBeLessThan(total / 2);
    hold.resolve();
    await answer;
    expect(received).toBe(total);
    client.close();
  });
});
