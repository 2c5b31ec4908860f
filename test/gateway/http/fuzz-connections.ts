// Random bytes in random pieces through whole connections, with handlers and servers that do anything they may: nothing must
// throw, hang or stay behind.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { Deadlines } from '../../../gateway/http/deadlines.ts';
import { CHUNKED } from '../../../gateway/http/exchange.ts';
import type { RequestHandler, RequestSink, ServerExchange } from '../../../gateway/http/exchange.ts';
import { HeaderList } from '../../../gateway/http/headers.ts';
import { HttpServer } from '../../../gateway/http/server.ts';
import { UpstreamPool } from '../../../gateway/http/upstream-pool.ts';
import { requestBytes, responseBytes } from './fuzz-inputs.ts';
import type { Random } from './fuzz-inputs.ts';
import { Relay } from './relay.ts';

/** A server and a relay that are fed for as long as it is asked. */
export class ConnectionFuzzer {
  private readonly random: Random;
  private readonly deadlines = new Deadlines({ tickMs: 20 });
  private readonly errors: unknown[] = [];
  private readonly onInternalError = (error: unknown): void => {
    this.errors.push(error);
  };
  private readonly server: HttpServer<undefined>;
  private readonly listener: Server;
  private readonly upstream: Server;
  private pool: UpstreamPool | undefined;
  private round = 0;

  constructor(random: Random) {
    this.random = random;
    const { deadlines, onInternalError } = this;
    this.server = new HttpServer({
      deadlines,
      onInternalError,
      headMs: 1000,
      bodyIdleMs: 1000,
      keepAliveMs: 1000,
    });
    this.listener = createServer((socket) => this.server.accept(socket, this.handler(), undefined));
    this.upstream = createServer((socket) => this.answerAnything(socket));
  }

  async start(): Promise<void> {
    await Promise.all(
      [this.listener, this.upstream].map((server) => once(server.listen(0, '127.0.0.1'), 'listening')),
    );
    this.pool = new UpstreamPool({
      deadlines: this.deadlines,
      url: `http://127.0.0.1:${portOf(this.upstream)}`,
      inactivityMs: 500,
      onInternalError: this.onInternalError,
    });
  }

  /** One batch of connections. Throws what went wrong. */
  async run(connections: number): Promise<void> {
    this.round++;
    await Promise.all(Array.from({ length: connections }, () => this.phone()));
    for (let i = 0; i < 2000 && (this.server.connections > 0 || this.server.active > 0); i++) await pause(5);
    const left = { connections: this.server.connections, active: this.server.active };
    if (left.connections + left.active > 0) throw new Error(`left behind: ${JSON.stringify(left)}`);
    const [error] = this.errors;
    if (error !== undefined) throw new Error(`in round ${this.round}`, { cause: error });
  }

  stop(): void {
    this.server.destroy();
    this.pool?.close();
    this.listener.close();
    this.upstream.close();
  }

  /** Sends a few requests in pieces, and leaves in one way or another. */
  private async phone(): Promise<void> {
    const { random } = this;
    const socket = connect({ port: portOf(this.listener), host: '127.0.0.1', noDelay: true });
    socket.on('error', () => socket.destroy());
    socket.resume();
    await once(socket, 'connect');
    const bytes = Buffer.from(requestBytes(random) + requestBytes(random), 'latin1');
    const cuts = [
      0,
      ...random
        .cuts(bytes.length)
        .slice(0, 6)
        .toSorted((a, b) => a - b),
    ];
    for (const [i, start] of cuts.entries()) {
      if (socket.destroyed) break;
      socket.write(bytes.subarray(start, cuts[i + 1]));
      if (random.chance(2)) await pause(random.below(3));
    }
    await pause(random.below(10));
    const leave = random.below(4);
    if (leave < 2) socket.end();
    else if (leave === 2) socket.resetAndDestroy();
    await pause(random.below(5));
    socket.destroy();
  }

  private handler(): RequestHandler<undefined> {
    if (this.pool !== undefined && this.random.chance(2)) return new Relay(this.pool);
    return { onRequest: (exchange) => new RandomSink(this.random, exchange) };
  }

  private answerAnything(socket: Socket): void {
    const { random } = this;
    socket.on('error', () => socket.destroy());
    socket.on('data', () => {
      if (socket.destroyed || socket.writableEnded) return;
      const valid = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
      socket.write(random.chance(3) ? responseBytes(random) : valid, 'latin1');
      if (random.chance(6)) socket.end();
      else if (random.chance(12)) socket.resetAndDestroy();
    });
  }
}

/** Holds the connection to the order of its calls, and answers when and how it likes. */
class RandomSink implements RequestSink {
  private readonly random: Random;
  private readonly exchange: ServerExchange<undefined>;
  private state: 'body' | 'ended' | 'closed' = 'body';
  private aborted = false;
  private answered = false;

  constructor(random: Random, exchange: ServerExchange<undefined>) {
    this.random = random;
    this.exchange = exchange;
    if (random.chance(6)) exchange.limitBody(random.below(8));
    if (random.chance(4)) this.pauseForAWhile();
    if (random.chance(6)) this.answer();
  }

  onData(bytes: Buffer): void {
    if (this.state !== 'body' || this.aborted || this.answered) throw new Error(`data when ${this.state}`);
    if (bytes.length === 0) throw new Error('empty data');
    if (this.random.chance(6)) this.pauseForAWhile();
    if (this.random.chance(8)) this.answer();
  }

  onEnd(): void {
    if (this.state !== 'body' || this.aborted || this.answered) throw new Error(`end when ${this.state}`);
    this.state = 'ended';
    if (this.random.chance(3)) setTimeout(() => this.answer(), this.random.below(5));
    else this.answer();
  }

  onDrain(): void {
    if (this.state === 'closed' || this.aborted) throw new Error('drain after the end');
  }

  onClose(): void {
    if (this.state === 'closed' || this.aborted) throw new Error('a second end');
    this.state = 'closed';
  }

  private pauseForAWhile(): void {
    this.exchange.pause();
    setTimeout(() => this.exchange.resume(), this.random.below(4));
  }

  private answer(): void {
    const { exchange, random } = this;
    const headers = HeaderList.of(['X', '1']);
    switch (random.below(5)) {
      case 0:
        if (this.state !== 'closed') this.aborted = true;
        exchange.abort();
        return;
      case 1:
        exchange.writeHead({ status: 200, reason: '', headers, body: CHUNKED });
        exchange.write(Buffer.from('one'));
        setTimeout(() => {
          exchange.write(Buffer.alloc(random.below(100_000)));
          exchange.end();
        }, random.below(4));
        return;
      case 2:
        exchange.writeHead({ status: 204, reason: '', headers, body: 0 });
        exchange.end();
        return;
      default:
        this.answered ||= !exchange.responded;
        exchange.respond(
          random.pick([200, 304, 413, 503]),
          headers,
          random.chance(2) ? Buffer.from('body') : undefined,
        );
    }
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
