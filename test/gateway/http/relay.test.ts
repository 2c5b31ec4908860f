// Both halves together, TLS on both legs: what goes in comes out, slow phones slow servers down, and nothing is buffered.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTLSServer } from 'node:tls';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { UpstreamPool } from '../../../gateway/http/upstream-pool.ts';
import { FakeTime, RawClient, listen, localhostCertificate, serve, settle, until } from './harness.ts';
import { Relay } from './relay.ts';

const GET = 'GET /answer HTTP/1.1\r\nHost: a\r\n\r\n';

async function relayTo(port: number, secure = true) {
  const { ca } = await localhostCertificate();
  const { deadlines } = new FakeTime();
  const url = secure ? `https://localhost:${port}` : `http://127.0.0.1:${port}`;
  const pool = new UpstreamPool({ deadlines, url, tls: { ca } });
  onTestFinished(() => pool.close());
  const relay = new Relay(pool);
  return { relay, pool, ...(await serve(relay, { tls: true })) };
}

test('bodies and headers of any size and shape come through both ways, byte for byte', async () => {
  const { ca, localhost } = await localhostCertificate();
  const upstream = createTLSServer(localhost);
  const http = createHttpServer((request, response) => {
    const hash = createHash('sha256');
    request.on('data', (bytes: Buffer) => {
      hash.update(bytes);
      response.write(bytes);
    });
    request.on('end', () => {
      response.addTrailers({ 'X-Hash': hash.digest('hex') });
      response.end();
    });
    const { 'x-value': value } = request.headers;
    const lines = ['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'X-Value', String(value)];
    const length = request.headers['content-length'];
    response.writeHead(200, 'Fine', length ? [...lines, 'Content-Length', length] : lines);
  });
  upstream.on('secureConnection', (socket) => http.emit('connection', socket));
  const { port } = await relayTo(await listen(upstream));
  const agent = new Agent({ keepAlive: true, maxSockets: 2, ca, servername: 'localhost' });
  onTestFinished(() => agent.destroy());

  const post = (pieces: readonly Uint8Array[], chunked: boolean, value: string) =>
    new Promise<{ body: Buffer; lines: string[] }>((resolve, reject) => {
      const length = pieces.reduce((sum, { length }) => sum + length, 0);
      const framing = chunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': length };
      const request = httpsRequest({
        port,
        host: '127.0.0.1',
        agent,
        method: 'POST',
        headers: { ...framing, 'X-Value': value },
      });
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (bytes: Buffer) => chunks.push(bytes));
        response.on('error', reject);
        response.on('end', () => resolve({ body: Buffer.concat(chunks), lines: response.rawHeaders }));
      });
      for (const piece of pieces) request.write(piece);
      request.end();
    });

  const piece = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 50 }),
    fc.integer({ min: 1, max: 300_000 }).map((length) => Buffer.alloc(length, String(length))),
  );
  const value = fc.stringMatching(/^[!-~]([ -~]*[!-~])?$/);
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 8 }),
      fc.boolean(),
      value,
      async (pieces, chunked, value) => {
        const { body, lines } = await post(pieces, chunked, value);
        expect(body.equals(Buffer.concat(pieces))).toBe(true);
        expect(lines.slice(0, 6)).toEqual(['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'X-Value', value]);
      },
    ),
    { numRuns: 60 },
  );
});

test('an answer for a phone that does not read stays with the server, all but a part of a megabyte', async () => {
  const { localhost } = await localhostCertificate();
  const length = 100_000_000;
  let sent = 0;
  const upstream = createTLSServer(localhost, (socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
      const piece = Buffer.alloc(65_536);
      const writeOn = (): void => {
        let goesOn = true;
        while (goesOn && sent < length) {
          const bytes = piece.subarray(0, Math.min(piece.length, length - sent));
          sent += bytes.length;
          goesOn = socket.write(bytes);
        }
      };
      socket.on('drain', writeOn);
      writeOn();
    });
  });
  const { relay, port } = await relayTo(await listen(upstream));
  const phone = await RawClient.connectTLS(port);
  phone.send(GET);
  phone.socket.pause();
  let before = -1;
  while (relay.counts.read === 0 || relay.counts.read > before) {
    before = relay.counts.read;
    await settle();
  }
  expect(relay.counts.read).toBeLessThan(length / 2);
  expect(sent).toBeLessThan(length);
  phone.socket.removeAllListeners('data');
  let received = 0;
  phone.socket.on('data', (bytes: Buffer) => {
    received += bytes.length;
  });
  phone.socket.resume();
  await until(() => received > length);
  expect(relay.counts.maxAhead).toBeLessThan(1_000_000);
});

