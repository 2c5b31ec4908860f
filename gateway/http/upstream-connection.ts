// One connection to a server: carries one exchange at a time, and knows exactly how far each got.
import type { OnReadOpts, Socket } from 'node:net';
import { abortSocket } from './abort-socket.ts';
import type { Deadlined, Deadlines } from './deadlines.ts';
import { ResponseError, UpstreamError } from './errors.ts';
import type { UpstreamErrorCode } from './errors.ts';
import type { ResponseHead } from './exchange.ts';
import { MessageWriter } from './message-writer.ts';
import type { FlushQueue } from './message-writer.ts';
import { ResponseParser } from './response-parser.ts';
import type { ResponseEvents } from './response-parser.ts';
import type { PooledExchange } from './upstream-exchange.ts';

/** What all connections of a pool share. Times in ms. */
export interface UpstreamShared {
  readonly deadlines: Deadlines;
  readonly flushQueue: FlushQueue;
  /** What is read stays in here only until its sink has returned. */
  readonly readBuffer: Buffer;
  readonly connectTimeoutMs: number;
  readonly idleMs: number;
  readonly inactivityMs: number;
  /** The event after which the socket can be used. */
  readonly readyEvent: 'connect' | 'secureConnect';
  /** The answer is complete and the connection may carry another request. */
  onReusable(connection: UpstreamConnection): void;
  /** The connection is gone or about to go: never to be used again. */
  onClose(connection: UpstreamConnection): void;
  onInternalError(error: unknown): void;
}

const KEEP_ALIVE_PROBES = { enable: true, initialDelay: 60_000, interval: 15_000, count: 4 };

/** Code of the cause of a `ConnectTimeout` where only TLS did not come up. */
export const TLS_HANDSHAKE_TIMEOUT = 'TLS_HANDSHAKE_TIMEOUT';
const NO_HANDSHAKE = { code: TLS_HANDSHAKE_TIMEOUT };

/** States: connecting → (exchange ⇄ idle) → closed. */
export class UpstreamConnection implements ResponseEvents, Deadlined {
  deadline: number;
  readonly writer: MessageWriter;
  private readonly shared: UpstreamShared;
  private readonly socket: Socket;
  private readonly parser: ResponseParser;
  private state: 'connecting' | 'ready' | 'closed' = 'connecting';
  private exchange: PooledExchange | undefined;
  private exchanges = 0;
  private handedBefore = 0;
  private uploadBlocked = false;
  /** What the kernel had taken when the deadline of a blocked upload was set. */
  private windowDelivered = 0;

  /** `connect` makes the socket; it reads into `shared.readBuffer`. */
  constructor(shared: UpstreamShared, connect: (onread: OnReadOpts) => Socket) {
    this.shared = shared;
    const onBytes = this.guard(this.onBytes);
    const callback = (length: number): boolean => {
      onBytes(length);
      return true;
    };
    const socket = connect({ buffer: shared.readBuffer, callback });
    this.socket = socket;
    this.writer = new MessageWriter(socket, shared.flushQueue, { open: false, lent: false });
    this.parser = new ResponseParser(this);
    this.deadline = this.after(shared.connectTimeoutMs);
    shared.deadlines.add(this);
    this.listen();
  }

  /** Bytes of the present request that the kernel accepted or may have accepted. */
  get bytesSent(): number {
    return this.writer.bytesHanded - this.handedBefore;
  }

  get isConnecting(): boolean {
    return this.state === 'connecting';
  }

  /** Gives the connection, new or idle, to an exchange. */
  carry(exchange: PooledExchange): void {
    this.exchange = exchange;
    this.exchanges++;
    this.handedBefore = this.writer.bytesHanded;
    this.uploadBlocked = false;
    if (this.state === 'ready') this.deadline = Infinity;
    this.parser.begin(exchange.method);
    this.writer.begin(exchange.head, exchange.body);
  }

  // ——— what the exchange asks for ———

  /** False: wait for the sink's `onDrain`. */
  write(bytes: Buffer): boolean {
    if (!this.writer.write(bytes)) throw new RangeError('more body than the request declared');
    const { isBlocked } = this.writer;
    if (isBlocked && !this.uploadBlocked) {
      this.uploadBlocked = true;
      if (this.state === 'ready') this.beginUploadWindow();
    }
    return !isBlocked;
  }

  end(): void {
    if (!this.writer.end()) throw new RangeError('less body than the request declared');
    if (this.state === 'ready') this.awaitAnswer();
  }

  pause(): void {
    if (this.exchange?.hasHead === true) this.deadline = Infinity;
    this.socket.pause();
  }

  resume(): void {
    if (!this.socket.isPaused()) return;
    if (this.exchange?.hasHead === true) this.deadline = this.after(this.shared.inactivityMs);
    this.socket.resume();
  }

  /** Ends the connection; its exchange hears nothing more. */
  destroy(): void {
    if (this.close()) this.socket.destroy();
  }

  /** As `destroy`; and of what the kernel still holds of the request nothing goes out. */
  reset(): void {
    if (this.close()) abortSocket(this.socket);
  }

  /** False where it was closed before. */
  private close(): boolean {
    if (this.state === 'closed') return false;
    this.state = 'closed';
    this.exchange = undefined;
    this.shared.deadlines.remove(this);
    this.shared.onClose(this);
    return true;
  }

