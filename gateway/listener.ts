// The phones' port: accepts connections, finds the listener by the server name, and runs TLS for a bounded number at once.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Server as TlsServer, TLSSocket } from 'node:tls';
import { bindOptions } from './address.ts';
import type { Snapshot, SnapshotFiles } from './config/snapshot.ts';
import { peerAddress } from './http/peer-address.ts';
import { AddressLimit } from './listener/address-limit.ts';
import { AddressShares, shareOf } from './listener/address-shares.ts';
import { Arrival, type ArrivalEvents } from './listener/arrival.ts';
import { type HandshakeLimits, HandshakeQueue } from './listener/handshake-queue.ts';
import { createSecureListener } from './listener/secure-listener.ts';
import { trustedProxiesOf, type TrustsPeer } from './listener/trusted-proxies.ts';

/**
 * How an attempt to connect ended. `overload`: closed unheard, because too many wait already. `untrusted-proxy`: the PROXY
 * protocol is spoken, and not with this peer; `bad-proxy-header`: with this one, which does not speak it. `address-limit`: closed
 * unheard, because this client has as many connections as one may have.
 */
export type HandshakeOutcome =
  | 'full'
  | 'resumed'
  | 'failed'
  | 'timeout'
  | 'unrecognized-name'
  | 'overload'
  | 'address-limit'
  | 'untrusted-proxy'
  | 'bad-proxy-header';

export interface ListenerOptions {
  /** Takes a connection once it is secure; `listener` is the name of the one whose host name was asked for, `client` the phone's address. */
  readonly onConnection: (socket: TLSSocket, listener: string, client: string) => void;
  /** Told each outcome once; `listener` is empty where none was found yet. */
  readonly onHandshake?: (listener: string, outcome: HandshakeOutcome) => void;
  readonly handshakes?: HandshakeLimits;
  /** Connections that are not secure yet, in any state, one peer's being at most half of them; more are closed at once. */
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

/** What one snapshot says about names and peers. Immutable. */
interface Entrance {
  readonly first: SecureListener | undefined;
  readonly byName: ReadonlyMap<string, SecureListener>;
  /** Set where the PROXY protocol is spoken. */
  readonly trustsPeer: TrustsPeer | undefined;
}

export class Listener {
  private readonly options: ListenerOptions;
  private readonly server: Server;
  private readonly queue: HandshakeQueue;
  private entrance: Entrance = { first: undefined, byName: new Map(), trustsPeer: undefined };
  /** Connections that are not secure yet, by peer. */
  private readonly pending: AddressShares;
  /** Connections of one client, in any state; counted only while there is a limit. */
  private readonly perAddress = new AddressLimit(Infinity);
  /** Those whose handshake is under way, by the socket below TLS. */
  private readonly underTls = new Map<Socket, Arrival>();
  private readonly arrivals: ArrivalEvents = {
    onHello: (arrival, hello) => this.route(arrival, hello),
    onBadProxyHeader: () => this.options.onHandshake?.('', 'bad-proxy-header'),
    onTimeout: () => this.options.onHandshake?.('', 'timeout'),
    onGone: (arrival) => this.pending.leave(shareOf(arrival.peer)),
  };

  constructor(options: ListenerOptions) {
    this.options = options;
    this.pending = new AddressShares(options.maxPending ?? 20_000);
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
    const entrance = {
      first: listeners[0]?.secure,
      byName: new Map(entries.toReversed()),
      trustsPeer: trustedProxiesOf(snapshot),
    };
    return () => {
      this.entrance = entrance;
      this.perAddress.limit = snapshot.limits?.maxConnectionsPerAddress ?? Infinity;
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
    return { arriving: this.pending.size - queued - inFlight, queued, inFlight };
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
      const arrival = this.handshakeEnded(socket);
      this.options.onHandshake?.(name, socket.isSessionReused() ? 'resumed' : 'full');
      if (arrival === undefined) socket.destroy();
      else this.options.onConnection(socket, name, arrival.client);
    });
    server.on('tlsClientError', (error, socket) => {
      this.handshakeEnded(socket);
      const late = (error as NodeJS.ErrnoException).code === 'ERR_TLS_HANDSHAKE_TIMEOUT';
      this.options.onHandshake?.(name, late ? 'timeout' : 'failed');
    });
    return { name, server };
  }

  private handshakeEnded(socket: TLSSocket): Arrival | undefined {
    const raw = socketBelow(socket);
    const arrival = this.underTls.get(raw);
    if (arrival === undefined) return undefined;
    this.underTls.delete(raw);
    this.pending.leave(shareOf(arrival.peer));
    this.queue.finished(shareOf(arrival.client));
    return arrival;
  }

  private accept(socket: Socket): void {
    socket.on('error', ignore);
    const { first, trustsPeer } = this.entrance;
    const peer = peerAddress(socket);
    const share = shareOf(peer);
    if (first === undefined || !this.pending.allows(share)) {
      this.turnAway(socket, 'overload');
      return;
    }
    if (trustsPeer?.(peer) === false) {
      this.turnAway(socket, 'untrusted-proxy');
      return;
    }
    const isProxied = trustsPeer !== undefined;
    if (!isProxied && !this.admits(socket, peer)) {
      this.turnAway(socket, 'address-limit');
      return;
    }
    this.pending.enter(share);
    socket.setKeepAlive(...KEEP_ALIVE);
    new Arrival(socket, { peer, isProxied }, this.arrivals).start();
  }

  /** Counts a connection until it closes; false where the client has as many as it may. */
  private admits(socket: Socket, client: string): boolean {
    const { perAddress } = this;
    if (perAddress.limit === Infinity) return true;
    if (!perAddress.enter(client)) return false;
    socket.once('close', () => perAddress.leave(client));
    return true;
  }

  private turnAway(socket: Socket, outcome: HandshakeOutcome): void {
    this.options.onHandshake?.('', outcome);
    socket.destroy();
  }

  private route(arrival: Arrival, hello: Parameters<ArrivalEvents['onHello']>[1]): void {
    if (arrival.isProxied && !this.admits(arrival.socket, arrival.client)) {
      this.turnAway(arrival.socket, 'address-limit');
      return;
    }
    const secure = hello.kind === 'hello' ? this.find(hello.serverName) : this.entrance.first;
    if (secure === undefined) {
      this.options.onHandshake?.('', 'unrecognized-name');
      arrival.refuse(UNRECOGNIZED_NAME);
      return;
    }
    this.queue.add(shareOf(arrival.client), () => {
      if (arrival.socket.destroyed) return false;
      this.underTls.set(arrival.socket, arrival);
      return secure.server.emit('connection', arrival.taken());
    });
  }

  private find(serverName: string | null): SecureListener | undefined {
    if (serverName === null) return this.entrance.first;
    const { byName } = this.entrance;
    return byName.get(serverName) ?? byName.get(`*${serverName.slice(serverName.indexOf('.'))}`);
  }
}

/** The socket that TLS was given. Node says it nowhere else; if it said it no longer, no connection would be taken, and every test fail. */
function socketBelow(socket: TLSSocket): Socket {
  return (socket as unknown as { readonly _parent: Socket })._parent;
}

function ignore(): void {
  // The socket's `close` follows and says all there is to say.
}