test.each(['TLS', 'plain'])(
  'phones of any speed side by side get each its own bytes (%s server)',
  async (kind) => {
    const { localhost } = await localhostCertificate();
    const length = 6_000_000;
    const answer = (socket: Socket): void => {
      socket.on('error', () => socket.destroy());
      socket.on('data', (bytes) => {
        const [, seed = ''] = /\/(\d+) /.exec(bytes.toString('latin1')) ?? [];
        const body = patterned(Number(seed), length);
        if (Number(seed) % 2 === 0) {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
          socket.write(body);
          return;
        }
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        for (let at = 0; at < length; at += 50_000) {
          socket.write('c350\r\n');
          socket.write(body.subarray(at, at + 50_000));
          socket.write('\r\n');
        }
        socket.write('0\r\n\r\n');
      });
    };
    const upstream = kind === 'TLS' ? createTLSServer(localhost, answer) : createServer(answer);
    const { port } = await relayTo(await listen(upstream), kind === 'TLS');
    const { ca } = await localhostCertificate();
    const agent = new Agent({ ca, servername: 'localhost' });
    onTestFinished(() => agent.destroy());
    const get = async (seed: number): Promise<boolean> => {
      const request = httpsRequest({ port, host: '127.0.0.1', agent, path: `/${seed}` }).end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      const chunks: Buffer[] = [];
      response.on('data', (bytes: Buffer) => {
        chunks.push(bytes);
        if (chunks.length % 10 > seed % 10) return;
        response.pause();
        setTimeout(() => response.resume(), seed % 4);
      });
      await once(response, 'end');
      return Buffer.concat(chunks).equals(patterned(seed, length));
    };
    const seeds = Array.from({ length: 8 }, (_, seed) => seed);
    expect(await Promise.all(seeds.map(get))).toEqual(seeds.map(() => true));
  },
);

/** Bytes that look the same nowhere and for no other seed. */
function patterned(seed: number, length: number): Buffer {
  const words = new Uint32Array(length / 4);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + seed * 7_919, 2_654_435_761);
  return Buffer.from(words.buffer);
}

test('a phone that leaves ends its upstream request at once; a server that dies ends the phone’s answer', async () => {
  const sockets: RawClient[] = [];
  const upstream = createServer((socket) => sockets.push(new RawClient(socket)));
  const { port, pool, relay } = await relayTo(await listen(upstream), false);
  const leaving = await RawClient.connectTLS(port);
  leaving.send(GET);
  await until(() => sockets.length === 1);
  await sockets[0]?.receives('GET /answer');
  leaving.socket.end();
  await sockets[0]?.closes();
  expect(pool.active).toBe(0);

  const staying = await RawClient.connectTLS(port);
  staying.send(GET);
  await until(() => sockets.length === 2);
  await sockets[1]?.receives('GET /answer');
  sockets[1]?.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
  await staying.receives('half');
  sockets[1]?.socket.resetAndDestroy();
  expect(await staying.closes()).toMatch(/half$/);
  expect(relay.counts.errors).toEqual(['ConnectionLost']);
});

test('a server that cannot be reached: 503, and the connection goes on', async () => {
  const { port } = await relayTo(1, false);
  const phone = await RawClient.connectTLS(port);
  phone.send(GET);
  expect(await phone.receives('Content-Length: 0\r\n\r\n')).toMatch(/^HTTP\/1\.1 503 [^]*Retry-After: 30/);
  phone.send(GET);
  await until(() => phone.received.split('HTTP/1.1 503').length === 3);
});

test('a 500 MB answer through a warm process costs at most 20 MB', async () => {
  const { localhost, ca } = await localhostCertificate();
  const folder = mkdtempSync(join(tmpdir(), 'relay-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') };
  writeFileSync(files.cert, localhost.cert);
  writeFileSync(files.key, localhost.key, { mode: 0o600 });
  writeFileSync(files.ca, ca);

  const piece = Buffer.alloc(65_536, 'x');
  const upstream = createTLSServer(localhost, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      const [, length] = /\/(\d+) /.exec(bytes.toString('latin1')) ?? [];
      let left = Number(length);
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${left}\r\n\r\n`);
      const writeOn = (): void => {
        let goesOn = true;
        while (goesOn && left > 0) {
          const bytes = piece.subarray(0, Math.min(left, piece.length));
          left -= bytes.length;
          goesOn = socket.write(bytes);
        }
        if (left === 0) socket.off('drain', writeOn);
      };
      socket.on('drain', writeOn);
      writeOn();
    });
  });
  const upstreamPort = await listen(upstream);
  const port = await freePort();
  const script = join(import.meta.dirname, 'relay.ts');
  const child = spawn(
    process.execPath,
    [script, String(port), `https://localhost:${upstreamPort}`, files.cert, files.key, files.ca],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  onTestFinished(() => {
    child.kill();
  });
  await once(child.stdout, 'data');
  const rss = (): number =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))?.[1]) / 1024;

  const phone = await RawClient.connectTLS(port);
  phone.socket.removeAllListeners('data');
  let received = 0;
  phone.socket.on('data', (bytes: Buffer) => {
    received += bytes.length;
  });
  const get = async (bytes: number, watch: () => void): Promise<void> => {
    received = 0;
    phone.send(`GET /${bytes} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await until(() => {
      watch();
      return received >= bytes;
    });
  };
  await get(300_000_000, () => undefined);
  // Between two collections of garbage the memory of a warm process goes up and down: what counts is its highest.
  let warm = rss();
  await get(300_000_000, () => {
    warm = Math.max(warm, rss());
  });
  let most = warm;
  await get(500_000_000, () => {
    most = Math.max(most, rss());
  });
  console.log(`RSS: ${warm.toFixed(1)} MB warm, at most ${most.toFixed(1)} MB`);
  expect(most - warm).toBeLessThan(20);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  await once(server.close(), 'close');
  return port;
}
