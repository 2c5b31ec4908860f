// An HTTPS server that can be killed, stalled and started again on its port, and that can reset single connections.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Credentials } from '../certificates.ts';

/**
 * `serving`; `refusing`: connections are refused, those that are open go on; `stalled`: connections are accepted and
 * nothing is said; `killed`: refused, and those that were open were reset.
 */
export type ServerState = 'serving' | 'refusing' | 'stalled' | 'killed';

export interface PeerServerOptions {
  readonly credentials: Credentials;
  /** 0 (the default) lets the system choose. */
  readonly port?: number | undefined;
  /** Default 127.0.0.1. */
  readonly address?: string | undefined;
  /** Called for each request; `reset` resets the connection below TLS. */
  readonly onRequest: (request: IncomingMessage, response: ServerResponse, reset: () => void) => void;
  /** Called for each connection whose handshake succeeded. */
  readonly onConnection?: (socket: TLSSocket) => void;
}

export class PeerServer {
  readonly #options: PeerServerOptions;
  readonly #https: HttpsServer;
  readonly #sockets = new Map<string, Socket>();
  #listener: Server | undefined;
  #state: ServerState = 'killed';
  #port: number;

  private constructor(options: PeerServerOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      const socket = this.#sockets.get(keyOf(request.socket));
      options.onRequest(request, response, () => socket?.resetAndDestroy());
    };
    this.#https = createHttpsServer(
      { ...options.credentials, keepAliveTimeout: 120_000, requestTimeout: 0, headersTimeout: 60_000 },
      serve,
    );
    this.#https.timeout = 0;
    this.#https.maxHeadersCount = 0;
    this.#https.on('checkContinue', serve);
    this.#https.on('secureConnection', (socket: TLSSocket) => {
      socket.on('error', () => undefined);
      options.onConnection?.(socket);
    });
    this.#https.on('tlsClientError', (_, socket) => socket.destroy());
  }

  /** Starts a server and resolves once it listens. */
  static async start(options: PeerServerOptions): Promise<PeerServer> {
    const server = new PeerServer(options);
    await server.serve();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get state(): ServerState {
    return this.#state;
  }

  /** Listens (again, on the same port). */
  async serve(): Promise<void> {
    await this.#listen('serving');
  }

  /** Accepts connections and never says a word on them; those that are open go on. */
  async stall(): Promise<void> {
    await this.#listen('stalled');
  }

  /** Refuses new connections; those that are open go on. */
  refuse(): void {
    this.#state = 'refusing';
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Refuses new connections and resets all that are open, as when the machine died. */
  kill(): void {
    this.refuse();
    this.#state = 'killed';
    this.resetConnections();
  }

  /** Resets all open connections; new ones are accepted as before. */
  resetConnections(): void {
    for (const socket of this.#sockets.values()) socket.resetAndDestroy();
  }

  /** Serves new connections with another certificate. */
  replaceCredentials(credentials: Credentials): void {
    this.#https.setSecureContext(credentials);
  }

  /** Ends everything and frees the port. */
  close(): void {
    this.kill();
    this.#https.close();
  }

  async #listen(state: 'serving' | 'stalled'): Promise<void> {
    this.#state = state;
    if (this.#listener) return;
    const listener = createServer((socket) => this.#accept(socket));
    listener.listen({ port: this.#port, host: this.#options.address ?? '127.0.0.1', backlog: 4096 });
    await once(listener, 'listening');
    this.#listener = listener;
    this.#port = (listener.address() as AddressInfo).port;
  }

  #accept(socket: Socket): void {
    const key = keyOf(socket);
    this.#sockets.set(key, socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(key));
    if (this.#state === 'serving') this.#https.emit('connection', socket);
  }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}
