// One connection of a phone: reads request after request, lets one at a time be answered, and ends when it must.
import type { Socket } from 'node:net';
import type { Deadlined, Deadlines } from './deadlines.ts';
import { RequestError } from './errors.ts';
import type { RequestHandler, RequestHead, RequestSink } from './exchange.ts';
import type { HeadLimits } from './head-scanner.ts';
import { HeldBytes } from './held-bytes.ts';
import { MessageWriter } from './message-writer.ts';
import type { FlushQueue } from './message-writer.ts';
import { RequestParser } from './request-parser.ts';
import type { RequestEvents } from './request-parser.ts';
import type { Roster, Seat } from './roster.ts';
import { PhoneExchange, formatRefusal } from './server-exchange.ts';
import type { AnsweringConnection } from './server-exchange.ts';

/** What all connections of a server share. Times in ms. */
export interface ServerShared<Context> {
  readonly deadlines: Deadlines;
  readonly flushQueue: FlushQueue;
  readonly open: Roster<ServerConnection<Context>>;
  readonly limits: HeadLimits;
  readonly headMs: number;
  readonly bodyIdleMs: number;
  readonly minBytesPerSecond: number;
  keepAliveMs: number;
  draining: boolean;
  lettingGo: boolean;
  /** Requests in flight on all connections. */
  active: number;
  now(): Date;
  onInternalError(error: unknown): void;
}

/** Whose connection it is, and who answers its requests. */
export interface PhoneSide<Context> {
  readonly handler: RequestHandler<Context>;
  readonly context: Context;
  readonly remoteAddress: string;
}

/** How much of a body is read, and for how long, after its request was answered. */
const LINGER_BYTES = 1_048_576;
const LINGER_MS = 2000;
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/**
 * States: `head` (also between requests) → `exchange` → `head` …; from any of them → `lingering`, where the last answer
 * leaves and what still comes is discarded → `closed`.
 */
export class ServerConnection<Context> implements AnsweringConnection<Context>, RequestEvents, Deadlined {
  readonly context: Context;
  readonly remoteAddress: string;
  readonly writer: MessageWriter;
  bytesRead = 0;
  requests = 0;
  deadline: number;
  private readonly shared: ServerShared<Context>;
  private readonly socket: Socket;
  private readonly handler: RequestHandler<Context>;
  private readonly parser: RequestParser;
  private readonly held = new HeldBytes();
  private registration: Seat<ServerConnection<Context>> | undefined;
  private state: 'head' | 'exchange' | 'lingering' | 'closed' = 'head';
  private exchange: PhoneExchange<Context> | undefined;
  private sink: RequestSink | undefined;
  /** The bytes that the parser is working on. */
  private reading: Buffer | undefined;
  private paused = false;
  private headTimed = true;
  private continueOwed = false;
  private answerBlocked = false;
  private closeAfterAnswer = false;
  private lingered = 0;
  /** Counters at the beginning of the present window of the minimum rate. */
  private windowRead = 0;
  private windowDelivered = 0;

  constructor(
    shared: ServerShared<Context>,
    socket: Socket,
    { handler, context, remoteAddress }: PhoneSide<Context>,
  ) {
    this.shared = shared;
    this.socket = socket;
    this.handler = handler;
    this.context = context;
    this.remoteAddress = remoteAddress;
    this.writer = new MessageWriter(socket, shared.flushQueue, { open: true, lent: true });
    this.parser = new RequestParser(this, shared.limits);
    this.deadline = this.after(shared.headMs);
  }

  /** Begins to read. */
  start(): void {
    this.shared.deadlines.add(this);
    this.registration = this.shared.open.add(this);
    this.listen();
  }

  get bytesWritten(): number {
    return this.writer.bytesHanded;
  }

  get bodyBytes(): number {
    return this.parser.bodyBytes;
  }

  /** True between requests. */
  get isIdle(): boolean {
    return this.state === 'head' && this.parser.idle && this.held.isEmpty && this.writer.bytesQueued === 0;
  }

  destroy(): void {
    this.writer.flush();
    this.socket.destroy();
  }

  // ——— what the exchange asks for ———

  limitBody(maxBytes: number): void {
    this.parser.limitBody(maxBytes);
  }

