// A TLS proxy before a real API server that fails on demand, as networks, load balancers and overloaded servers do.
import { Agent, createServer, request as httpsRequest, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { openPki } from '../cluster/native/certificates.ts';
import type { ControlPlaneHandle } from './control-plane.ts';

/** An answer in place of the API server's, a connection cut, or no answer for ever. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: object }
  | 'cut'
  | 'silence';

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly authorization: string | undefined;
}

interface OpenWatch {
  readonly response: ServerResponse;
  readonly upstream: IncomingMessage;
}

/** Passes everything on until it is told otherwise. */
export class FaultyProxy implements AsyncDisposable {
  readonly #target: URL;
  readonly #agent: Agent;
  readonly #server: Server;
  readonly #watches = new Set<OpenWatch>();
  readonly #silent = new Set<ServerResponse>();
  #fault: (request: SeenRequest) => Fault | undefined = () => undefined;
  #connections = 0;
  #mostConnections = 0;
  /** Every request that came, in order. */
  readonly requests: SeenRequest[] = [];

  private constructor(
    target: URL,
    pki: { readonly ca: string; readonly certificate: string; readonly key: string },
  ) {
    this.#target = target;
    this.#agent = new Agent({ ca: pki.ca, keepAlive: true });
    this.#server = createServer({ cert: pki.certificate, key: pki.key }, (request, response) =>
      this.#answer(request, response),
    );
    this.#server.on('secureConnection', (socket) => {
      this.#connections += 1;
      this.#mostConnections = Math.max(this.#mostConnections, this.#connections);
      socket.once('close', () => (this.#connections -= 1));
    });
  }

  /** Listens on a port of its own with a certificate of the cluster's authority; clients come with tokens. */
  static async start({ server, folder }: ControlPlaneHandle): Promise<FaultyProxy> {
    const pki = await openPki(join(folder, 'pki'));
    const pair = await pki.issue({ commonName: 'proxy', names: ['127.0.0.1'] });
    const proxy = new FaultyProxy(new URL(server), { ca: pki.ca, ...pair });
    proxy.#server.listen(0, '127.0.0.1');
    await new Promise((resolve) => proxy.#server.once('listening', resolve));
    return proxy;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The most connections that were ever open at once. */
  get mostConnections(): number {
    return this.#mostConnections;
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  /** From now on each new request is judged by this. */
  failBy(fault: (request: SeenRequest) => Fault | undefined): void {
    this.#fault = fault;
  }

  /** New requests pass again; what is silent stays so. */
  mend(): void {
    this.#fault = () => undefined;
  }

  /** Cuts the connections of all open watches. */
  cutWatches(): void {
    for (const { response } of this.#watches) response.destroy();
  }

  /** Nothing more arrives on the open watches, though their connections stay. */
  stallWatches(): void {
    for (const { upstream, response } of this.#watches) {
      upstream.unpipe(response);
      upstream.removeAllListeners('end');
      upstream.resume();
    }
  }

  /** Every open watch ends with this event. */
  endWatchesWith(event: object): void {
    for (const { upstream, response } of this.#watches) {
      upstream.unpipe(response);
      upstream.destroy();
      response.end(`${JSON.stringify(event)}\n`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    const seen = { method, url, authorization: headers.authorization };
    this.requests.push(seen);
    const fault = this.#fault(seen);
    if (fault === undefined) this.#forward(request, response);
    else if (fault === 'cut') request.destroy();
    else if (fault === 'silence') this.#silent.add(response);
    else {
      request.resume();
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      response.end(JSON.stringify(fault.body ?? {}));
    }
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = request;
    const { hostname, port } = this.#target;
    const options = { hostname, port, method, path: url, headers, agent: this.#agent };
    const forwarded = httpsRequest(options, (upstream) => {
      response.writeHead(upstream.statusCode ?? 502, upstream.headers);
      response.flushHeaders();
      upstream.pipe(response);
      upstream.once('error', () => response.destroy());
      if (url?.includes('watch=true') !== true) return;
      const watch = { upstream, response };
      this.#watches.add(watch);
      response.once('close', () => this.#watches.delete(watch));
    });
    forwarded.once('error', () => response.destroy());
    response.once('close', () => forwarded.destroy());
    pipeline(request, forwarded, () => undefined);
  }
}
