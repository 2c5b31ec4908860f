// One connection from accept until it is secure: its ClientHello is read, it waits for its turn, TLS takes over.
import type { Socket } from 'node:net';
import type { Server as TlsServer } from 'node:tls';
import { readClientHello } from './client-hello.ts';
import type { HandshakeQueue } from './handshake-queue.ts';

const HELLO_TIMEOUT_MS = 15_000;

/** Exactly one is called, unless the phone goes away before. */
export interface HelloEvents {
  onHello(serverName: string | null): void;
  onMalformed(): void;
  /** The ClientHello did not come in time; the connection is closed. */
  onTimeout(): void;
}

export class Arrival {
  /** Called once: the connection is secure or gone. */
  onLeft: () => void = () => undefined;
  private readonly socket: Socket;
  private readonly queue: HandshakeQueue;
  private helloTimer: NodeJS.Timeout | undefined;
  private begun = false;
  private left = false;

  constructor(socket: Socket, queue: HandshakeQueue) {
    this.socket = socket;
    this.queue = queue;
    socket.once('close', () => this.leave());
  }

  /** Reads until the ClientHello is whole, and puts its bytes back. */
  readHello(events: HelloEvents): void {
    const { socket } = this;
    let bytes: Buffer = Buffer.alloc(0);
    const onReadable = (): void => {
      for (let piece = readPiece(socket); piece !== null; piece = readPiece(socket)) {
        bytes = bytes.length === 0 ? piece : Buffer.concat([bytes, piece]);
      }
      const hello = readClientHello(bytes);
      if (hello.kind === 'incomplete') return;
      socket.off('readable', onReadable);
      clearTimeout(this.helloTimer);
      socket.unshift(bytes);
      if (hello.kind === 'hello') events.onHello(hello.serverName);
      else events.onMalformed();
    };
    this.helloTimer = setTimeout(() => {
      events.onTimeout();
      socket.destroy();
    }, HELLO_TIMEOUT_MS);
    socket.on('readable', onReadable);
  }

  /** Hands the connection to TLS when its turn comes. */
  queueFor(server: TlsServer): void {
    this.queue.add(() => {
      if (this.socket.destroyed) return false;
      this.begun = true;
      return server.emit('connection', this.socket);
    });
  }

  /** Says a last word in the clear and closes. */
  refuse(alert: Buffer): void {
    this.socket.end(alert, () => this.socket.destroy());
  }

  /** The connection is secure or gone: its place is free. */
  leave(): void {
    if (this.left) return;
    this.left = true;
    clearTimeout(this.helloTimer);
    if (this.begun) this.queue.finished();
    this.onLeft();
  }
}

function readPiece(socket: Socket): Buffer | null {
  return socket.read() as Buffer | null;
}