  // ——— events of the parser ———

  onHead(head: ResponseHead): void {
    this.exchange?.onHead(head);
  }

  onData(bytes: Buffer): void {
    this.exchange?.onData(bytes);
  }

  onEnd(): void {
    const { exchange, socket } = this;
    if (exchange === undefined) return;
    const isReusable =
      this.parser.keepAlive && exchange.isSent && this.writer.bytesQueued === 0 && !socket.readableEnded;
    if (isReusable) {
      this.exchange = undefined;
      this.deadline = this.after(this.shared.idleMs);
      if (socket.isPaused()) socket.resume();
      this.shared.onReusable(this);
    } else {
      this.destroy();
    }
    exchange.onEnd();
  }

  onError(error: ResponseError): void {
    if (this.exchange === undefined) this.destroy();
    else if (error.code === 'Truncated') this.fail('ConnectionLost', error);
    else this.fail('BadResponse', error);
  }

  // ——— events of the socket and the clock ———

  onDeadline(now: number): void {
    this.guard(this.judgeDeadline)(now);
  }

  private judgeDeadline(now: number): void {
    const { exchange } = this;
    if (exchange === undefined) this.destroy();
    else if (this.state === 'connecting')
      this.fail('ConnectTimeout', this.socket.connecting ? undefined : NO_HANDSHAKE);
    else if (exchange.hasHead) this.fail('InactivityTimeout');
    else if (!this.uploadBlocked) this.fail('FirstByteTimeout');
    else if (this.writer.bytesDelivered > this.windowDelivered) this.beginUploadWindow(now);
    else this.fail('InactivityTimeout');
  }

  private listen(): void {
    const { socket } = this;
    socket.setNoDelay(true);
    socket.setKeepAlive(KEEP_ALIVE_PROBES);
    const guard = this.guard.bind(this);
    socket.once(this.shared.readyEvent, guard(this.onReady));
    socket.on('drain', guard(this.onSocketDrain));
    socket.on('end', guard(this.onSocketEnd));
    socket.on('error', guard(this.onSocketError));
    socket.on('close', guard(this.onSocketEnd));
  }

  /** A mistake of ours costs this exchange, not the others. */
  private guard<T>(listener: (argument: T) => void): (argument: T) => void {
    return (argument) => {
      try {
        listener.call(this, argument);
      } catch (error) {
        this.shared.onInternalError(error);
        this.fail('ConnectionLost', error);
      }
    };
  }

  private onReady(): void {
    if (this.state === 'closed') return;
    this.state = 'ready';
    this.deadline = Infinity;
    this.writer.opened();
    if (this.exchange?.isSent === true) this.awaitAnswer();
    if (this.uploadBlocked) this.onSocketDrain();
  }

  private onBytes(length: number): void {
    const { exchange } = this;
    if (exchange === undefined) this.destroy();
    else if (this.bytesSent === 0) this.fail('BadResponse', new ResponseError('Unsolicited'));
    else {
      this.parser.push(this.shared.readBuffer.subarray(0, length));
      const flows = this.exchange === exchange && exchange.hasHead && !this.socket.isPaused();
      if (flows) this.deadline = this.after(this.shared.inactivityMs);
    }
  }

  private onSocketDrain(): void {
    if (!this.uploadBlocked || this.exchange === undefined) return;
    this.uploadBlocked = false;
    if (!this.exchange.isSent) this.deadline = Infinity;
    this.exchange.onDrain();
  }

  private onSocketEnd(): void {
    if (this.state === 'closed') return;
    if (this.exchange === undefined) this.destroy();
    else if (this.parser.begun) this.parser.close();
    else this.fail(this.state === 'connecting' ? 'ConnectFailed' : 'ConnectionLost');
  }

  private onSocketError(error: NodeJS.ErrnoException): void {
    if (this.state === 'closed') return;
    if (this.exchange === undefined) {
      this.destroy();
      return;
    }
    if (this.state === 'ready') this.fail('ConnectionLost', error);
    else this.fail(isCertificateError(error) ? 'CertificateRefused' : 'ConnectFailed', error);
  }

  private fail(code: UpstreamErrorCode, cause?: unknown): void {
    const { exchange } = this;
    const notConnected = this.state === 'connecting';
    const sent = notConnected ? 'neverConnected' : this.bytesSent > 0 ? 'sent' : 'nothingSent';
    if (code === 'FirstByteTimeout' || code === 'InactivityTimeout') this.reset();
    else this.destroy();
    exchange?.onError(new UpstreamError(code, sent, this.exchanges > 1, cause));
  }

  private awaitAnswer(): void {
    const { exchange } = this;
    if (exchange === undefined || exchange.hasHead) return;
    this.deadline = this.after(exchange.firstByteTimeoutMs);
  }

  private beginUploadWindow(now = this.shared.deadlines.clock.now()): void {
    this.windowDelivered = this.writer.bytesDelivered;
    this.deadline = now + this.shared.inactivityMs;
  }

  private after(ms: number): number {
    return this.shared.deadlines.clock.now() + ms;
  }
}

function isCertificateError(error: NodeJS.ErrnoException): boolean {
  const code = error.code ?? '';
  return (
    code === 'ERR_TLS_CERT_ALTNAME_INVALID' ||
    /CERT|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE/.test(code)
  );
}
