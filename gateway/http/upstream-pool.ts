// Connections to one server: the one used last is used first, and none is kept idle for long.
import { connect, isIP } from 'node:net';
import type { LookupFunction, OnReadOpts, Socket, TcpSocketConnectOpts } from 'node:net';
import { checkServerIdentity, connect as connectTLS, createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { Deadlines } from './deadlines.ts';
import { UpstreamError } from './errors.ts';
import type { UpstreamErrorCode } from './errors.ts';
import type { ResponseSink, UpstreamExchange, UpstreamRequest } from './exchange.ts';
import { throwOutside } from './internal-error.ts';
import { FlushQueue } from './message-writer.ts';
import { UpstreamConnection } from './upstream-connection.ts';
import type { UpstreamShared } from './upstream-connection.ts';
import { PooledExchange } from './upstream-exchange.ts';

export interface UpstreamTLS {
  /** PEM; default: the system's roots. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[];
  /** The name that is sent by SNI and must be in the certificate; default: the host of the URL. */
  readonly servername?: string;
  /** A client certificate with its key, PEM. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Made by `makeSecureContext` and shared by pools, in place of `ca`, `cert` and `key`: it costs 0.6 ms and 25 KB. */
  readonly secureContext?: SecureContext;
}

/** How the host of a URL becomes addresses; all of them are tried. */
export interface NameLookup {
  readonly lookup: LookupFunction;
  /** How many addresses are known of a name, at least 1. */
  addressCount(name: string): number;
  /** No connection could be made to this address of a name. */
  unreachable(name: string, address: string): void;
}

export interface UpstreamPoolOptions {
  readonly deadlines: Deadlines;
  /** Shared by the pools of a process (`makeReadBuffer`); default: one of its own. */
  readonly readBuffer?: Buffer;
  /** `https://host[:port]`, or `http://host[:port]` where the network is trusted (loopback); no path. */
  readonly url: string;
  readonly tls?: UpstreamTLS;
  /** Default: getaddrinfo, which occupies one of few threads for as long as it takes. */
  readonly names?: NameLookup;
  /** TCP and TLS together, in ms; default 5,000. */
  readonly connectTimeoutMs?: number;
  /** Default 30,000: IIS closes at 120,000. */
  readonly idleMs?: number;
  /** While the request is sent or the answer flows: the longest silence, in ms; default 60,000. */
  readonly inactivityMs?: number;
  /** Beyond it requests fail with PoolExhausted; default: no bound. */
  readonly maxConnections?: number;
  /** A connection less carries a request. Called while its last event is still being handled. */
  readonly onRoom?: () => void;
  /** An exception in a sink or in here: it ends the exchange. Default: thrown again outside of it. */
  readonly onInternalError?: (error: unknown) => void;
}

/** Time for one address before the next is tried, if it is not the last; Node's 250 ms are short for a distant server. */
const ADDRESS_ATTEMPT_MS = 2000;
const MIN_ADDRESS_ATTEMPT_MS = 250;

/** What a socket is read into at once: as much as blocks a phone's socket (see message-writer.ts). */
const READ_BUFFER_BYTES = 65_536;

/**
 * The buffer that all servers' sockets are read into, one after the other. A fresh one for each read, as Node makes it, costs
 * a whole garbage collection every 30 MB: a third of the CPU time of large answers.
 */
export function makeReadBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
}

/** All settings are fixed: at a change make a new pool and `close()` the old one. */
export class UpstreamPool {
  /** Value for Host: the URL's host, with its port unless that is the default. */
  readonly authority: string;
  readonly host: string;
  readonly port: number;
  private readonly secureContext: SecureContext | undefined;
  private readonly servername: string;
  private readonly names: NameLookup | undefined;
  private readonly maxConnections: number;
  private readonly onRoom: (() => void) | undefined;
  private readonly shared: UpstreamShared;
  private readonly idleConnections: UpstreamConnection[] = [];
  /** Connections, idle ones included. */
  private total = 0;
  /** The last TLS session: resumed handshakes cost both sides less. */
  private session: Buffer | undefined;
  private closed = false;

