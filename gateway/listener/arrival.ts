// One connection from accept until its turn comes: a proxy's header is read and taken off, the ClientHello read and put back for TLS.
import type { Socket } from 'node:net';
import { type ClientHello, readClientHello } from './client-hello.ts';
import { readProxyHeader } from './proxy-header.ts';

const HELLO_TIMEOUT_MS = 15_000;

/** What an arrival calls: exactly one of the first three, then `onGone` if the phone leaves before `taken`. */
export interface ArrivalEvents {
  onHello(arrival: Arrival, hello: Exclude<ClientHello, { kind: 'incomplete' }>): void;
  /** It does not begin with a PROXY protocol header, and must; the connection is being closed. */
  onBadProxyHeader(arrival: Arrival): void;
  /** The header or the ClientHello did not come in time; the connection is being closed. */
  onTimeout(arrival: Arrival): void;
  onGone(arrival: Arrival): void;
}

export interface ArrivalOptions {
  /** Address of the peer; of the phone, unless a proxy is between. */
  readonly peer: string;
  /** The peer speaks the PROXY protocol. */
  readonly isProxied: boolean;
}

export class Arrival {
  readonly socket: Socket;
  readonly peer: string;
  /** Address of the phone: what the proxy said, where it said something. */
  client: string;
  private readonly events: ArrivalEvents;
  readonly isProxied: boolean;
  private awaitsProxyHeader: boolean;
  private timer: NodeJS.Timeout | undefined;
  private bytes: Buffer | undefined;

  constructor(socket: Socket, { peer, isProxied }: ArrivalOptions, events: ArrivalEvents) {
    this.socket = socket;
    this.peer = peer;
    this.client = peer;
    this.isProxied = isProxied;
    this.awaitsProxyHeader = isProxied;
    this.events = events;
  }

  /** Begins to read. */
  start(): void {
    this.timer = setTimeout(this.onTimeout, HELLO_TIMEOUT_MS);
    this.socket.on('close', this.onClose);
    this.socket.on('data', this.onData);
  }

  /** TLS takes the connection over. */
  taken(): Socket {
    this.socket.off('close', this.onClose);
    return this.socket;
  }

  /** Says a last word in the clear and closes. */
  refuse(alert: Buffer): void {
    this.socket.end(alert, () => this.socket.destroy());
  }

  private readonly onData = (piece: Buffer): void => {
    const bytes = this.bytes === undefined ? piece : Buffer.concat([this.bytes, piece]);
    const rest = this.awaitsProxyHeader ? this.withoutProxyHeader(bytes) : bytes;
    this.bytes = rest ?? bytes;
    if (rest !== undefined) this.readHello(rest);
  };

  /** What follows the header; undefined while it is not whole, and when it is none. */
  private withoutProxyHeader(bytes: Buffer): Buffer | undefined {
    const header = readProxyHeader(bytes);
    if (header.kind === 'incomplete') return undefined;
    if (header.kind === 'malformed') {
      this.stopReading();
      this.events.onBadProxyHeader(this);
      this.socket.destroy();
      return undefined;
    }
    this.awaitsProxyHeader = false;
    this.client = header.client ?? this.peer;
    return bytes.subarray(header.length);
  }

  private readHello(bytes: Buffer): void {
    const hello = readClientHello(bytes);
    if (hello.kind === 'incomplete') return;
    this.stopReading();
    this.socket.pause();
    this.socket.unshift(bytes);
    this.bytes = undefined;
    this.events.onHello(this, hello);
  }

  private stopReading(): void {
    clearTimeout(this.timer);
    this.socket.off('data', this.onData);
  }

  private readonly onTimeout = (): void => {
    this.events.onTimeout(this);
    this.socket.destroy();
  };

  private readonly onClose = (): void => {
    clearTimeout(this.timer);
    this.events.onGone(this);
  };
}
