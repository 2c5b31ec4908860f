// The phones' port: accepts connections, finds the listener by the server name, and runs TLS for a bounded number at once.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Server as TlsServer, TLSSocket } from 'node:tls';
import { bindOptions } from './address.ts';
import type { Snapshot, SnapshotFiles } from './config/snapshot.ts';
import { Arrival, type ArrivalEvents } from './listener/arrival.ts';
import { type HandshakeLimits, HandshakeQueue } from './listener/handshake-queue.ts';
import { createSecureListener } from './listener/secure-listener.ts';

/** How an attempt to connect ended. `overload`: closed unheard, because too many wait already. */
export type HandshakeOutcome = 'full' | 'resumed' | 'failed' | 'timeout' | 'unrecognized-name' | 'overload';

export interface ListenerOptions {
  /** Takes a connection once it is secure; `listener` is the name of the one whose host name was asked for. */
  readonly onConnection: (socket: TLSSocket, listener: string) => void;
  /** Told each outcome once; `listener` is empty where none was found yet. */
  readonly onHandshake?: (listener: string, outcome: HandshakeOutcome) => void;
  readonly handshakes?: HandshakeLimits;
  /** Connections that are not secure yet, in any state; more are closed at once. */
  readonly maxPending?: number;
  /** Connections in all; more are closed at once, so that file descriptors remain for the servers. */
  readonly maxConnections?: number | undefined;
}

const BACKLOG = 4096;
/** Tolerant of a tunnel, and below the idle time-outs of load balancers: 240 s, then 60 s, five times. */
const KEEP_ALIVE = [true, 240_000, 60_000, 5] as const;
/** A fatal alert, unrecognized_name (RFC 6066, 3), as a plain record. */
const UNRECOGNIZED_NAME = Buffer.from([0x15, 3, 3, 0, 2, 2, 112]);

interface SecureListener {
  readonly name: string;
  readonly server: TlsServer;
}

/** What one snapshot says about names. Immutable: connections keep the one under which they came. */
interface Names {
  readonly first: SecureListener | undefined;
  readonly byName: ReadonlyMap<string, SecureListener>;
}

export class Listener {
  private readonly options: ListenerOptions;
  private readonly maxPending: number;
  private readonly server: Server;
  private readonly queue: HandshakeQueue;
  private names: Names = { first: undefined, byName: new Map() };
  /** Connections that are not secure yet. */
  private pending = 0;
  private readonly arrivals: ArrivalEvents = {
    onHello: (arrival, hello) => this.route(arrival, hello),
    onTimeout: () => this.options.onHandshake?.('', 'timeout'),
    onGone: () => this.pending--,
  };

  constructor(options: ListenerOptions) {
    this.options = options;
    this.maxPending = options.maxPending ?? 10_000;
    this.queue = new HandshakeQueue(options.handshakes);
    this.server = createServer({ noDelay: true }, (socket) => this.accept(socket));
    if (options.maxConnections !== undefined) this.server.maxConnections = options.maxConnections;
    this.server.on('drop', () => this.options.onHandshake?.('', 'overload'));
  }

  /**
   * Makes TLS of the listeners of a validated snapshot. What it returns takes them into use, for all connections from then
   * on; those that are there stay as they are.
   */
  prepare(snapshot: Snapshot, files: SnapshotFiles): () => void {
    const listeners = snapshot.listeners.map((listener) => ({
      secure: this.secure(listener.name, createSecureListener(snapshot, listener, files)),
      hostnames: listener.hostnames,
    }));
    const entries = listeners.flatMap(({ secure, hostnames }) =>
      hostnames.map((name) => [name, secure] as const),
    );
    const names = { first: listeners[0]?.secure, byName: new Map(entries.toReversed()) };
    return () => {
      this.names = names;
    };
  }

  get listening(): boolean {
    return this.server.listening;
  }

  /** Binds the port (0: any; host `::`: every address) and resolves with the address. Rejects with the system's error (`EADDRINUSE`, `EACCES` …). */
  async listen(host: string, port: number): Promise<AddressInfo> {
    this.server.listen({ ...bindOptions(host, port), backlog: BACKLOG });
    await once(this.server, 'listening');
    return this.server.address() as AddressInfo;
  }

  /** Connections that are not secure yet: without a whole ClientHello, waiting for their turn, in their handshake. */
  get handshakes(): { readonly arriving: number; readonly queued: number; readonly inFlight: number } {
    const { queued, inFlight } = this.queue;
    return { arriving: this.pending - queued - inFlight, queued, inFlight };
  }

  /**
   * Stops listening once the connections that the kernel has already accepted are taken; they and those under way go on.
   * Resolves when the port is free.
   */
  async close(): Promise<void> {
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    if (this.server.listening) this.server.close();
  }

  /** For each connection that it is given, a TLS server emits exactly one of the two events. */
  private secure(name: string, server: TlsServer): SecureListener {
    server.on('secureConnection', (socket) => {
      this.handshakeEnded();
      this.options.onHandshake?.(name, socket.isSessionReused() ? 'resumed' : 'full');
      this.options.onConnection(socket, name);
    });
    server.on('tlsClientError', (error) => {
      this.handshakeEnded();
      const late = (error as NodeJS.ErrnoException).code === 'ERR_TLS_HANDSHAKE_TIMEOUT';
      this.options.onHandshake?.(name, late ? 'timeout' : 'failed');
    });
    return { name, server };
  }

  private handshakeEnded(): void {
    this.pending--;
    this.queue.finished();
  }

  private accept(socket: Socket): void {
    socket.on('error', ignore);
    if (this.names.first === undefined || this.pending >= this.maxPending) {
      this.options.onHandshake?.('', 'overload');
      socket.destroy();
      return;
    }
    this.pending++;
    socket.setKeepAlive(...KEEP_ALIVE);
    new Arrival(socket, this.arrivals).start();
  }

  private route(arrival: Arrival, hello: Parameters<ArrivalEvents['onHello']>[1]): void {
    const secure = hello.kind === 'hello' ? this.find(hello.serverName) : this.names.first;
    if (secure === undefined) {
      this.options.onHandshake?.('', 'unrecognized-name');
      arrival.refuse(UNRECOGNIZED_NAME);
      return;
    }
    this.queue.add(() => !arrival.socket.destroyed && secure.server.emit('connection', arrival.taken()));
  }

  private find(serverName: string | null): SecureListener | undefined {
    if (serverName === null) return this.names.first;
    const { byName } = this.names;
    return byName.get(serverName) ?? byName.get(`*${serverName.slice(serverName.indexOf('.'))}`);
  }
}

function ignore(): void {
  // The socket's `close` follows and says all there is to say.
}