  /** Throws if the URL or the TLS material is unusable. */
  constructor(options: UpstreamPoolOptions) {
    const { isSecure, authority, host, port } = parseServerUrl(options.url);
    this.authority = authority;
    this.host = host;
    this.port = port;
    this.servername = options.tls?.servername ?? host;
    this.secureContext = isSecure
      ? (options.tls?.secureContext ?? makeSecureContext(options.tls ?? {}))
      : undefined;
    this.names = options.names;
    this.maxConnections = options.maxConnections ?? Infinity;
    this.onRoom = options.onRoom;
    this.shared = {
      deadlines: options.deadlines,
      flushQueue: new FlushQueue(),
      readBuffer: options.readBuffer ?? makeReadBuffer(),
      connectTimeoutMs: options.connectTimeoutMs ?? 5000,
      idleMs: options.idleMs ?? 30_000,
      inactivityMs: options.inactivityMs ?? 60_000,
      readyEvent: isSecure ? 'secureConnect' : 'connect',
      onReusable: (connection) => this.release(connection),
      onClose: (connection) => this.forget(connection),
      onInternalError: options.onInternalError ?? throwOutside,
    };
  }

  /** Connections that carry a request. */
  get active(): number {
    return this.total - this.idleConnections.length;
  }

  get idle(): number {
    return this.idleConnections.length;
  }

  /**
   * Sends a request on an idle connection, or on a new one. The sink is called from the next turn on; failures are its
   * `onError`. Throws a TypeError only for a head that cannot be written (method, target or host with forbidden bytes).
   */
  send(request: UpstreamRequest, sink: ResponseSink): UpstreamExchange {
    const exchange = new PooledExchange(request, sink);
    const connection = this.closed ? undefined : (this.idleConnections.pop() ?? this.open());
    if (connection !== undefined) exchange.begin(connection);
    else refuse(exchange, this.closed ? 'PoolClosed' : 'PoolExhausted');
    return exchange;
  }

  /** Ends idle connections now, the others after their answer. */
  close(): void {
    this.closed = true;
    while (this.idleConnections.length > 0) this.idleConnections.pop()?.destroy();
  }

  private open(): UpstreamConnection | undefined {
    if (this.total >= this.maxConnections) return undefined;
    const connection = new UpstreamConnection(this.shared, (onread) => this.connect(onread));
    this.total++;
    return connection;
  }

  private connect(onread: OnReadOpts): Socket {
    const { names, host } = this;
    const address = {
      onread,
      host,
      port: this.port,
      ...(names !== undefined && { lookup: names.lookup }),
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: this.attemptMs(),
    };
    const socket = this.secureContext === undefined ? connect(address) : this.connectTLS(address);
    if (names === undefined) return socket;
    const onUnreachable = (ip: string): void => names.unreachable(host, ip);
    socket.on('connectionAttemptFailed', onUnreachable);
    socket.on('connectionAttemptTimeout', onUnreachable);
    return socket;
  }

  /** Short enough that each known address has its turn before the connection is given up. */
  private attemptMs(): number {
    const share = this.shared.connectTimeoutMs / ((this.names?.addressCount(this.host) ?? 1) + 1);
    return Math.round(Math.max(Math.min(share, ADDRESS_ATTEMPT_MS), MIN_ADDRESS_ATTEMPT_MS));
  }

  private connectTLS(address: TcpSocketConnectOpts): Socket {
    const socket = connectTLS({
      ...address,
      secureContext: this.secureContext,
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
      servername: isIP(this.servername) ? '' : this.servername,
      checkServerIdentity: (_host, certificate) => checkServerIdentity(this.servername, certificate),
      ...(this.session && { session: this.session }),
    });
    socket.on('session', (session) => {
      this.session = session;
    });
    return socket;
  }

  private release(connection: UpstreamConnection): void {
    if (this.closed) connection.destroy();
    else this.idleConnections.push(connection);
    this.onRoom?.();
  }

  private forget(connection: UpstreamConnection): void {
    this.total--;
    const index = this.idleConnections.indexOf(connection);
    if (index >= 0) this.idleConnections.splice(index, 1);
    this.onRoom?.();
  }
}

function parseServerUrl(text: string): { isSecure: boolean; authority: string; host: string; port: number } {
  const url = new URL(text);
  const isOrigin = url.href === `${url.origin}/`;
  if (!isOrigin || !/^https?:$/.test(url.protocol)) {
    throw new TypeError('the URL of a server must be https://host[:port]');
  }
  const isSecure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { isSecure, authority: url.host, host, port: Number(url.port) || (isSecure ? 443 : 80) };
}

function refuse(exchange: PooledExchange, code: UpstreamErrorCode): void {
  process.nextTick(() => exchange.onError(new UpstreamError(code, 'neverConnected', false)));
}

/** Throws if the TLS material is unusable. */
export function makeSecureContext(tls: Omit<UpstreamTLS, 'secureContext'>): SecureContext {
  const { ca, cert, key } = tls;
  return createSecureContext({
    ...(ca && { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] }),
    ...(cert && { cert }),
    ...(key && { key }),
    minVersion: 'TLSv1.2',
  });
}
