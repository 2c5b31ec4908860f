// Step "pick server": a request on its way to the servers of its route, one after the other, until one of them answers.
import { mayReplay } from '../eas/replay.ts';
import { scanRequest } from '../eas/request-scan.ts';
import type { UpstreamError } from '../http/errors.ts';
import type { RequestHead, ResponseHead, ResponseSink, UpstreamExchange } from '../http/exchange.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import type { RouteServer } from '../upstream/route-server.ts';
import type { WaitingRequest, WaitingRequests } from '../upstream/waiting-requests.ts';
import type { HeldBody } from './held-body.ts';
import {
  FIRST_BYTE_TIMEOUT,
  NO_SERVER,
  type OwnAnswer,
  QUEUE_FULL,
  QUEUE_TIMEOUT,
  SERVER_LOST,
  TOO_MANY_REPLAYS,
} from './own-answers.ts';
import type { AskedFor } from './parse.ts';
import type { Poll } from './poll.ts';
import type { ServedRoute } from './served-snapshot.ts';

/** Whose request is delivered, and who is told of the answer. */
export interface Sender {
  readonly request: RequestHead;
  readonly asked: AskedFor | undefined;
  readonly body: HeldBody;
  /** Of a Ping or Sync. */
  readonly poll: Poll | undefined;
  /** In ms of the clock; the second one is when the request came. */
  readonly now: number;
  readonly startedAt: number;
  /** The same number for the same user, of 32 bits. */
  readonly userHash: number;
  /** Where the request is to go, by the snapshot of now, or the answer in place of it. */
  destination(): ServedRoute | OwnAnswer;
  /** The one server to ask in place of the route's: Exchange moved the user there. */
  learntServer(route: ServedRoute): RouteServer | undefined;
  /** A server is asked, not the first one that may have seen the request. */
  onReplay(): void;
  onAnswer(head: ResponseHead, server: RouteServer): void;
  onAnswerData(bytes: Buffer): void;
  onAnswerEnd(): void;
  /** No server answers. `server`: the name of the one whose fault it is, or empty. */
  onUnanswered(instead: OwnAnswer, server: string): void;
  /** A server broke off in the middle of its answer. */
  onBrokenOff(): void;
  /** The body is wanted again, or has to wait. */
  resumeBody(): void;
  pauseBody(): void;
  /** A stage threw. */
  onFailure(error: unknown): void;
}

/** Pooled connections that had died unnoticed, before the server itself is held to be gone. */
const MAX_STALE_CONNECTIONS = 2;
const NONE: readonly Endpoint[] = [];

export class Delivery implements ResponseSink, WaitingRequest {
  /** While it waits. */
  waitsUntil = Infinity;
  private readonly sender: Sender;
  private exchange: UpstreamExchange | undefined;
  /** That was asked last. */
  private server: RouteServer | undefined;
  private tried: readonly Endpoint[] = NONE;
  private staleConnections = 0;
  private answered = false;
  /** Where it waits until a server has room. */
  private waitingIn: WaitingRequests | undefined;

  constructor(sender: Sender) {
    this.sender = sender;
  }

  /** A server is asked at the moment, or answers. */
  get isUnderWay(): boolean {
    return this.exchange !== undefined;
  }

  /** No server has room: the body that is here is kept for later. */
  get isWaiting(): boolean {
    return this.waitingIn !== undefined;
  }

  /** Asks a server, with as much of the body as there is. */
  start(): void {
    if (!this.isWaiting) this.askNext(NO_SERVER, '');
  }

  /** A further piece of the body. */
  write(bytes: Buffer): void {
    if (this.exchange?.write(bytes) === false) this.sender.pauseBody();
  }

  /** The body is complete. */
  end(): void {
    this.exchange?.end();
  }

  /** The phone takes no more of the answer at the moment. */
  pause(): void {
    this.exchange?.pause();
  }

  resume(): void {
    this.exchange?.resume();
  }

  /** The answer only says where else to ask: the request was not executed and goes there, in place of that answer. */
  redirect(): void {
    this.abort();
    this.answered = false;
    this.tried = NONE;
    this.askNext(NO_SERVER, '');
  }

  /** The answer is no longer wanted. */
  abort(): void {
    this.waitingIn?.remove(this);
    this.waitingIn = undefined;
    if (this.deadServer === undefined) this.exchange?.abort();
    else this.exchange?.reset();
    this.exchange = undefined;
  }

  /** Name of the server that is asked and has ceased to answer; undefined where there is hope. */
  get deadServer(): string | undefined {
    const { exchange, server } = this;
    if (exchange === undefined || server?.endpoint.health.state !== 'Down') return undefined;
    return server.name;
  }

  // ——— the server speaks ———

  onHead(head: ResponseHead): void {
    this.answered = true;
    this.sender.onAnswer(head, this.server as RouteServer);
  }

  onData(bytes: Buffer): void {
    this.sender.onAnswerData(bytes);
  }

  onEnd(): void {
    this.exchange = undefined;
    this.sender.onAnswerEnd();
  }

  onDrain(): void {
    this.sender.resumeBody();
  }

  onError(error: UpstreamError): void {
    const server = this.server as RouteServer;
    try {
      this.exchange = undefined;
      server.endpoint.requestFailed(error);
      if (this.answered) this.sender.onBrokenOff();
      else this.recover(error, server);
    } catch (failure) {
      this.sender.onFailure(failure);
    }
  }

