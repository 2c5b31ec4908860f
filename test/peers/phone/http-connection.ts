// One TLS connection of a phone: requests one after the other, and exact knowledge of how each of them ended.
import { once } from 'node:events';
import { isIP } from 'node:net';
import { connect, type ConnectionOptions, type SecureContext, type TLSSocket } from 'node:tls';
import { answerReader, valuesOf, WrongAnswer, type AnswerHead, type AnswerReader } from './http-answer.ts';

/** Where the connection was lost. */
export type LossStage = 'connect' | 'request' | 'answer';

/** The connection ended, or never came about, without a whole answer. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly stage: LossStage;
  /** E.g. ECONNREFUSED, ECONNRESET, ERR_TLS_CERT_ALTNAME_INVALID, or EOF for an orderly end in the wrong place. */
  readonly code: string;
  /** Whether the connection had served a request before this one. */
  readonly reused: boolean;

  constructor(stage: LossStage, code: string, options: { reused?: boolean; cause?: unknown } = {}) {
    super(`connection lost (${stage}): ${code}`, { cause: options.cause });
    this.stage = stage;
    this.code = code;
    this.reused = options.reused ?? false;
  }
}

/** Where and how to connect. */
export interface Endpoint {
  /** Name or address that is connected to. */
  readonly host: string;
  readonly port: number;
  /** SNI, and the name that the certificate must have. */
  readonly serverName: string;
  /** Trusted authorities and, for device certificates, the phone's own; shared by all phones of a process. */
  readonly secureContext: SecureContext;
  readonly tls?: Pick<ConnectionOptions, 'ecdhCurve' | 'minVersion' | 'maxVersion' | 'session'>;
  /** Address of this machine to connect from. */
  readonly localAddress?: string;
}

