// One connection from accept until its turn comes: its ClientHello is read and put back for TLS.
import type { Socket } from 'node:net';
import { type ClientHello, readClientHello } from './client-hello.ts';

const HELLO_TIMEOUT_MS = 15_000;

/** What an arrival calls: exactly one of the first two, then `onGone` if the phone leaves before `taken`. */
export interface ArrivalEvents {
  onHello(arrival: Arrival, hello: Exclude<ClientHello, { kind: 'incomplete' }>): void;
  /** The ClientHello did not come in time; the connection is being closed. */
  onTimeout(arrival: Arrival): void;
  onGone(arrival: Arrival): void;
}

export class Arrival {
  readonly socket: Socket;
  private readonly events: ArrivalEvents;
  private timer: NodeJS.Timeout | undefined;
  private bytes: Buffer | undefined;

  constructor(socket: Socket, events: ArrivalEvents) {
    this.socket = socket;
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
    const { socket } = this;
    this.bytes = this.bytes === undefined ? piece : Buffer.concat([this.bytes, piece]);
    const hello = readClientHello(this.bytes);
    if (hello.kind === 'incomplete') return;
    clearTimeout(this.timer);
    socket.off('data', this.onData);
    socket.pause();
    socket.unshift(this.bytes);
    this.bytes = undefined;
    this.events.onHello(this, hello);
  };

  private readonly onTimeout = (): void => {
    this.events.onTimeout(this);
    this.socket.destroy();
  };

  private readonly onClose = (): void => {
    clearTimeout(this.timer);
    this.events.onGone(this);
  };
}
