// Connections of phones over real sockets; only the clock is ours.
import { describe, expect, test } from 'vitest';
import { CHUNKED } from '../../../gateway/http/exchange.ts';
import { HeaderList } from '../../../gateway/http/headers.ts';
import { RawClient, SeenRequests, serve, settle, until } from './harness.ts';
import type { SeenRequest } from './harness.ts';

const noHeaders = (): HeaderList => new HeaderList();
const echo = ({ exchange, body }: SeenRequest): void => {
  exchange.respond(
    200,
    noHeaders(),
    Buffer.from(`${exchange.request.method} ${exchange.request.target} ${body}`),
  );
};

function post(target: string, body: string, lines: readonly string[] = []): string {
  return [`POST ${target} HTTP/1.1`, 'Host: a', `Content-Length: ${body.length}`, ...lines, '', body].join(
    '\r\n',
  );
}

/** The head of an upload, of whose body nothing follows yet. */
function upload(length: number | 'chunked', lines: readonly string[] = []): string {
  const framing = length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
  return ['POST /up HTTP/1.1', 'Host: a', framing, ...lines, '', ''].join('\r\n');
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('one request after another', () => {
  test('a connection carries many', async () => {
    const { port, server } = await serve(new SeenRequests({ ended: echo }));
    const client = await RawClient.connect(port);
    client.send(post('/1', 'one'));
    await client.receives('POST /1 one');
    client.send(post('/2', 'two'));
    const received = await client.receives('POST /2 two');
    expect(received).not.toContain('Connection:');
    expect(received.match(/Date: .* GMT\r\nContent-Length: 11\r\n/g)).toHaveLength(2);
    expect(server.connections).toBe(1);
  });

  test('requests that come together are handled one at a time, in order', async () => {
    const seen = new SeenRequests();
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(post('/1', 'one') + post('/2', 'two') + GET);
    const first = await seen.nth(0);
    await until(() => first.ended);
    await settle();
    expect(seen.all).toHaveLength(1);
    echo(first);
    const second = await seen.nth(1);
    expect(first).toMatchObject({ closed: true, error: undefined });
    expect(seen.all).toHaveLength(2);
    echo(second);
    echo(await seen.nth(2));
    expect(await client.receives('GET / ')).toMatch(/POST \/1 one[^]*POST \/2 two[^]*GET \/ $/);
  });

  test('a hundred that come together and are answered at once do not pile up on the stack', async () => {
    const seen = new SeenRequests({ ended: echo });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(GET.repeat(150));
    await until(() => client.received.split('HTTP/1.1 200').length === 151);
    expect(seen.all).toHaveLength(150);
  });

  test('what is sent ahead is held in bounds, and TCP holds the rest', async () => {
    const seen = new SeenRequests();
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(GET);
    const { exchange } = await seen.nth(0);
    client.send(post('/ahead', 'x'.repeat(20_000_000)));
    await settle();
    await until(() => client.socket.writableLength > 0);
    expect(exchange.connection.bytesRead).toBeLessThan(200_000);
    exchange.respond(200, noHeaders());
    const ahead = await seen.nth(1);
    await until(() => ahead.ended);
    expect(ahead.body).toHaveLength(20_000_000);
  });

  test('over TLS, head and body of an answer are one record', async () => {
    const { port } = await serve(new SeenRequests({ ended: echo }), { tls: true });
    const client = await RawClient.connectTLS(port);
    client.send(post('/1', 'one'));
    await client.receives('POST /1 one');
    expect(client.pieces).toHaveLength(1);
  });

  test('a passed-on answer leaves as one record too, and a lone head does not wait', async () => {
    const seen = new SeenRequests({
      ended({ exchange }) {
        exchange.writeHead({ status: 200, reason: 'Fine', headers: noHeaders(), body: CHUNKED });
        exchange.write(Buffer.from('first'));
        if (exchange.request.target === '/whole') exchange.end();
      },
    });
    const { port } = await serve(seen, { tls: true });
    const client = await RawClient.connectTLS(port);
    client.send(post('/whole', ''));
    await client.receives('HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n');
    expect(client.pieces).toHaveLength(1);
    client.send(post('/part', ''));
    await client.receives(/5\r\nfirst\r\n$/);
    (await seen.nth(1)).exchange.end();
    await client.receives(/5\r\nfirst\r\n0\r\n\r\n$/);
  });

  test('a stray empty line between requests disturbs nothing', async () => {
    const seen = new SeenRequests({ ended: echo });
    const { port, time } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(`${post('/1', 'one')}\r\n`);
    await client.receives('POST /1 one');
    time.advance(60_000);
    client.send(post('/2', 'two'));
    await client.receives('POST /2 two');
    expect(seen.refused).toEqual([]);
  });
});

describe('refusals', () => {
  test.each([
    ['GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'BadTarget'],
    ['GET / HTTP/1.1\r\n\r\n', 400, 'BadHost'],
    ['GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505, 'UnknownVersion'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'UnknownVersion'],
    ['TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 501, 'MethodRefused'],
    [`GET /${'x'.repeat(70_000)}`, 431, 'HeadTooLarge'],
    ['GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n', 417, 'BadExpect'],
    ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'BadHeaderValue'],
  ])('%j is answered %i and the connection closed', async (raw, status, code) => {
    const seen = new SeenRequests();
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(raw + GET);
    const received = await client.closes();
    expect(received).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} [^]*\\r\\nConnection: close\\r\\n\\r\\n[^\\r]+\\n$`),
    );
    expect(received.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    expect(seen.refused).toEqual([code]);
    expect(seen.all).toHaveLength(0);
  });

  test('a malformed body ends the exchange and is answered 400', async () => {
    const seen = new SeenRequests();
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(`${upload('chunked')}3\r\nabc\r\nnonsense\r\n`);
    const request = await seen.nth(0);
    expect(await client.closes()).toMatch(/^HTTP\/1\.1 400 /);
    expect(request).toMatchObject({ body: 'abc', ended: false, error: { code: 'BadChunk' } });
    expect(seen.refused).toEqual([]);
  });

  test.each([
    ['declared', upload(5), 'abcde'],
    ['chunked', upload('chunked'), '3\r\nabc\r\n2\r\nde\r\n'],
  ])('a body over the limit, %s, is answered 413', async (_name, head, body) => {
    const seen = new SeenRequests({ begun: ({ exchange }) => exchange.limitBody(4) });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(head + body);
    expect(await client.closes()).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close/);
    expect(await seen.nth(0)).toMatchObject({ ended: false, error: { code: 'BodyTooLarge', status: 413 } });
  });
});

describe('early final answers', () => {
  test('a 413 in the middle of an upload reaches a client that does not stop', async () => {
    const seen = new SeenRequests({
      begun: ({ exchange }) => exchange.respond(413, noHeaders(), Buffer.from('too much')),
    });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(upload(30_000_000));
    for (let i = 0; i < 300; i++) client.send(Buffer.alloc(100_000, 'x'));
    expect(await client.receives('too much')).toMatch(/^HTTP\/1\.1 413 [^]*\r\nConnection: close\r\n/);
    const { exchange, error, body } = await seen.nth(0);
    expect({ error, body }).toEqual({ error: undefined, body: '' });
    await settle();
    expect(exchange.connection.bytesRead).toBeLessThan(1_300_000);
  });

  test('after it the connection is closed within two seconds, however slow the upload', async () => {
    const seen = new SeenRequests({ begun: ({ exchange }) => exchange.respond(401, noHeaders()) });
    const { port, time, server } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(`${upload(1000)}abc`);
    await client.receives('401');
    await settle();
    expect(server.connections).toBe(1);
    time.advance(2000);
    await until(() => server.connections === 0);
  });

  test('if the upload ends in time, FIN follows it', async () => {
    const seen = new SeenRequests({ begun: ({ exchange }) => exchange.respond(401, noHeaders()) });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(upload(1000));
    await client.receives('Connection: close');
    client.send(Buffer.alloc(1000));
    await client.closes();
    expect(client.ended).toBe('end');
  });

  test('an answer from the upstream before the upload ended closes too', async () => {
    const seen = new SeenRequests();
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(`${upload(1000)}abc`);
    const request = await seen.nth(0);
    await until(() => request.body === 'abc');
    request.exchange.writeHead({ status: 401, reason: '', headers: noHeaders(), body: 2 });
    request.exchange.write(Buffer.from('no'));
    request.exchange.end();
    expect(await client.receives('no')).toContain('Connection: close');
    client.send(Buffer.alloc(997));
    await client.closes();
    expect(request).toMatchObject({ closed: true, error: undefined, body: 'abc' });
  });

  test('a body that is at hand already costs no connection', async () => {
    const seen = new SeenRequests({ begun: ({ exchange }) => exchange.respond(401, noHeaders()) });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(post('/1', 'body'));
    await client.receives('401');
    client.send(post('/2', 'body') + GET);
    await until(() => client.received.split('HTTP/1.1 401').length === 4);
    expect(client.received).not.toContain('Connection');
    expect(seen.all.map(({ body, ended }) => ({ body, ended }))).toEqual(
      Array.from({ length: 3 }, () => ({ body: '', ended: false })),
    );
  });
});

describe('Expect: 100-continue', () => {
  const expecting = upload(3, ['Expect: 100-continue']);

  test('is answered when the body is wanted, once', async () => {
    const { port } = await serve(new SeenRequests({ ended: echo }));
    const client = await RawClient.connect(port);
    client.send(expecting);
    expect(await client.receives('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('abc');
    const received = await client.receives('POST /up abc');
    expect(received.split('100 Continue')).toHaveLength(2);
  });

  test('is not answered before a paused handler resumes', async () => {
    const seen = new SeenRequests({ begun: ({ exchange }) => exchange.pause(), ended: echo });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(expecting);
    const { exchange } = await seen.nth(0);
    await settle();
    expect(client.received).toBe('');
    exchange.resume();
    await client.receives('100 Continue');
    client.send('abc');
    await client.receives('POST /up abc');
  });

  test('is not answered when the request is', async () => {
    const seen = new SeenRequests({ begun: ({ exchange }) => exchange.respond(401, noHeaders()) });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(expecting);
    await client.receives('401');
    await settle();
    expect(client.received).toMatch(/^HTTP\/1\.1 401 [^]*Connection: close/);
  });

  test('is not answered when the body is there', async () => {
    const { port } = await serve(new SeenRequests({ ended: echo }));
    const client = await RawClient.connect(port);
    client.send(`${expecting}abc`);
    expect(await client.receives('POST /up abc')).not.toContain('100 Continue');
  });
});

describe('a phone that goes away', () => {
  test.each([
    ['closes', (client: RawClient) => client.socket.destroy()],
    ['resets', (client: RawClient) => client.socket.resetAndDestroy()],
    ['closes its half', (client: RawClient) => client.socket.end()],
  ])('%s during an open poll: the handler knows at once', async (_name, leave) => {
    const seen = new SeenRequests();
    const { port, server } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(post('/poll', 'x'));
    const request = await seen.nth(0);
    await until(() => request.ended);
    leave(client);
    await until(() => request.closed);
    expect(request.error?.code).toBe('Aborted');
    request.exchange.respond(200, noHeaders());
    await until(() => server.connections === 0 && seen.closedConnections === 1);
    expect(server.active).toBe(0);
  });

  test('closes its half over TLS', async () => {
    const seen = new SeenRequests();
    const { port } = await serve(seen, { tls: true });
    const client = await RawClient.connectTLS(port);
    client.send(GET);
    const request = await seen.nth(0);
    client.socket.end();
    await until(() => request.closed);
    expect(request.error?.code).toBe('Aborted');
  });

  test('leaves during an upload, also while the handler is paused', async () => {
    const seen = new SeenRequests({ begun: ({ exchange }) => exchange.pause() });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(`${upload(1000)}abc`);
    const request = await seen.nth(0);
    client.socket.destroy();
    await until(() => request.closed);
    expect(request).toMatchObject({ error: { code: 'Aborted' }, body: '' });
  });

  test('leaves with a further request already sent', async () => {
    const seen = new SeenRequests();
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(GET + GET);
    const request = await seen.nth(0);
    client.socket.end();
    await until(() => request.closed);
    expect(seen.all).toHaveLength(1);
  });

  test('leaves in the middle of a head: refused as aborted; between requests: nothing', async () => {
    const seen = new SeenRequests();
    const { port, server } = await serve(seen);
    const inTheMiddle = await RawClient.connect(port);
    inTheMiddle.send('GET /');
    const between = await RawClient.connect(port);
    await settle();
    inTheMiddle.socket.end();
    between.socket.end();
    await until(() => server.connections === 0);
    expect(seen.refused).toEqual(['Aborted']);
    expect(seen.closedConnections).toBe(2);
  });
});

describe('time limits', () => {
  test('a head that does not end is answered 408 after 20 s', async () => {
    const seen = new SeenRequests();
    const { port, time } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\n');
    await settle();
    time.advance(19_000);
    client.send('X: 1\r\n');
    await settle();
    expect(client.ended).toBe('no');
    time.advance(1000);
    expect(await client.closes()).toMatch(/^HTTP\/1\.1 408 /);
    expect(seen.refused).toEqual(['HeadTimeout']);
  });

  test('a connection that never says a word is closed without one', async () => {
    const seen = new SeenRequests();
    const { port, time, server } = await serve(seen);
    const client = await RawClient.connect(port);
    await until(() => server.connections === 1);
    time.advance(20_000);
    expect(await client.closes()).toBe('');
    expect(seen.refused).toEqual([]);
  });

  test('between requests 120 s may pass, or what is configured', async () => {
    const { port, time, server } = await serve(new SeenRequests({ ended: echo }));
    const client = await RawClient.connect(port);
    client.send(GET);
    await client.receives('GET / ');
    time.advance(119_000);
    await settle();
    expect(client.ended).toBe('no');
    server.configure({ keepAliveMs: 10_000 });
    client.send(post('/2', ''));
    await client.receives('POST /2');
    time.advance(10_000);
    await client.closes();
    expect(client.ended).toBe('end');
  });

  test('an open poll waits for an hour and longer', async () => {
    const seen = new SeenRequests();
    const { port, time } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(post('/poll', 'x'));
    const request = await seen.nth(0);
    await until(() => request.ended);
    for (let i = 0; i < 70; i++) time.advance(60_000);
    expect(request.closed).toBe(false);
    echo(request);
    await client.receives('POST /poll x');
  });

  test('an upload below 100 bytes a second is answered 408', async () => {
    const seen = new SeenRequests();
    const { port, time } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(upload(1_000_000));
    const request = await seen.nth(0);
    for (let i = 0; i < 5; i++) {
      const before = request.body.length;
      client.send(Buffer.alloc(6000));
      await until(() => request.body.length === before + 6000);
      time.advance(60_000);
    }
    expect(request.closed).toBe(false);
    client.send(Buffer.alloc(5000));
    await until(() => request.body.length === 35_000);
    time.advance(60_000);
    expect(await client.closes()).toMatch(/^HTTP\/1\.1 408 /);
    expect(request.error?.code).toBe('BodyTimeout');
  });

  test('time during which the handler is paused is not the phone’s', async () => {
    const seen = new SeenRequests({ begun: ({ exchange }) => exchange.pause(), ended: echo });
    const { port, time } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(`${upload(4)}a`);
    const request = await seen.nth(0);
    for (let i = 0; i < 5; i++) time.advance(59_000);
    request.exchange.resume();
    time.advance(30_000);
    client.send('bcd');
    await client.receives('POST /up abcd');
    expect(request.error).toBeUndefined();
  });

  test('a phone that does not take its answer is given up', async () => {
    const seen = new SeenRequests();
    const { port, time, server } = await serve(seen);
    const client = await RawClient.connect(port);
    client.socket.pause();
    client.send(GET);
    const request = await seen.nth(0);
    const { exchange } = request;
    exchange.writeHead({ status: 200, reason: '', headers: noHeaders(), body: 100_000_000 });
    while (exchange.write(Buffer.alloc(65_536)));
    expect(exchange.bytesQueued).toBeLessThan(300_000);
    time.advance(60_000);
    await settle();
    time.advance(60_000);
    await until(() => request.closed);
    expect(request.error?.code).toBe('AnswerTimeout');
    await until(() => server.connections === 0);
  });

  test('a phone that takes its answer slowly is told of by onDrain', async () => {
    const seen = new SeenRequests();
    const { port, time } = await serve(seen);
    const client = await RawClient.connect(port);
    client.socket.pause();
    client.send(GET);
    const request = await seen.nth(0);
    const { exchange } = request;
    let left = 400;
    exchange.writeHead({ status: 200, reason: '', headers: noHeaders(), body: left * 65_536 });
    const writeOn = (): void => {
      while (left-- > 0 && exchange.write(Buffer.alloc(65_536)));
      if (left <= 0) exchange.end();
    };
    writeOn();
    expect(left).toBeGreaterThan(0);
    time.advance(59_000);
    client.socket.resume();
    while (!request.closed) {
      const drained = request.drains;
      await until(() => request.drains > drained || request.closed);
      time.advance(50_000);
      writeOn();
    }
    await until(() => client.received.length > 400 * 65_536);
    expect(request.error).toBeUndefined();
  });
});

describe('draining', () => {
  test('every answer from then on ends its connection; an idle one stays for one more request', async () => {
    const seen = new SeenRequests();
    const { port, server } = await serve(seen);
    const [busy, idle, late] = await Promise.all([
      RawClient.connect(port),
      RawClient.connect(port),
      RawClient.connect(port),
    ]);
    idle.send(GET);
    echo(await seen.nth(0));
    await idle.receives('GET / ');
    busy.send(GET);
    const open = await seen.nth(1);
    server.drain();
    echo(open);
    expect(await busy.closes()).toContain('Connection: close');
    idle.send(post('/last', ''));
    echo(await seen.nth(2));
    expect(await idle.closes()).toMatch(/Connection: close\r\n\r\nPOST \/last $/);
    await until(() => server.connections === 1);
    server.closeIdle();
    await late.closes();
    expect(late.ended).toBe('end');
  });

  test('closeIdle leaves requests in flight alone', async () => {
    const seen = new SeenRequests();
    const { port, server } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(GET);
    const request = await seen.nth(0);
    server.closeIdle();
    expect(server.connections).toBe(1);
    echo(request);
    await client.receives('GET / ');
  });
});

describe('answers', () => {
  test.each([
    ['GET', 204, undefined, /^HTTP\/1\.1 204 No Content\r\nDate: [^\r]*\r\n\r\n$/],
    ['HEAD', 501, 'nothing', /^HTTP\/1\.1 501 Not Implemented\r\nDate: [^\r]*\r\n\r\n$/],
    ['GET', 449, '', /^HTTP\/1\.1 449 \r\nDate: [^\r]*\r\nContent-Length: 0\r\n\r\n$/],
  ])('%s answered %i', async (method, status, body, expected) => {
    const seen = new SeenRequests({
      ended: ({ exchange }) =>
        exchange.respond(status, noHeaders(), body === undefined ? undefined : Buffer.from(body)),
    });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.receives('\r\n\r\n');
    await settle();
    expect(client.received).toMatch(expected);
  });

  test('to HTTP/1.0 the end of the connection ends a body of unknown length', async () => {
    const seen = new SeenRequests({
      ended({ exchange }) {
        exchange.writeHead({ status: 200, reason: '', headers: noHeaders(), body: CHUNKED });
        exchange.write(Buffer.from('body'));
        exchange.end();
      },
    });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    expect(await client.closes()).toBe('HTTP/1.1 200 \r\nConnection: close\r\n\r\nbody');
  });

  test.each([
    ['aborted', (exchange: SeenRequest['exchange']) => exchange.abort()],
    ['too short', (exchange: SeenRequest['exchange']) => exchange.end()],
    ['too long', (exchange: SeenRequest['exchange']) => exchange.write(Buffer.alloc(11))],
  ])('an answer that is %s ends the connection before its time', async (_name, finish) => {
    const seen = new SeenRequests();
    const { port, server } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(GET);
    const { exchange } = await seen.nth(0);
    exchange.writeHead({ status: 200, reason: '', headers: noHeaders(), body: 10 });
    exchange.write(Buffer.from('half'));
    await client.receives('half');
    finish(exchange);
    expect(await client.closes()).toMatch(/half$/);
    expect(server.active).toBe(0);
  });

  test('a second answer, and anything after the end, does nothing', async () => {
    const seen = new SeenRequests({
      ended(request) {
        echo(request);
        const { exchange } = request;
        exchange.respond(500, noHeaders());
        exchange.writeHead({ status: 500, reason: '', headers: noHeaders(), body: 1 });
        exchange.write(Buffer.from('x'));
        exchange.end();
        exchange.abort();
      },
    });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(GET);
    await client.receives('GET / ');
    client.send(post('/2', ''));
    expect(await client.receives('POST /2 ')).not.toContain('500');
  });

  test('bytes are counted, and the counts of an exchange stay when it is over', async () => {
    const seen = new SeenRequests({ ended: echo });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    const raw = post('/1', 'one');
    client.send(raw);
    await client.receives('POST /1 one');
    const { exchange } = await seen.nth(0);
    const { length } = client.received;
    expect(exchange).toMatchObject({ bodyBytesRead: 3, bytesWritten: length });
    client.send(GET);
    await client.receives('GET / ');
    expect(exchange).toMatchObject({ bodyBytesRead: 3, bytesWritten: length });
    expect(exchange.connection).toMatchObject({
      bytesRead: raw.length + GET.length,
      bytesWritten: client.received.length,
      requests: 2,
      remoteAddress: '127.0.0.1',
    });
  });
});

test('the address of a phone is its own, also where the port takes both families', async () => {
  const seen = new SeenRequests({ ended: echo });
  const { port } = await serve(seen, { host: '' });
  const client = await RawClient.connect(port);
  client.send(GET);
  await client.receives('GET / ');
  const { exchange } = await seen.nth(0);
  expect(exchange.connection.remoteAddress).toBe('127.0.0.1');
});

describe('handlers that take their time or fail', () => {
  test('paused at the head, the body comes when it resumes', async () => {
    const seen = new SeenRequests({ begun: ({ exchange }) => exchange.pause(), ended: echo });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(post('/1', 'one') + post('/2', 'two'));
    const first = await seen.nth(0);
    await settle();
    expect(first).toMatchObject({ body: '', ended: false });
    first.exchange.resume();
    (await seen.nth(1)).exchange.resume();
    await client.receives('POST /2 two');
  });

  test('answered while paused with the body at hand, the connection goes on', async () => {
    const seen = new SeenRequests({ begun: ({ exchange }) => exchange.pause() });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(post('/1', 'one') + post('/2', 'two'));
    (await seen.nth(0)).exchange.respond(403, noHeaders());
    (await seen.nth(1)).exchange.respond(403, noHeaders());
    await until(() => client.received.split('403').length === 3);
    expect(client.received).not.toContain('Connection');
  });

  test('a paused upload stops at the socket', async () => {
    const seen = new SeenRequests({ begun: ({ exchange }) => exchange.pause() });
    const { port } = await serve(seen);
    const client = await RawClient.connect(port);
    client.send(upload(20_000_000));
    client.send(Buffer.alloc(20_000_000));
    const request = await seen.nth(0);
    await settle();
    expect(request.exchange.connection.bytesRead).toBeLessThan(200_000);
    request.exchange.resume();
    await until(() => request.ended);
    expect(request.body).toHaveLength(20_000_000);
  });

  test('an exception costs its connection only', async () => {
    const errors: unknown[] = [];
    const seen = new SeenRequests({
      begun({ exchange }) {
        if (exchange.request.target === '/fail') throw new Error('a mistake');
      },
      ended: echo,
    });
    const { port, server } = await serve(seen, { onInternalError: (error) => errors.push(error) });
    const [failing, other] = await Promise.all([RawClient.connect(port), RawClient.connect(port)]);
    failing.send(post('/fail', ''));
    await failing.closes();
    other.send(GET);
    await other.receives('GET / ');
    expect(errors).toMatchObject([{ message: 'a mistake' }]);
    await until(() => server.connections === 1);
    expect(server.active).toBe(0);
  });
});
