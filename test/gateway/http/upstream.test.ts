// The pool of connections to a server over real sockets; only the clock is ours.
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { createServer as createTLSServer } from 'node:tls';
import type { TlsOptions, TLSSocket } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { UpstreamError } from '../../../gateway/http/errors.ts';
import { CHUNKED } from '../../../gateway/http/exchange.ts';
import type { ResponseHead, ResponseSink, UpstreamRequest } from '../../../gateway/http/exchange.ts';
import { HeaderList } from '../../../gateway/http/headers.ts';
import { UpstreamPool } from '../../../gateway/http/upstream-pool.ts';
import type { UpstreamPoolOptions } from '../../../gateway/http/upstream-pool.ts';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { FakeTime, RawClient, listen, localhostCertificate, settle, until } from './harness.ts';

class SeenAnswer implements ResponseSink {
  head: ResponseHead | undefined;
  body = '';
  ended = false;
  error: UpstreamError | undefined;
  beforeOver: (() => void) | undefined;

  onHead(head: ResponseHead): void {
    if (this.head !== undefined || this.isOver) throw new Error('a second head');
    this.head = head;
  }

  onData(bytes: Buffer): void {
    if (this.isOver) throw new Error('data after the end');
    this.body += bytes.toString('latin1');
  }

  onDrain(): void {
    // What a test wants to know of it, it puts in its place.
  }

  onEnd(): void {
    if (this.isOver) throw new Error('a second end');
    this.ended = true;
    this.beforeOver?.();
  }

  onError(error: UpstreamError): void {
    if (this.isOver) throw new Error('a second end');
    this.error = error;
  }

  get isOver(): boolean {
    return this.ended || this.error !== undefined;
  }

  async over(): Promise<this> {
    await until(() => this.isOver);
    return this;
  }
}

/** The server's side: every connection is a raw client whose bytes the test answers. */
class Upstream {
  readonly connections: RawClient[] = [];
  /** Below TLS, if there is any. */
  readonly transports: Socket[] = [];

  accept(socket: Socket): void {
    this.connections.push(new RawClient(socket));
  }

  async nth(index: number): Promise<RawClient> {
    await until(() => this.connections.length > index);
    return this.connections[index] as RawClient;
  }
}

async function plainUpstream(options: Partial<UpstreamPoolOptions> = {}) {
  const upstream = new Upstream();
  const server = createServer({ noDelay: true }, (socket) => upstream.accept(socket));
  server.on('connection', (socket: Socket) => upstream.transports.push(socket));
  const port = await listen(server);
  return { upstream, port, ...poolFor(`http://127.0.0.1:${port}`, options) };
}

async function tlsUpstream(tls: TlsOptions = {}, options: Partial<UpstreamPoolOptions> = {}) {
  const upstream = new Upstream();
  const { ca, localhost } = await localhostCertificate();
  const server = createTLSServer({ ...localhost, ALPNProtocols: ['h2', 'http/1.1'], ...tls }, (socket) =>
    upstream.accept(socket),
  );
  server.on('connection', (socket: Socket) => upstream.transports.push(socket));
  const port = await listen(server);
  return { upstream, port, server, ...poolFor(`https://localhost:${port}`, { tls: { ca }, ...options }) };
}

function poolFor(url: string, options: Partial<UpstreamPoolOptions>) {
  const time = new FakeTime();
  const pool = new UpstreamPool({ deadlines: time.deadlines, url, ...options });
  onTestFinished(() => pool.close());
  return { pool, time };
}

const request = (change: Partial<UpstreamRequest> = {}): UpstreamRequest => ({
  method: 'POST',
  target: '/x?y',
  host: 'mbx1.example.com',
  headers: HeaderList.of(['A', '1']),
  body: 4,
  hasContentLength: true,
  firstByteTimeoutMs: 120_000,
  ...change,
});

function send(pool: UpstreamPool, change: Partial<UpstreamRequest> = {}, body = 'body') {
  const answer = new SeenAnswer();
  const exchange = pool.send(request(change), answer);
  if (change.body !== 0) exchange.write(Buffer.from(body));
  exchange.end();
  return { answer, exchange };
}

