// Real sockets for the tests of gateway/http: a server with a handler, a raw client, a raw upstream, and a clock that stands still.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect as connectTLS, createServer as createTLSServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import { Deadlines } from '../../../gateway/http/deadlines.ts';
import type { RequestError } from '../../../gateway/http/errors.ts';
import type { RequestHandler, RequestSink, ServerExchange } from '../../../gateway/http/exchange.ts';
import { HttpServer } from '../../../gateway/http/server.ts';
import type { HttpServerOptions } from '../../../gateway/http/server.ts';
import { CertificateAuthority } from '../../peers/certificates.ts';
import type { Credentials } from '../../peers/certificates.ts';

/** A clock that moves when it is told to, with the deadlines that go by it. */
export class FakeTime {
  readonly deadlines: Deadlines;
  private ms = 1_000_000;

  constructor() {
    this.deadlines = new Deadlines({ clock: { now: () => this.ms }, tickMs: 0x7fff_ffff });
  }

  advance(ms: number): void {
    this.ms += ms;
    this.deadlines.check();
  }
}

let authority: Promise<{ ca: string; localhost: Credentials }> | undefined;

/** A CA and a certificate of it for localhost, made once. */
export function localhostCertificate(): Promise<{ ca: string; localhost: Credentials }> {
  authority ??= (async () => {
    const ca = await CertificateAuthority.create();
    return { ca: ca.certificate, localhost: await ca.issue({ names: ['localhost'] }) };
  })();
  return authority;
}

/** Listens on a port of loopback (`''`: of every address) until the test is over. Returns the port. */
export async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket.on('close', () => open.delete(socket)));
  });
  onTestFinished(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  await once(server.listen({ port: 0, ...(host !== '' && { host }) }), 'listening');
  return (server.address() as AddressInfo).port;
}

export interface ServedSockets {
  server: HttpServer<undefined>;
  port: number;
  time: FakeTime;
}

/** An HttpServer on plain or TLS sockets. */
export async function serve(
  handler: RequestHandler<undefined>,
  options: Partial<HttpServerOptions> & { tls?: boolean; host?: string } = {},
): Promise<ServedSockets> {
  const time = new FakeTime();
  const { tls, host, ...rest } = options;
  const server = new HttpServer<undefined>({ deadlines: time.deadlines, ...rest });
  const accept = (socket: Socket): void => server.accept(socket, handler, undefined);
  const listener = tls
    ? createTLSServer({ ...(await localhostCertificate()).localhost, ALPNProtocols: ['http/1.1'] }, accept)
    : createServer(accept);
  const port = await listen(listener, host);
  onTestFinished(() => server.destroy());
  return { server, port, time };
}

/** A client that sends bytes and keeps what it receives. */
export class RawClient {
  readonly socket: Socket;
  /** Sizes of the pieces in which bytes came; over TLS one for each record. */
  readonly pieces: number[] = [];
  /** How the connection ended, if it did. */
  ended: 'no' | 'end' | 'error' = 'no';
  private chunks: Buffer[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    onTestFinished(() => {
      socket.destroy();
    });
    socket.on('data', (bytes: Buffer) => {
      this.chunks.push(bytes);
      this.pieces.push(bytes.length);
    });
    socket.on('end', () => {
      if (this.ended === 'no') this.ended = 'end';
    });
    socket.on('error', () => {
      this.ended = 'error';
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  static async connectTLS(port: number): Promise<RawClient> {
    const { ca } = await localhostCertificate();
    const socket: TLSSocket = connectTLS({ port, host: '127.0.0.1', servername: 'localhost', ca });
    socket.setNoDelay(true);
    await once(socket, 'secureConnect');
    return new RawClient(socket);
  }

  get received(): string {
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0]?.toString('latin1') ?? '';
  }

  send(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  async receives(pattern: string | RegExp): Promise<string> {
    await until(() =>
      typeof pattern === 'string' ? this.received.includes(pattern) : pattern.test(this.received),
    );
    return this.received;
  }

  /** Waits for FIN or a reset. */
  async closes(): Promise<string> {
    await until(() => this.ended !== 'no' || this.socket.destroyed);
    return this.received;
  }
}

/** Waits until it is true; a test that waits in vain runs into its own time limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Lets everything that is under way on loopback arrive. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A request as a handler sees it, written down. */
export class SeenRequest implements RequestSink {
  readonly exchange: ServerExchange<undefined>;
  body = '';
  ended = false;
  drains = 0;
  closed = false;
  error: RequestError | undefined;
  private readonly onEnded: ((request: SeenRequest) => void) | undefined;

  constructor(exchange: ServerExchange<undefined>, onEnded?: (request: SeenRequest) => void) {
    this.exchange = exchange;
    this.onEnded = onEnded;
  }

  onData(bytes: Buffer): void {
    if (this.ended || this.closed) throw new Error('data after the end');
    this.body += bytes.toString('latin1');
  }

  onEnd(): void {
    if (this.ended || this.closed) throw new Error('a second end');
    this.ended = true;
    this.onEnded?.(this);
  }

  onDrain(): void {
    this.drains++;
  }

  onClose(error: RequestError | undefined): void {
    if (this.closed) throw new Error('a second close');
    this.closed = true;
    this.error = error;
  }
}

/** A handler that keeps every request; `onRequest` and `onEnded` may answer it. */
export class SeenRequests implements RequestHandler<undefined> {
  readonly all: SeenRequest[] = [];
  readonly refused: string[] = [];
  closedConnections = 0;
  private readonly actions: {
    begun?: (request: SeenRequest) => void;
    ended?: (request: SeenRequest) => void;
  };

  constructor(actions: SeenRequests['actions'] = {}) {
    this.actions = actions;
  }

  onRequest(exchange: ServerExchange<undefined>): RequestSink {
    const request = new SeenRequest(exchange, this.actions.ended);
    this.all.push(request);
    this.actions.begun?.(request);
    return request;
  }

  onRefused(error: RequestError): void {
    this.refused.push(error.code);
  }

  onConnectionClosed(): void {
    this.closedConnections++;
  }

  /** Waits for the request with this number, from 0. */
  async nth(index: number): Promise<SeenRequest> {
    await until(() => this.all.length > index);
    return this.all[index] as SeenRequest;
  }
}
