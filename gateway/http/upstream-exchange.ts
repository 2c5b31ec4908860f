// One request to an upstream: a thin handle that a connection carries, and that does nothing once it is over.
import type { Sent, UpstreamError } from './errors.ts';
import type {
  BodyLength,
  ResponseHead,
  ResponseSink,
  UpstreamExchange,
  UpstreamRequest,
} from './exchange.ts';
import { formatRequestHead } from './write-head.ts';

/** What carries an exchange: the connection, as far as the exchange knows it. */
interface Carrier {
  readonly isConnecting: boolean;
  readonly bytesSent: number;
  carry(exchange: PooledExchange): void;
  write(bytes: Buffer): boolean;
  end(): void;
  pause(): void;
  resume(): void;
  destroy(): void;
  reset(): void;
}

/** See {@link UpstreamExchange}. */
export class PooledExchange implements UpstreamExchange {
  readonly method: string;
  readonly head: string;
  readonly body: BodyLength;
  readonly firstByteTimeoutMs: number;
  /** The answer's head has come. */
  hasHead = false;
  /** The request was given whole. */
  isSent = false;
  private readonly sink: ResponseSink;
  private connection: Carrier | undefined;
  private finalSent: Sent = 'neverConnected';
  private finalBytesSent = 0;

  constructor(request: UpstreamRequest, sink: ResponseSink) {
    this.method = request.method;
    this.head = formatRequestHead(request);
    this.body = request.body;
    this.firstByteTimeoutMs = request.firstByteTimeoutMs;
    this.sink = sink;
  }

  get sent(): Sent {
    const { connection } = this;
    if (connection === undefined) return this.finalSent;
    if (connection.isConnecting) return 'neverConnected';
    return connection.bytesSent > 0 ? 'sent' : 'nothingSent';
  }

  get bytesSent(): number {
    return this.connection?.bytesSent ?? this.finalBytesSent;
  }

  write(bytes: Buffer): boolean {
    return this.connection === undefined || this.isSent || this.connection.write(bytes);
  }

  end(): void {
    if (this.connection === undefined || this.isSent) return;
    this.isSent = true;
    this.connection.end();
  }

  pause(): void {
    this.connection?.pause();
  }

  resume(): void {
    this.connection?.resume();
  }

  abort(): void {
    const { connection } = this;
    this.finish();
    connection?.destroy();
  }

  reset(): void {
    const { connection } = this;
    this.finish();
    connection?.reset();
  }

  // ——— for the pool and the connection ———

  begin(connection: Carrier): void {
    this.connection = connection;
    connection.carry(this);
  }

  onHead(head: ResponseHead): void {
    this.hasHead = true;
    this.sink.onHead(head);
  }

  onData(bytes: Buffer): void {
    this.sink.onData(bytes);
  }

  onDrain(): void {
    this.sink.onDrain();
  }

  onEnd(): void {
    this.finish();
    this.sink.onEnd();
  }

  onError(error: UpstreamError): void {
    this.finalSent = error.sent;
    this.connection = undefined;
    this.sink.onError(error);
  }

  private finish(): void {
    this.finalSent = this.sent;
    this.finalBytesSent = this.bytesSent;
    this.connection = undefined;
  }
}