const get = { method: 'GET', body: 0, hasContentLength: false } as const;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const REQUEST = 'POST /x?y HTTP/1.1\r\nHost: mbx1.example.com\r\nA: 1\r\nContent-Length: 4\r\n\r\nbody';

describe('requests and answers', () => {
  test('a request, its answer, and the next on the same connection', async () => {
    const { upstream, pool } = await plainUpstream();
    const first = send(pool);
    expect(pool.active).toBe(1);
    const connection = await upstream.nth(0);
    expect(await connection.receives('body')).toBe(REQUEST);
    connection.send('HTTP/1.1 200 OK\r\nX: 1\r\nx: 2\r\nContent-Length: 2\r\n\r\nok');
    const { head, body } = await first.answer.over();
    expect({ ...head, body, lines: head?.headers.lines }).toMatchObject({
      status: 200,
      reason: 'OK',
      body: 'ok',
      lines: ['X', '1', 'x', '2'],
    });
    expect([pool.active, pool.idle]).toEqual([0, 1]);
    const second = send(pool, get);
    await connection.receives('GET /x?y HTTP/1.1\r\nHost: mbx1.example.com\r\nA: 1\r\n\r\n');
    connection.send(OK);
    await second.answer.over();
    expect(upstream.connections).toHaveLength(1);
    expect(first.exchange).toMatchObject({ sent: 'sent', bytesSent: REQUEST.length });
  });

  test('a body of held pieces and what streams behind them, chunked', async () => {
    const { upstream, pool } = await plainUpstream();
    const answer = new SeenAnswer();
    const exchange = pool.send(request({ body: CHUNKED, hasContentLength: false }), answer);
    for (const piece of ['held', 'pieces']) exchange.write(Buffer.from(piece));
    const connection = await upstream.nth(0);
    await connection.receives('Transfer-Encoding: chunked\r\n\r\n4\r\nheld\r\n6\r\npieces\r\n');
    exchange.write(Buffer.from('streamed'));
    await connection.receives('8\r\nstreamed\r\n');
    exchange.end();
    await connection.receives(/8\r\nstreamed\r\n0\r\n\r\n$/);
    connection.send(OK);
    await answer.over();
    expect(pool.idle).toBe(1);
  });

  test('the head waits for the first of the body', async () => {
    const { upstream, pool } = await plainUpstream();
    const answer = new SeenAnswer();
    const exchange = pool.send(request(), answer);
    const connection = await upstream.nth(0);
    await settle();
    expect(connection.received).toBe('');
    expect(exchange).toMatchObject({ sent: 'nothingSent', bytesSent: 0 });
    exchange.write(Buffer.from('body'));
    exchange.end();
    expect(await connection.receives('body')).toBe(REQUEST);
    expect(connection.pieces).toHaveLength(1);
    expect(exchange.sent).toBe('sent');
  });

  test('interim answers, chunks, trailers and a body until the end', async () => {
    const { upstream, pool } = await plainUpstream();
    const first = send(pool);
    const connection = await upstream.nth(0);
    connection.send(
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n',
    );
    expect((await first.answer.over()).body).toBe('abc');
    const second = send(pool);
    await until(() => connection.received.length === 2 * REQUEST.length);
    connection.send('HTTP/1.1 200 OK\r\n\r\nuntil the end');
    connection.socket.end();
    expect((await second.answer.over()).body).toBe('until the end');
    expect([pool.active, pool.idle]).toEqual([0, 0]);
  });

  test('a slow upstream is told of by false, and by onDrain when it goes on', async () => {
    const { upstream, pool } = await plainUpstream();
    const answer = new SeenAnswer();
    const total = 40_000_000;
    const exchange = pool.send(request({ body: total }), answer);
    const connection = await upstream.nth(0);
    connection.socket.pause();
    let left = total;
    const piece = Buffer.alloc(65_536);
    const writeOn = (): void => {
      let goesOn = true;
      while (goesOn && left > 0) {
        const bytes = piece.subarray(0, Math.min(left, piece.length));
        left -= bytes.length;
        goesOn = exchange.write(bytes);
      }
      if (left === 0) exchange.end();
    };
    answer.onDrain = writeOn;
    writeOn();
    await settle();
    expect(left).toBeGreaterThan(0);
    connection.socket.resume();
    await until(() => connection.socket.bytesRead > total);
    expect(left).toBe(0);
    connection.send(OK);
    await answer.over();
    expect(pool.idle).toBe(1);
  });

  test('a paused answer stops at the socket, and comes whole when resumed', async () => {
    const { upstream, pool, time } = await plainUpstream();
    const { answer, exchange } = send(pool);
    const connection = await upstream.nth(0);
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n');
    await until(() => answer.head !== undefined);
    exchange.pause();
    connection.send(Buffer.alloc(30_000_000));
    await settle();
    expect(answer.body.length).toBeLessThan(200_000);
    time.advance(600_000);
    exchange.resume();
    await answer.over();
    expect(answer.body).toHaveLength(30_000_000);
  });

  test.each([
    ['method', 'GET /'],
    ['target', '/ HTTP/1.1\r\nX: 1'],
    ['host', 'a\r\nX: 1'],
  ])('a forbidden %s is thrown at once and takes no connection', async (field, value) => {
    const { pool } = await plainUpstream();
    expect(() => pool.send(request({ [field]: value }), new SeenAnswer())).toThrow(TypeError);
    expect(pool.active).toBe(0);
  });
});

