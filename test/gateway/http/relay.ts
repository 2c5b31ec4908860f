// The smallest proxy that the two halves of gateway/http make: every request to one server, nothing decided.
// As a command: relay.ts <port> <server's URL> <certificate> <key> [<CA of the server>], for measurements.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:tls';
import { pathToFileURL } from 'node:url';
import { Deadlines } from '../../../gateway/http/deadlines.ts';
import type { RequestError, UpstreamError } from '../../../gateway/http/errors.ts';
import type {
  RequestHandler,
  RequestSink,
  ResponseHead,
  ResponseSink,
  ServerExchange,
  UpstreamExchange,
} from '../../../gateway/http/exchange.ts';
import { HeaderList } from '../../../gateway/http/headers.ts';
import { HttpServer } from '../../../gateway/http/server.ts';
import { UpstreamPool } from '../../../gateway/http/upstream-pool.ts';

/** What went through a relay. */
export interface RelayCounts {
  /** Bytes of answers read from the server. */
  read: number;
  /** The most that was read and not yet delivered, at any time, of one answer. */
  maxAhead: number;
  errors: string[];
}

export class Relay implements RequestHandler<undefined> {
  readonly counts: RelayCounts = { read: 0, maxAhead: 0, errors: [] };
  private readonly pool: UpstreamPool;

  constructor(pool: UpstreamPool) {
    this.pool = pool;
  }

  onRequest(phone: ServerExchange<undefined>): RequestSink {
    const half = new PhoneHalf(phone);
    const { method, target, headers, body, hasContentLength } = phone.request;
    half.upstream = this.pool.send(
      {
        method,
        target,
        host: this.pool.authority,
        headers,
        body,
        hasContentLength,
        firstByteTimeoutMs: 120_000,
      },
      new UpstreamHalf(half, this.counts),
    );
    return half;
  }
}

class PhoneHalf implements RequestSink {
  readonly phone: ServerExchange<undefined>;
  upstream: UpstreamExchange | undefined;

  constructor(phone: ServerExchange<undefined>) {
    this.phone = phone;
  }

  onData(bytes: Buffer): void {
    if (this.upstream?.write(bytes) === false) this.phone.pause();
  }

  onEnd(): void {
    this.upstream?.end();
  }

  onDrain(): void {
    this.upstream?.resume();
  }

  onClose(error: RequestError | undefined): void {
    if (error !== undefined) this.upstream?.abort();
  }
}

class UpstreamHalf implements ResponseSink {
  private readonly half: PhoneHalf;
  private readonly counts: RelayCounts;
  private read = 0;

  constructor(half: PhoneHalf, counts: RelayCounts) {
    this.half = half;
    this.counts = counts;
  }

  onHead(head: ResponseHead): void {
    this.half.phone.writeHead(head);
  }

  onData(bytes: Buffer): void {
    const { phone, upstream } = this.half;
    this.counts.read += bytes.length;
    this.read += bytes.length;
    if (!phone.write(bytes)) upstream?.pause();
    const ahead = this.read - (phone.bytesWritten - phone.bytesQueued);
    if (ahead > this.counts.maxAhead) this.counts.maxAhead = ahead;
  }

  onEnd(): void {
    this.half.phone.end();
  }

  onDrain(): void {
    this.half.phone.resume();
  }

  onError(error: UpstreamError): void {
    const { phone } = this.half;
    this.counts.errors.push(error.code);
    if (phone.responded) phone.abort();
    else phone.respond(503, HeaderList.of(['Retry-After', '30']));
  }
}

function main([port, url = '', certificate = '', key = '', ca]: string[]): void {
  const deadlines = new Deadlines();
  const server = new HttpServer<undefined>({ deadlines });
  const relay = new Relay(new UpstreamPool({ deadlines, url, ...(ca && { tls: { ca: readFileSync(ca) } }) }));
  const credentials = { cert: readFileSync(certificate), key: readFileSync(key) };
  createServer({ ...credentials, ALPNProtocols: ['http/1.1'] }, (socket) =>
    server.accept(socket, relay, undefined),
  ).listen(Number(port), '127.0.0.1', () => console.log('listening'));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2));