  /** Bytes that come meanwhile are held; the socket stops when these are many, so a phone that leaves is still noticed. */
  pause(): void {
    this.paused = true;
    this.parser.stop();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.reading !== undefined) return;
    this.sayContinue();
    if (!this.parser.done) this.beginWindow();
    this.readHeld();
  }

  decideClose(): boolean {
    const isBodyAtHand = this.parser.bodyBytesLeft <= this.bytesAtHand();
    const { draining, lettingGo } = this.shared;
    this.closeAfterAnswer = draining || lettingGo || !this.parser.keepAlive || !isBodyAtHand;
    return this.closeAfterAnswer;
  }

  blocks(): boolean {
    if (!this.writer.isBlocked) return false;
    if (!this.answerBlocked) {
      this.answerBlocked = true;
      this.beginWindow();
    }
    return true;
  }

  answered(): void {
    if (this.sink === undefined) return;
    if (this.closeAfterAnswer) {
      this.endExchange(undefined);
      this.linger(this.parser.done);
    } else if (this.parser.done) {
      this.nextRequest();
    } else {
      this.paused = false;
      this.readHeld();
    }
  }

  abort(): void {
    this.sink = undefined;
    if (this.exchange !== undefined) this.endExchange(undefined);
    this.close();
  }

  now(): Date {
    return this.shared.now();
  }

  // ——— events of the parser ———

  onHead(head: RequestHead): void {
    this.state = 'exchange';
    this.deadline = Infinity;
    this.headTimed = false;
    this.requests++;
    this.shared.active++;
    this.continueOwed = head.expectContinue;
    const exchange = new PhoneExchange<Context>(this, head);
    this.exchange = exchange;
    const sink = this.handler.onRequest(exchange);
    if (exchange.isOver) return;
    this.sink = sink;
    if (exchange.isAnswered) this.answered();
    else this.sayContinue();
    if (this.paused || this.state !== 'exchange') this.parser.stop();
  }

  onData(bytes: Buffer): void {
    this.continueOwed = false;
    if (this.exchange?.isAnswered === false) this.sink?.onData(bytes);
  }

  onEnd(): void {
    if (this.state !== 'exchange') return;
    if (!this.answerBlocked) this.deadline = Infinity;
    if (this.exchange?.isAnswered === true) this.nextRequest();
    else this.sink?.onEnd();
  }

  onError(error: RequestError): void {
    if (this.state !== 'lingering') this.refuse(error);
  }

  // ——— events of the socket and the clock ———

  onDeadline(now: number): void {
    this.guard(this.judgeDeadline)(now);
  }

  private judgeDeadline(now: number): void {
    if (this.state === 'closed') this.deadline = Infinity;
    else if (this.state === 'exchange' || this.writer.bytesQueued > 0) this.judgeWindow(now);
    else if (this.state === 'head' && !this.parser.idle) this.refuse(new RequestError('HeadTimeout'));
    else this.close();
  }

  private listen(): void {
    const { socket } = this;
    const guard = this.guard.bind(this);
    socket.on('data', guard(this.onBytes));
    socket.on('drain', guard(this.onSocketDrain));
    socket.on('end', guard(this.onSocketEnd));
    socket.on('error', ignore); // 'close' follows, and says all that matters
    socket.on('close', guard(this.onSocketClose));
  }

  /** A mistake of ours costs this connection, not the others. */
  private guard<T>(listener: (argument: T) => void): (argument: T) => void {
    return (argument) => {
      try {
        listener.call(this, argument);
      } catch (error) {
        this.shared.onInternalError(error);
        this.abort();
      }
    };
  }

  private onBytes(bytes: Buffer): void {
    this.bytesRead += bytes.length;
    if (this.state === 'lingering') this.discard(bytes);
    else if (this.held.isEmpty && this.mayRead()) this.read(bytes);
    else {
      this.held.push(bytes);
      this.updateFlow();
    }
  }

  private onSocketDrain(): void {
    if (this.state === 'exchange' && this.answerBlocked) {
      this.answerBlocked = false;
      this.deadline = Infinity;
      this.sink?.onDrain();
    } else if (this.state === 'head' && !this.held.isEmpty) {
      this.readHeld();
    }
  }

  /** A phone that sends FIN while its request is open has given up on it (mobile stacks never half-close). */
  private onSocketEnd(): void {
    if (this.state === 'exchange') this.leave(new RequestError('Aborted'));
    else if (this.state === 'head' && !this.parser.idle) this.leave(new RequestError('Aborted'));
    else if (this.writer.bytesQueued === 0) this.close();
    else this.state = 'lingering';
  }

  private onSocketClose(): void {
    this.shared.deadlines.remove(this);
    if (this.registration !== undefined) this.shared.open.remove(this.registration);
    const wasInTheMiddle = this.state === 'exchange' || (this.state === 'head' && !this.parser.idle);
    if (wasInTheMiddle) this.leave(new RequestError('Aborted'));
    this.state = 'closed';
    this.handler.onConnectionClosed?.(this);
  }

  // ——— reading ———

  private mayRead(): boolean {
    if (this.state === 'head') return !this.writer.isBlocked;
    return this.state === 'exchange' && !this.paused && !this.parser.done;
  }

  /** Reads on until the bytes are used up or must wait; what waits is held. */
  private read(bytes: Buffer): void {
    let i = 0;
    this.reading = bytes;
    do i = this.parser.push(bytes, i);
    while (i < bytes.length && this.mayRead());
    this.reading = undefined;
    if (this.state === 'exchange' || this.state === 'head') {
      if (i < bytes.length) this.held.unshift(bytes.subarray(i));
      this.updateFlow();
      this.armRead();
    } else if (this.state === 'lingering') {
      this.lingerOn();
    }
  }

  private readHeld(): void {
    if (this.reading !== undefined) return;
    do this.read(this.held.shift());
    while (!this.held.isEmpty && this.mayRead());
    this.updateFlow();
  }

  private updateFlow(): void {
    const { socket } = this;
    if (this.held.isFull !== socket.isPaused()) {
      if (this.held.isFull) socket.pause();
      else socket.resume();
    }
  }

  private bytesAtHand(): number {
    if (this.reading === undefined) return this.held.bytes;
    return this.parser.bodyBytes > 0 ? 0 : this.reading.length - this.parser.bodyStart;
  }

  private sayContinue(): void {
    if (!this.continueOwed || this.paused || this.state !== 'exchange' || this.exchange?.responded === true)
      return;
    this.continueOwed = false;
    if (this.bytesAtHand() === 0) this.writer.writeInterim(CONTINUE);
  }

  /** Sets the deadline for what is still to be read, unless one is running. */
  private armRead(): void {
    if (this.state === 'head') {
      if (this.headTimed || this.parser.idle) return;
      this.headTimed = true;
      this.deadline = this.after(this.shared.headMs);
    } else if (!this.parser.done && !this.paused && this.deadline === Infinity) {
      this.beginWindow();
    }
  }

  // ——— ends ———

  private nextRequest(): void {
    this.state = 'head';
    this.parser.next();
    this.deadline = this.after(this.shared.keepAliveMs);
    this.endExchange(undefined);
    if (!this.held.isEmpty && this.mayRead()) this.readHeld();
  }

  private endExchange(error: RequestError | undefined): void {
    const { sink } = this;
    this.exchange?.finish();
    this.exchange = undefined;
    this.sink = undefined;
    this.paused = false;
    this.answerBlocked = false;
    this.shared.active--;
    sink?.onClose(error);
  }

  /** Answers with the error if no answer has begun, and ends the connection. */
  private refuse(error: RequestError): void {
    const { exchange } = this;
    const responded = exchange?.responded === true;
    if (responded && !exchange.isAnswered) {
      this.leave(error);
      return;
    }
    if (!responded) this.writer.writeInterim(formatRefusal(error, this.now()));
    this.linger(true);
    if (exchange === undefined) this.handler.onRefused?.(error, this);
    else this.endExchange(error);
  }

  /** Ends the connection without a further word. */
  private leave(error: RequestError): void {
    const { exchange } = this;
    this.close();
    if (exchange === undefined) this.handler.onRefused?.(error, this);
    else this.endExchange(error);
  }

  private close(): void {
    this.state = 'closed';
    this.held.clear();
    this.socket.destroy();
  }

  /**
   * The last answer is with the writer. Closing at once would reset the connection while bytes come in, and take the answer
   * with it. `endNow`: nothing is awaited; else FIN follows the end of the request's body.
   */
  private linger(endNow: boolean): void {
    this.state = 'lingering';
    this.deadline = this.after(LINGER_MS);
    this.beginMarks();
    this.writer.flush();
    if (endNow) this.socket.end();
    if (this.reading === undefined) this.lingerOn();
  }

  private lingerOn(): void {
    while (!this.held.isEmpty) this.discard(this.held.shift());
    if (this.parser.done) this.socket.end();
    if (this.lingered <= LINGER_BYTES) this.socket.resume();
  }

  private discard(bytes: Buffer): void {
    this.lingered += bytes.length;
    if (this.lingered > LINGER_BYTES) this.socket.pause();
    if (this.parser.done || this.parser.failed) return;
    this.parser.push(bytes);
    if (this.parser.done || this.parser.failed) this.socket.end();
  }

  // ——— minimum rate ———

  private after(ms: number): number {
    return this.shared.deadlines.clock.now() + ms;
  }

  private beginWindow(): void {
    this.beginMarks();
    this.deadline = this.after(this.shared.bodyIdleMs);
  }

  private beginMarks(): void {
    this.windowRead = this.bytesRead;
    this.windowDelivered = this.writer.bytesDelivered;
  }

  /** The window is over: did enough come in, did enough go out? */
  private judgeWindow(now: number): void {
    const { bodyIdleMs, minBytesPerSecond } = this.shared;
    const minimum = (minBytesPerSecond * bodyIdleMs) / 1000;
    const isExchange = this.state === 'exchange';
    const isReceiving = isExchange && !this.parser.done && !this.paused;
    const isSending = isExchange ? this.answerBlocked : this.writer.bytesQueued > 0;
    if (isReceiving && this.bytesRead - this.windowRead < minimum) {
      this.refuse(new RequestError('BodyTimeout'));
    } else if (isSending && this.writer.bytesDelivered - this.windowDelivered < minimum) {
      this.leave(new RequestError('AnswerTimeout'));
    } else {
      this.beginMarks();
      this.deadline = isExchange && !isReceiving && !isSending ? Infinity : now + bodyIdleMs;
    }
  }
}

function ignore(): void {
  // Deliberately nothing.
}