describe('the pool', () => {
  test('the connection used last is used first, and idle ones are closed after 30 s', async () => {
    const { upstream, pool, time } = await plainUpstream();
    const [first, second] = [send(pool), send(pool)];
    const [one, two] = [await upstream.nth(0), await upstream.nth(1)];
    for (const connection of [one, two]) await connection.receives('body');
    one.send(OK);
    await until(() => first.answer.isOver || second.answer.isOver);
    time.advance(10_000);
    two.send(OK);
    await Promise.all([first.answer.over(), second.answer.over()]);
    expect(pool.idle).toBe(2);
    const third = send(pool);
    await until(() => two.received.length === 2 * REQUEST.length);
    two.send(OK);
    await third.answer.over();
    time.advance(20_000);
    await one.closes();
    expect(pool.idle).toBe(1);
    time.advance(10_000);
    await two.closes();
    expect([pool.active, pool.idle]).toEqual([0, 0]);
  });

  test('a server that closes an idle connection is not asked on it again', async () => {
    const { upstream, pool } = await plainUpstream();
    const first = send(pool);
    const connection = await upstream.nth(0);
    connection.send(OK);
    await first.answer.over();
    connection.socket.end();
    await until(() => pool.idle === 0);
    send(pool);
    expect(await (await upstream.nth(1)).receives('body')).toBe(REQUEST);
  });

  test.each([
    ['Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['bytes behind the answer', `${OK}HTTP/1.1 200 OK\r\n\r\n`],
  ])('after %s the connection is not used again', async (_name, raw) => {
    const { upstream, pool } = await plainUpstream();
    const { answer } = send(pool);
    const connection = await upstream.nth(0);
    connection.send(raw);
    expect(await answer.over()).toMatchObject({ body: 'ok', error: undefined });
    expect(pool.idle).toBe(0);
    await connection.closes();
  });

  test('bytes on an idle connection close it', async () => {
    const { upstream, pool } = await plainUpstream();
    const { answer } = send(pool);
    const connection = await upstream.nth(0);
    connection.send(OK);
    await answer.over();
    connection.send(OK);
    await connection.closes();
    expect(pool.idle).toBe(0);
  });

  test('an answer that comes before the request is nobody’s, and nothing was sent', async () => {
    const { upstream, pool } = await plainUpstream();
    const first = send(pool);
    const connection = await upstream.nth(0);
    connection.send(OK);
    await first.answer.over();
    const answer = new SeenAnswer();
    const exchange = pool.send(request(), answer);
    connection.send(OK);
    const { error } = await answer.over();
    expect(error).toMatchObject({ code: 'BadResponse', sent: 'nothingSent', reused: true });
    expect(error?.cause).toMatchObject({ code: 'Unsolicited' });
    expect(exchange.sent).toBe('nothingSent');
  });

  test('an answer before the end of the request is delivered, and its connection given up', async () => {
    const { upstream, pool } = await plainUpstream();
    const answer = new SeenAnswer();
    const exchange = pool.send(request({ body: 1000 }), answer);
    exchange.write(Buffer.from('some'));
    const connection = await upstream.nth(0);
    await connection.receives('some');
    connection.send('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno');
    await answer.over();
    expect(answer).toMatchObject({ head: { status: 401 }, body: 'no' });
    expect(exchange.write(Buffer.from('more'))).toBe(true);
    exchange.end();
    await connection.closes();
    expect([pool.active, pool.idle]).toEqual([0, 0]);
  });

  test('beyond maxConnections, and after close, requests fail in the next turn', async () => {
    const { upstream, pool } = await plainUpstream({ maxConnections: 1 });
    const first = send(pool);
    const beyond = send(pool);
    expect(beyond.answer.isOver).toBe(false);
    expect((await beyond.answer.over()).error).toMatchObject({
      code: 'PoolExhausted',
      sent: 'neverConnected',
    });
    pool.close();
    expect((await send(pool).answer.over()).error).toMatchObject({
      code: 'PoolClosed',
      sent: 'neverConnected',
    });
    const connection = await upstream.nth(0);
    connection.send(OK);
    expect((await first.answer.over()).body).toBe('ok');
    await connection.closes();
    expect([pool.active, pool.idle]).toEqual([0, 0]);
  });

  test('a next request from within onEnd uses the connection that has become free', async () => {
    const { upstream, pool } = await plainUpstream();
    const first = send(pool);
    let second: ReturnType<typeof send> | undefined;
    first.answer.beforeOver = () => {
      second = send(pool);
    };
    const connection = await upstream.nth(0);
    connection.send(OK);
    await first.answer.over();
    await until(() => connection.received.length === 2 * REQUEST.length);
    connection.send(OK);
    expect((await second?.answer.over())?.body).toBe('ok');
  });

  test('an exception in a sink costs its exchange only', async () => {
    const errors: unknown[] = [];
    const { upstream, pool } = await plainUpstream({ onInternalError: (error) => errors.push(error) });
    const { answer } = send(pool);
    answer.beforeOver = () => {
      throw new Error('a mistake');
    };
    const connection = await upstream.nth(0);
    connection.send(OK);
    await until(() => errors.length === 1);
    const second = send(pool);
    await settle();
    for (const { socket } of upstream.connections) if (!socket.destroyed) socket.write(OK);
    expect((await second.answer.over()).body).toBe('ok');
  });

  test('abort ends the connection at once and calls nobody', async () => {
    const { upstream, pool } = await plainUpstream();
    const { answer, exchange } = send(pool);
    const connection = await upstream.nth(0);
    await connection.receives('body');
    exchange.abort();
    await connection.closes();
    await settle();
    expect(answer.isOver).toBe(false);
    expect(exchange).toMatchObject({ sent: 'sent', bytesSent: REQUEST.length });
    expect(pool.active).toBe(0);
  });

  test('abort while connecting', async () => {
    const { upstream, pool } = await plainUpstream();
    const { answer, exchange } = send(pool);
    exchange.abort();
    expect(exchange.sent).toBe('neverConnected');
    await settle();
    expect(answer.isOver).toBe(false);
    for (const connection of upstream.connections) await connection.closes();
  });
});

describe('failures, and how far the request got', () => {
  test('a refused connection', async () => {
    const port = await listen(createServer()).then((port) => port);
    const { pool } = poolFor(`http://127.0.0.1:${await freePort()}`, {});
    expect(port).toBeGreaterThan(0);
    const { answer, exchange } = send(pool);
    expect((await answer.over()).error).toMatchObject({
      code: 'ConnectFailed',
      sent: 'neverConnected',
      reused: false,
    });
    expect(exchange).toMatchObject({ sent: 'neverConnected', bytesSent: 0 });
    expect(pool.active).toBe(0);
  });

  test('a server that never finishes the handshake', async () => {
    const { port } = await plainUpstream();
    const { pool, time } = poolFor(`https://localhost:${port}`, {});
    const { answer } = send(pool);
    await settle();
    time.advance(5000);
    expect((await answer.over()).error).toMatchObject({ code: 'ConnectTimeout', sent: 'neverConnected' });
  });

  test('a server that closes during the handshake', async () => {
    const port = await listen(createServer((socket) => socket.destroy()));
    const { pool } = poolFor(`https://localhost:${port}`, {});
    expect((await send(pool).answer.over()).error).toMatchObject({
      code: 'ConnectFailed',
      sent: 'neverConnected',
    });
  });

  test('the first byte must come in time, counted from the end of the body', async () => {
    const { upstream, pool, time } = await plainUpstream();
    const answer = new SeenAnswer();
    const exchange = pool.send(request({ firstByteTimeoutMs: 120_000 }), answer);
    exchange.write(Buffer.from('bo'));
    await (await upstream.nth(0)).receives('bo');
    time.advance(1_000_000);
    exchange.write(Buffer.from('dy'));
    exchange.end();
    time.advance(119_999);
    await settle();
    expect(answer.isOver).toBe(false);
    time.advance(1);
    expect((await answer.over()).error).toMatchObject({
      code: 'FirstByteTimeout',
      sent: 'sent',
      reused: false,
    });
  });

  test('a poll may wait for its hour', async () => {
    const { upstream, pool, time } = await plainUpstream();
    const { answer } = send(pool, { firstByteTimeoutMs: 3_600_000 });
    const connection = await upstream.nth(0);
    await connection.receives('body');
    connection.send('HTTP/1.1 102 Processing\r\n\r\n');
    await settle();
    time.advance(3_599_000);
    connection.send(OK);
    expect((await answer.over()).body).toBe('ok');
  });

  test('an answer that stops in the middle', async () => {
    const { upstream, pool, time } = await plainUpstream();
    const { answer } = send(pool);
    const connection = await upstream.nth(0);
    connection.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab');
    await until(() => answer.body === 'ab');
    time.advance(59_000);
    connection.send('c');
    await until(() => answer.body === 'abc');
    time.advance(59_000);
    await settle();
    expect(answer.isOver).toBe(false);
    time.advance(1000);
    expect((await answer.over()).error).toMatchObject({ code: 'InactivityTimeout', sent: 'sent' });
  });

  test('a request that the server does not take', async () => {
    const { upstream, pool, time } = await plainUpstream();
    const answer = new SeenAnswer();
    const exchange = pool.send(request({ body: 100_000_000 }), answer);
    const connection = await upstream.nth(0);
    connection.socket.pause();
    while (exchange.write(Buffer.alloc(65_536)));
    await settle();
    while (exchange.write(Buffer.alloc(65_536)));
    time.advance(60_000);
    await settle();
    time.advance(60_000);
    expect((await answer.over()).error).toMatchObject({ code: 'InactivityTimeout', sent: 'sent' });
  });

  test.each([
    ['plain', 'its answer does not come in time'],
    ['plain', 'its server is held to be gone'],
    ['TLS', 'its answer does not come in time'],
    ['TLS', 'its server is held to be gone'],
  ])('%s: of a request that is given up because %s nothing goes out any more', async (kind, reason) => {
    const { upstream, pool, time } = kind === 'plain' ? await plainUpstream() : await tlsUpstream();
    const answer = new SeenAnswer();
    const exchange = pool.send(request({ body: 3_000_000, firstByteTimeoutMs: 10_000 }), answer);
    const connection = await upstream.nth(0);
    connection.socket.pause();
    exchange.write(Buffer.alloc(3_000_000));
    exchange.end();
    await settle();
    if (reason.startsWith('its server')) exchange.reset();
    else time.advance(10_000);
    expect(answer.error?.code).toBe(reason.startsWith('its server') ? undefined : 'FirstByteTimeout');
    expect([pool.active, pool.idle]).toEqual([0, 0]);
    connection.socket.resume();
    await connection.closes();
    expect(connection.ended).toBe('error');
    expect(connection.received.length).toBeLessThan(2_900_000);
  });

  test.each([
    ['closes', (socket: Socket) => socket.end(), 'ConnectionLost'],
    ['resets', (socket: Socket) => socket.resetAndDestroy(), 'ConnectionLost'],
    [
      'closes in the middle of the answer',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab'),
      'ConnectionLost',
    ],
    ['answers nonsense', (socket: Socket) => socket.write('nonsense\r\n'), 'BadResponse'],
    [
      'answers ambiguously',
      (socket: Socket) =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'),
      'BadResponse',
    ],
  ])('a server that %s', async (_name, act, code) => {
    const { upstream, pool } = await plainUpstream();
    const { answer } = send(pool);
    const { socket, ...connection } = await upstream.nth(0);
    expect(connection).toBeDefined();
    await (await upstream.nth(0)).receives('body');
    act(socket);
    expect((await answer.over()).error).toMatchObject({ code, sent: 'sent', reused: false });
    expect([pool.active, pool.idle]).toEqual([0, 0]);
  });

  test.each(['plain', 'TLS'])(
    '%s: an idle connection that is reset just before its use: not a byte was sent',
    async (kind) => {
      const { upstream, pool } = kind === 'plain' ? await plainUpstream() : await tlsUpstream();
      const first = send(pool);
      const connection = await upstream.nth(0);
      await connection.receives('body');
      connection.send(OK);
      await first.answer.over();
      upstream.transports[0]?.resetAndDestroy(); // the reset is with our kernel now; our loop has not heard of it
      const second = send(pool);
      expect(pool.idle).toBe(0);
      expect((await second.answer.over()).error).toMatchObject({
        code: 'ConnectionLost',
        sent: 'nothingSent',
        reused: true,
      });
      expect(second.exchange).toMatchObject({ sent: 'nothingSent', bytesSent: 0 });
      expect(connection.received).toBe(REQUEST);
    },
  );

  test.each(['plain', 'TLS'])(
    '%s: an idle connection that is closed as soon as it is used again: bytes may have been read',
    async (kind) => {
      const { upstream, pool } = kind === 'plain' ? await plainUpstream() : await tlsUpstream();
      const first = send(pool);
      const connection = await upstream.nth(0);
      await connection.receives('body');
      connection.send(OK);
      await first.answer.over();
      const second = send(pool);
      await until(() => second.exchange.bytesSent > 0);
      connection.socket.destroy();
      expect((await second.answer.over()).error).toMatchObject({
        code: 'ConnectionLost',
        sent: 'sent',
        reused: true,
      });
    },
  );

  test('a large first write of which the kernel took a part counts as sent', async () => {
    const { upstream, pool } = await plainUpstream();
    const answer = new SeenAnswer();
    const exchange = pool.send(request({ body: 20_000_000 }), answer);
    const connection = await upstream.nth(0);
    connection.socket.pause();
    await settle();
    exchange.write(Buffer.alloc(20_000_000));
    exchange.end();
    await settle();
    connection.socket.resetAndDestroy();
    expect((await answer.over()).error).toMatchObject({ code: 'ConnectionLost', sent: 'sent' });
  });
});

describe('TLS', () => {
  test('the certificate is verified against the given CA and the name in the URL', async () => {
    const { upstream, pool } = await tlsUpstream();
    const { answer } = send(pool);
    const connection = await upstream.nth(0);
    await connection.receives('body');
    const socket = connection.socket as TLSSocket & { servername: string };
    expect({ name: socket.servername, alpn: socket.alpnProtocol }).toEqual({
      name: 'localhost',
      alpn: 'http/1.1',
    });
    connection.send(OK);
    await answer.over();
  });

  test.each([
    [
      'an unknown CA',
      async () => ({ tls: { ca: (await CertificateAuthority.create('Another CA')).certificate } }),
    ],
    ['no CA given', async () => ({ tls: {} })],
    [
      'another name',
      async () => ({ tls: { ca: (await localhostCertificate()).ca, servername: 'mbx1.example.com' } }),
    ],
    [
      'an address for a name',
      async () => ({ tls: { ca: (await localhostCertificate()).ca, servername: '127.0.0.1' } }),
    ],
  ])('%s is refused before a byte is sent', async (_name, options) => {
    const { upstream, pool } = await tlsUpstream({}, await options());
    const { answer } = send(pool);
    expect((await answer.over()).error).toMatchObject({ code: 'CertificateRefused', sent: 'neverConnected' });
    await settle();
    expect(upstream.connections.map(({ received }) => received).join('')).toBe('');
  });

  test('an expired certificate is refused', async () => {
    const ca = await CertificateAuthority.create();
    const expired = await ca.issue({ names: ['localhost'], notBefore: new Date(0), notAfter: new Date(1) });
    const { pool } = await tlsUpstream(expired, { tls: { ca: ca.certificate } });
    expect((await send(pool).answer.over()).error).toMatchObject({ code: 'CertificateRefused' });
  });

  test('another name may be expected than the one in the URL', async () => {
    const ca = await CertificateAuthority.create();
    const leaf = await ca.issue({ names: ['mbx1.example.com'] });
    const { upstream, pool } = await tlsUpstream(leaf, {
      tls: { ca: ca.certificate, servername: 'mbx1.example.com' },
    });
    const { answer } = send(pool);
    (await upstream.nth(0)).send(OK);
    expect((await answer.over()).body).toBe('ok');
  });

  test('a client certificate is shown', async () => {
    const ca = await CertificateAuthority.create();
    const client = await ca.issue({ names: ['gateway'], usage: 'client' });
    const { ca: serverCA } = await localhostCertificate();
    const { upstream, pool } = await tlsUpstream(
      { requestCert: true, rejectUnauthorized: true, ca: ca.certificate },
      { tls: { ca: serverCA, ...client } },
    );
    const { answer } = send(pool);
    const connection = await upstream.nth(0);
    connection.send(OK);
    await answer.over();
    expect((connection.socket as TLSSocket).authorized).toBe(true);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s sessions are resumed', async (version) => {
    const { upstream, pool } = await tlsUpstream({ minVersion: version, maxVersion: version });
    const first = send(pool);
    (await upstream.nth(0)).send(OK);
    await first.answer.over();
    const pair = [send(pool), send(pool)];
    await upstream.nth(1);
    for (const { socket } of upstream.connections) socket.write(OK);
    await Promise.all(pair.map(({ answer }) => answer.over()));
    expect(upstream.connections.map(({ socket }) => (socket as TLSSocket).isSessionReused())).toEqual([
      false,
      true,
    ]);
  });
});

describe('URLs', () => {
  const { deadlines } = new FakeTime();
  test.each(['https://a/path', 'https://a/?q', 'https://a/#f', 'https://u:p@a', 'ftp://a', 'a:443', ''])(
    '%j is no server',
    (url) => {
      expect(() => new UpstreamPool({ deadlines, url })).toThrow(TypeError);
    },
  );

  test.each([
    ['https://MBX1.example.com', 'mbx1.example.com'],
    ['https://a:443', 'a'],
    ['https://a:444', 'a:444'],
    ['http://[::1]:8080', '[::1]:8080'],
  ])('%s is asked as Host %s', (url, authority) => {
    expect(new UpstreamPool({ deadlines, url }).authority).toBe(authority);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  await once(server.close(), 'close');
  return port;
}