export interface HttpRequest {
  readonly method: string;
  readonly target: string;
  /** Names and values in order; Host and the framing are added unless `isWhole`. */
  readonly headers: readonly (readonly [string, string])[];
  /** The lines hold Host and the framing already. */
  readonly isWhole?: boolean;
  /** Bytes are sent with Content-Length, pieces in chunks, or with Content-Length where `contentLength` says it. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  readonly contentLength?: number;
  /** Send the body only once the server said 100. */
  readonly expectContinue?: boolean;
  /** Takes the body piece by piece instead of collecting it; while a promise is pending nothing is read. */
  readonly onBody?: ((piece: Buffer) => void | Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer extends AnswerHead {
  /** Empty where `onBody` took it. */
  readonly body: Buffer;
  /** From the start of sending to the first byte and to the end of the answer. */
  readonly firstByteMilliseconds: number;
  readonly totalMilliseconds: number;
  /** The first value of a header. */
  header(name: string): string | undefined;
}

export class HttpConnection {
  readonly #socket: TLSSocket;
  readonly #authority: string;
  #served = 0;
  #exchange: Exchange | undefined;
  #closed = false;

  private constructor(socket: TLSSocket, authority: string) {
    this.#socket = socket;
    this.#authority = authority;
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('end', () => this.#onEnd('EOF'));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#onEnd(error.code ?? error.message, error));
    socket.on('close', () => this.#onEnd('CLOSED'));
  }

  /**
   * Connects and shakes hands.
   *
   * @throws {ConnectionLost} with stage `connect`
   */
  static async open(endpoint: Endpoint, signal?: AbortSignal): Promise<HttpConnection> {
    const { host, port, serverName, secureContext, tls, localAddress } = endpoint;
    const socket = connect({
      ...tls,
      host,
      port,
      secureContext,
      ...(localAddress && { localAddress }),
      ...(isIP(serverName) ? {} : { servername: serverName }),
      ALPNProtocols: ['http/1.1'],
    });
    socket.setNoDelay(true);
    try {
      await once(socket, 'secureConnect', signal && { signal });
    } catch (error) {
      socket.on('error', () => undefined);
      socket.destroy();
      if (signal?.aborted) throw signal.reason;
      throw new ConnectionLost('connect', (error as NodeJS.ErrnoException).code ?? String(error), {
        cause: error,
      });
    }
    return new HttpConnection(socket, port === 443 ? serverName : `${serverName}:${port}`);
  }

  /** Whether another request may be sent. */
  get usable(): boolean {
    return !this.#closed && this.#exchange === undefined;
  }

  /** Whether it has ended, from either side. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Our port; undefined once it has ended. */
  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  /** SHA-256 fingerprint of the server's certificate. */
  get fingerprint(): string {
    return this.#socket.getPeerCertificate().fingerprint256;
  }

  get sessionReused(): boolean {
    return this.#socket.isSessionReused();
  }

  /**
   * Sends a request and reads its whole answer.
   *
   * @throws {ConnectionLost} when the connection ends first
   * @throws {WrongAnswer} when what comes is no HTTP/1.1 answer
   */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    if (!this.usable) throw new ConnectionLost('request', 'CLOSED', { reused: true });
    const exchange = new Exchange(this.#socket, request, this.#served > 0);
    this.#exchange = exchange;
    const abort = (): void => {
      exchange.fail(request.signal?.reason as Error);
      this.close();
    };
    request.signal?.addEventListener('abort', abort);
    try {
      if (request.signal?.aborted) abort();
      else exchange.start(this.#authority);
      const answer = await exchange.answer;
      this.#served += 1;
      if (exchange.closes) this.close();
      return answer;
    } catch (error) {
      this.close();
      throw error;
    } finally {
      request.signal?.removeEventListener('abort', abort);
      this.#exchange = undefined;
    }
  }

  /** Ends the connection at once; a request under way fails. */
  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #onData(bytes: Buffer): void {
    if (this.#exchange) this.#exchange.push(bytes);
    else this.close();
  }

  #onEnd(code: string, cause?: unknown): void {
    if (this.#closed && !this.#exchange) return;
    this.#closed = true;
    this.#exchange?.end(code, cause);
    this.#socket.destroy();
  }
}

/** One request and its answer on a connection. */
class Exchange {
  readonly answer: Promise<HttpAnswer>;
  readonly #socket: TLSSocket;
  readonly #request: HttpRequest;
  readonly #reused: boolean;
  readonly #reader: AnswerReader;
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #started = performance.now();
  readonly #pieces: Buffer[] = [];
  #continue: (() => void) | undefined;
  #firstByte = 0;
  #sent = false;
  #settled = false;
  #held = 0;
  #taking: Promise<void> | undefined;

  constructor(socket: TLSSocket, request: HttpRequest, reused: boolean) {
    this.#socket = socket;
    this.#request = request;
    this.#reused = reused;
    ({
      promise: this.answer,
      resolve: this.#resolve,
      reject: this.#reject,
    } = Promise.withResolvers<HttpAnswer>());
    this.#reader = answerReader({
      method: request.method,
      onBody: (piece) => this.#takeBody(piece),
      onContinue: () => this.#continue?.(),
    });
  }

  get closes(): boolean {
    return this.#reader.closes || !this.#sent;
  }

  start(authority: string): void {
    this.#send(authority).catch((error: unknown) => this.fail(error));
  }

  push(bytes: Buffer): void {
    if (this.#firstByte === 0) this.#firstByte = performance.now();
    try {
      if (this.#reader.push(bytes)) this.#complete();
    } catch (error) {
      this.fail(error);
    }
  }

  end(code: string, cause: unknown): void {
    if (this.#reader.end()) this.#complete();
    else {
      const stage = this.#firstByte > 0 ? 'answer' : this.#sent ? 'answer' : 'request';
      this.fail(new ConnectionLost(stage, code, { reused: this.#reused, cause }));
    }
  }

  fail(error: unknown): void {
    this.#settled = true;
    this.#reject(error);
  }

  async #send(authority: string): Promise<void> {
    const { body, contentLength, expectContinue } = this.#request;
    const head = this.#head(authority);
    if (expectContinue) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#continue = resolve;
      this.#socket.write(head);
      await Promise.race([promise, this.answer]);
      if (this.#settled) return;
    }
    const start = expectContinue ? Buffer.alloc(0) : head;
    if (!body) this.#socket.write(start);
    else if (body instanceof Uint8Array) this.#socket.write(Buffer.concat([start, body]));
    else await this.#sendPieces(start, body, contentLength === undefined);
    this.#sent = true;
  }

  #head(authority: string): Buffer {
    const { method, target, headers, body, contentLength, expectContinue, isWhole } = this.#request;
    const lines = [`${method} ${target} HTTP/1.1`];
    if (!isWhole) lines.push(`Host: ${authority}`);
    for (const [name, value] of headers) lines.push(`${name}: ${value}`);
    if (isWhole) return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    const length = body instanceof Uint8Array ? body.length : contentLength;
    if (length !== undefined) lines.push(`Content-Length: ${length}`);
    else if (body) lines.push('Transfer-Encoding: chunked');
    else if (method === 'POST') lines.push('Content-Length: 0');
    if (expectContinue) lines.push('Expect: 100-continue');
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  }

  async #sendPieces(start: Buffer, body: AsyncIterable<Uint8Array>, chunked: boolean): Promise<void> {
    if (start.length > 0) this.#socket.write(start);
    for await (const piece of body) {
      if (this.#settled || this.#socket.destroyed) return;
      const bytes = chunked
        ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
        : piece;
      if (!this.#socket.write(bytes)) await Promise.race([once(this.#socket, 'drain'), this.answer]);
    }
    if (chunked && !this.#settled) this.#socket.write('0\r\n\r\n');
  }

  #takeBody(piece: Buffer): void {
    const { onBody } = this.#request;
    if (!onBody) {
      this.#pieces.push(piece);
      return;
    }
    const before = this.#taking;
    const taken = before ? before.then(() => onBody(piece)) : onBody(piece);
    if (!taken) return;
    this.#held += 1;
    this.#socket.pause();
    this.#taking = this.#release(taken);
  }

  async #release(taken: Promise<void>): Promise<void> {
    try {
      await taken;
    } catch (error) {
      this.fail(error);
    }
    this.#held -= 1;
    if (this.#held > 0) return;
    this.#taking = undefined;
    this.#socket.resume();
  }

  #complete(): void {
    if (this.#settled) return;
    this.#settled = true;
    const head = this.#reader.head;
    if (!head) {
      this.#reject(new WrongAnswer('no head'));
      return;
    }
    const answer: HttpAnswer = {
      ...head,
      body: Buffer.concat(this.#pieces),
      firstByteMilliseconds: this.#firstByte - this.#started,
      totalMilliseconds: performance.now() - this.#started,
      header: (name) => valuesOf(head, name.toLowerCase())[0],
    };
    if (this.#taking) void this.#taking.then(() => this.#resolve(answer));
    else this.#resolve(answer);
  }
}
