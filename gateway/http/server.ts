// The phones' side: turns connected sockets into requests for a handler.
import type { Socket } from 'node:net';
import type { Deadlines } from './deadlines.ts';
import type { RequestHandler } from './exchange.ts';
import { DEFAULT_HEAD_LIMITS } from './head-scanner.ts';
import { throwOutside } from './internal-error.ts';
import { FlushQueue } from './message-writer.ts';
import { peerAddress } from './peer-address.ts';
import { Roster } from './roster.ts';
import { ServerConnection } from './server-connection.ts';
import type { ServerShared } from './server-connection.ts';

export interface HttpServerOptions {
  readonly deadlines: Deadlines;
  /** Between two requests of a connection, in ms; default 120,000. */
  readonly keepAliveMs?: number;
  /** From the first byte of a head to its end (408), and from the connection to its first byte, in ms; default 20,000. */
  readonly headMs?: number;
  /** The window in which a body, or an answer to a slow phone, must move at the minimum rate, in ms; default 60,000. */
  readonly bodyIdleMs?: number;
  /** Default 100. */
  readonly minBytesPerSecond?: number;
  /** Size of a request head (431); default 65,536. */
  readonly maxHeadBytes?: number;
  /** For the Date header of answers of ours. */
  readonly now?: () => Date;
  /** An exception in the handler or in here: it ends the connection. Default: thrown again outside of it. */
  readonly onInternalError?: (error: unknown) => void;
}

/** HTTP/1.1 on sockets that others accept: this class knows nothing of ports and certificates. */
export class HttpServer<Context> {
  private readonly open = new Roster<ServerConnection<Context>>();
  private readonly shared: ServerShared<Context>;

  constructor(options: HttpServerOptions) {
    this.shared = {
      deadlines: options.deadlines,
      flushQueue: new FlushQueue(),
      limits: { ...DEFAULT_HEAD_LIMITS, ...(options.maxHeadBytes && { maxBytes: options.maxHeadBytes }) },
      headMs: options.headMs ?? 20_000,
      bodyIdleMs: options.bodyIdleMs ?? 60_000,
      minBytesPerSecond: options.minBytesPerSecond ?? 100,
      keepAliveMs: options.keepAliveMs ?? 120_000,
      draining: false,
      lettingGo: false,
      active: 0,
      now: options.now ?? (() => new Date()),
      onInternalError: options.onInternalError ?? throwOutside,
      open: this.open,
    };
  }

  /**
   * Takes over a connected socket with its TCP options set: plain, or TLS after its handshake. `context` is what its exchanges
   * show as their connection's, `remoteAddress` the phone's where that is not the peer.
   */
  accept(
    socket: Socket,
    handler: RequestHandler<Context>,
    context: Context,
    remoteAddress = peerAddress(socket),
  ): void {
    new ServerConnection(this.shared, socket, { handler, context, remoteAddress }).start();
  }

  /** Takes effect from the end of each connection's present request on. */
  configure(options: { readonly keepAliveMs: number }): void {
    this.shared.keepAliveMs = options.keepAliveMs;
  }

  /** From now on every answer says `Connection: close`. Idle connections stay for one more request. */
  drain(): void {
    this.shared.draining = true;
  }

  /** While true, every answer says `Connection: close`: phones that connect anew may be sent elsewhere. */
  letGo(lettingGo: boolean): void {
    this.shared.lettingGo = lettingGo;
  }

  get draining(): boolean {
    return this.shared.draining;
  }

  /** Open connections. */
  get connections(): number {
    return this.open.size;
  }

  /** Requests in flight. */
  get active(): number {
    return this.shared.active;
  }

  /** Ends the connections that are between two requests. */
  closeIdle(): void {
    for (const connection of this.open) if (connection.isIdle) connection.destroy();
  }

  /** Ends all connections at once. */
  destroy(): void {
    for (const connection of this.open) connection.destroy();
  }
}