  // ——— pick server ———

  /** Asks the next server, or waits for it; where none is left, `otherwise` is the answer, on account of `lastServer`. */
  private askNext(otherwise: OwnAnswer, lastServer: string): void {
    const { sender } = this;
    const route = sender.destination();
    if ('status' in route) return sender.onUnanswered(route, '');
    const { waiting, budget } = route.traffic;
    if (this.tried === NONE) budget.countRequest(sender.startedAt);
    if (waiting.size > 0 && sender.learntServer(route) === undefined) return this.wait(route);
    const server = this.choose(route);
    if (server !== undefined) this.ask(server, route);
    else if (route.choice.isFull) this.wait(route);
    else sender.onUnanswered(otherwise, lastServer);
  }

  private choose(route: ServedRoute): RouteServer | undefined {
    const { sender, tried } = this;
    const learnt = sender.learntServer(route);
    if (learnt === undefined) return route.choice.choose(route.choice.byUser ? sender.userHash : 0, tried);
    route.choice.isFull = false;
    const { endpoint } = learnt;
    return endpoint.health.state === 'Down' || tried.includes(endpoint) ? undefined : learnt;
  }

  // ——— wait for room ———

  private wait({ queue, servers, traffic: { waiting } }: ServedRoute): void {
    const { sender } = this;
    if (waiting.size >= queue.maxRequests) return sender.onUnanswered(QUEUE_FULL, '');
    this.waitsUntil = sender.now + queue.waitMs;
    this.waitingIn = waiting;
    sender.pauseBody();
    waiting.add(this, servers);
  }

  tryAgain(): boolean {
    const { sender } = this;
    try {
      const route = sender.destination();
      const server = 'status' in route ? undefined : this.choose(route);
      if (!('status' in route) && server === undefined && route.choice.isFull) return false;
      this.waitingIn = undefined;
      if ('status' in route) sender.onUnanswered(route, '');
      else if (server === undefined) sender.onUnanswered(NO_SERVER, '');
      else this.ask(server, route);
    } catch (error) {
      sender.onFailure(error);
    }
    return true;
  }

  waitedInVain(): void {
    this.waitingIn = undefined;
    this.sender.onUnanswered(QUEUE_TIMEOUT, '');
  }

  private ask(server: RouteServer, route: ServedRoute): void {
    const { sender } = this;
    const { request, body, poll } = sender;
    const { pool } = server.endpoint;
    this.server = server;
    const exchange = pool.send(
      {
        method: request.method,
        target: sender.asked?.target ?? request.target,
        host: pool.authority,
        headers: request.headers,
        body: request.body,
        hasContentLength: request.hasContentLength,
        firstByteTimeoutMs: poll?.firstByteTimeoutMs(route) ?? firstByteMs(sender.asked, route),
      },
      this,
    );
    this.exchange = exchange;
    let mayGoOn = true;
    for (const piece of body.pieces) mayGoOn = exchange.write(piece);
    if (body.isTooLong) body.drop();
    if (body.complete) exchange.end();
    else if (mayGoOn) sender.resumeBody();
    else sender.pauseBody();
  }

  /** A server failed before its answer began: asks another one, or has the phone answered in its place. */
  private recover(error: UpstreamError, server: RouteServer): void {
    const { sender } = this;
    const { poll, body } = sender;
    const stale = error.reused && error.code === 'ConnectionLost';
    if (!stale || ++this.staleConnections > MAX_STALE_CONNECTIONS) {
      this.tried = [...this.tried, server.endpoint];
    }
    if (poll?.isTooOldToReplay(sender.now - sender.startedAt) === true) {
      return sender.onUnanswered(poll.endAsLost(), server.name);
    }
    if (error.sent !== 'sent' && body.isHeld) return this.askNext(NO_SERVER, server.name);
    const failure = error.code === 'FirstByteTimeout' ? FIRST_BYTE_TIMEOUT : SERVER_LOST;
    if (!this.mayReplay()) return sender.onUnanswered(failure, server.name);
    if (!this.takeReplay()) return sender.onUnanswered(poll?.endAsLost() ?? TOO_MANY_REPLAYS, server.name);
    sender.onReplay();
    this.askNext(failure, server.name);
  }

  private mayReplay(): boolean {
    const { asked, body, poll, request } = this.sender;
    const whole = body.whole();
    if (whole === undefined) return false;
    const command = asked?.command ?? '';
    if (command === '') return true;
    const scan =
      command === 'ItemOperations'
        ? scanRequest(command, whole, request.headers.get('content-encoding'))
        : (poll?.scan ?? 'Unknown');
    return mayReplay(command, scan);
  }

  /** Out of the route's budget. */
  private takeReplay(): boolean {
    const route = this.sender.destination();
    return 'status' in route || route.traffic.budget.take(this.sender.now);
  }
}

/** How long a server may take to begin the answer to a command that is no poll. */
function firstByteMs(asked: AskedFor | undefined, route: ServedRoute): number {
  switch (asked?.command) {
    case 'SendMail':
    case 'SmartReply':
    case 'SmartForward':
      return route.uploadFirstByteMs;
    case 'ItemOperations':
    case 'GetAttachment':
      return route.downloadFirstByteMs;
    default:
      return route.firstByteMs;
  }
}
