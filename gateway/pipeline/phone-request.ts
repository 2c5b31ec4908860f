// Steps "pick server" and "stream both ways": one request of a phone from its admission to its record.
import { type DrainAnswer, drainAnswer, isPoll } from '../eas/drain-answer.ts';
import { mayReplay } from '../eas/replay.ts';
import { type RequestScan, scanRequest } from '../eas/request-scan.ts';
import type { RequestError, UpstreamError } from '../http/errors.ts';
import type {
  RequestHead,
  RequestSink,
  ResponseHead,
  ServerExchange,
  UpstreamExchange,
} from '../http/exchange.ts';
import type { Endpoint } from '../upstream/endpoint.ts';
import { isFailingAnswer } from '../upstream/observation.ts';
import { chooseServer, type RouteServer } from '../upstream/server-choice.ts';
import { RequestTally } from './accounting.ts';
import { logStageFailure, type PipelineContext } from './context.ts';
import { setForwardingHeaders } from './forwarding-headers.ts';
import type { OpenRequest } from './open-requests.ts';
import {
  BODY_TOO_LARGE,
  DRAINING,
  FIRST_BYTE_TIMEOUT,
  NO_SERVER,
  type OwnAnswer,
  pollEnd,
  SERVER_LOST,
  STAGE_FAILED,
  TOO_MANY_UNACCEPTED,
} from './own-answers.ts';
import type { AskedFor } from './parse.ts';
import type { Admission, PhoneConnection } from './phone-connection.ts';
import type { AnsweredRequest } from './response-transforms.ts';
import type { ServedRoute } from './served-snapshot.ts';
import { type AnswerReceiver, ServerAttempt } from './server-attempt.ts';

/** Of a request's body this much is held, so that another server can be asked. */
const MAX_HELD_BYTES = 65_536;
/** A poll that was open for longer is ended instead of being sent again: the phone's own time-out would pass. */
const MAX_REPLAYED_POLL_MS = 30_000;
/** What a server may take longer than the heartbeat that it was asked for. */
const HEARTBEAT_MARGIN_MS = 60_000;
/** Pooled connections that had died unnoticed, before the server itself is held to be gone. */
const MAX_STALE_CONNECTIONS = 2;
const NONE: readonly Endpoint[] = [];

export class PhoneRequest implements RequestSink, AnswerReceiver, AnsweredRequest, OpenRequest {
  private readonly context: PipelineContext;
  private readonly exchange: ServerExchange<PhoneConnection>;
  private readonly tally: RequestTally;
  private admission: Admission;
  private upstream: UpstreamExchange | undefined;
  /** That was asked last. */
  private server: RouteServer | undefined;
  private tried: readonly Endpoint[] = NONE;
  private staleConnections = 0;
  /** The body so far; undefined once it is too long or no longer needed. */
  private held: Buffer[] | undefined = [];
  private heldBytes = 0;
  private bodyComplete = false;
  /** Of a Ping or Sync whose body is complete. */
  private scan: RequestScan = 'Unknown';
  /** How the gateway may end it, where it is a poll that waits. */
  private ending: DrainAnswer | undefined;
  private waiting = false;
  private limited = false;
  private finished = false;

  constructor(context: PipelineContext, exchange: ServerExchange<PhoneConnection>, admission: Admission) {
    this.context = context;
    this.exchange = exchange;
    this.admission = admission;
    this.tally = new RequestTally(context.clock.now());
    context.open.begin(this);
  }

  get request(): RequestHead {
    return this.exchange.request;
  }

  get asked(): AskedFor | undefined {
    return this.admission.asked;
  }

  get listener(): string {
    return this.exchange.connection.context.listener;
  }

  /** Only while a server is asked or answers. */
  get route(): ServedRoute {
    const { decision } = this.admission;
    if ('status' in decision) throw new TypeError('no route was picked');
    return decision.route;
  }

  /** Sends it on its way, or answers it. */
  start(): this {
    try {
      this.admit();
    } catch (error) {
      this.fail(error);
    }
    return this;
  }

  private admit(): void {
    const { exchange } = this;
    const { request, connection } = exchange;
    const { decision } = this.admission;
    if ('status' in decision) return this.answer(decision);
    if (request.body > decision.route.maxRequestBytes) return this.answer(BODY_TOO_LARGE);
    if (!this.enterLimit()) return this.answer(TOO_MANY_UNACCEPTED);
    exchange.limitBody(decision.route.maxRequestBytes);
    setForwardingHeaders(request.headers, connection.remoteAddress);
    if (!this.mayBePoll()) this.askServer();
  }

  // ——— the phone speaks ———

  onData(bytes: Buffer): void {
    if (this.isAnsweredByUs()) return;
    try {
      this.held?.push(bytes);
      this.heldBytes += bytes.length;
      const tooLong = this.heldBytes > MAX_HELD_BYTES;
      if (this.upstream !== undefined) this.sendBody(bytes);
      else if (tooLong) this.askServer();
      if (tooLong) this.held = undefined;
    } catch (error) {
      this.fail(error);
    }
  }

  onEnd(): void {
    if (this.isAnsweredByUs()) return;
    try {
      this.bodyComplete = true;
      if (this.mayBePoll() && !this.exchange.responded) this.readPoll();
      if (this.upstream === undefined) this.askServer();
      else this.upstream.end();
    } catch (error) {
      this.fail(error);
    }
  }

  onDrain(): void {
    this.upstream?.resume();
  }

  onClose(error: RequestError | undefined): void {
    if (error !== undefined) this.tally.closedBy(error);
    this.finish();
  }

  // ——— the server speaks ———

  onAnswer(head: ResponseHead, server: RouteServer): void {
    try {
      this.held = undefined;
      this.endWaiting();
      this.tally.answerBegins(head.status, this.context.clock.now());
      this.tally.server = server.name;
      this.learn(head, server);
      for (const transform of this.context.responseTransforms) transform(head, this);
      this.exchange.writeHead(head);
    } catch (error) {
      this.fail(error);
    }
  }

  onAnswerData(bytes: Buffer): void {
    this.tally.bytesOut += bytes.length;
    if (!this.exchange.write(bytes)) this.upstream?.pause();
  }

  onAnswerEnd(): void {
    this.upstream = undefined;
    this.exchange.end();
  }

  onServerDrain(): void {
    this.exchange.resume();
  }

  onServerError(error: UpstreamError, server: RouteServer): void {
    try {
      this.upstream = undefined;
      server.endpoint.requestFailed(error);
      if (this.exchange.responded) this.breakOff('server-lost');
      else this.recover(error, server);
    } catch (failure) {
      this.fail(failure);
    }
  }

  // ——— the gateway goes away ———

  endPoll(): void {
    if (this.ending !== undefined) this.answer(pollEnd(this.ending, 'drain'));
  }

  leaveDeadServer(): void {
    const { upstream, server, exchange } = this;
    if (upstream === undefined || server === undefined || exchange.responded) return;
    if (server.endpoint.health.state === 'Down') this.answer(SERVER_LOST, server.name);
  }

  cutShort(): void {
    if (this.exchange.responded) this.breakOff('draining');
    else this.answer(DRAINING);
  }

  // ——— pick server ———

  /** Asks the next server, with as much of the body as there is; where none is left, that is the answer. */
  private askServer(otherwise = NO_SERVER, lastServer = ''): void {
    const { exchange, held } = this;
    const route = this.currentRoute();
    if ('status' in route) return this.answer(route);
    this.tally.route = route.key;
    const server = chooseServer(route.servers, this.tried);
    if (server === undefined) return this.answer(otherwise, lastServer);
    this.server = server;
    const { request } = exchange;
    const { pool } = server.endpoint;
    this.upstream = pool.send(
      {
        method: request.method,
        target: this.admission.asked?.target ?? request.target,
        host: pool.authority,
        headers: request.headers,
        body: request.body,
        hasContentLength: request.hasContentLength,
        firstByteTimeoutMs: this.firstByteTimeoutMs(route),
      },
      new ServerAttempt(this, server),
    );
    let mayGoOn = true;
    for (const piece of held ?? []) mayGoOn = this.sendBody(piece);
    if (this.bodyComplete) this.upstream.end();
    else if (mayGoOn) exchange.resume();
  }

  /** The route by the snapshot of now: the one that the request was admitted by may have lost its servers meanwhile. */
  private currentRoute(): ServedRoute | OwnAnswer {
    const { exchange } = this;
    if (this.admission.generation !== this.context.generation) {
      this.admission = this.context.admit(exchange.request, exchange.connection.context);
    }
    const { decision } = this.admission;
    return 'status' in decision ? decision : decision.route;
  }

  private firstByteTimeoutMs(route: ServedRoute): number {
    if (!this.mayBePoll()) return route.firstByteMs;
    const waitSeconds = this.scan === 'Unknown' ? 0 : (this.scan.waitSeconds ?? 0);
    return Math.max(route.pollMs, waitSeconds * 1000 + HEARTBEAT_MARGIN_MS);
  }

  /** A server failed before its answer began: asks another one, or answers in its place. */
  private recover(error: UpstreamError, server: RouteServer): void {
    const stale = error.reused && error.code === 'ConnectionLost';
    if (!stale || ++this.staleConnections > MAX_STALE_CONNECTIONS) {
      this.tried = [...this.tried, server.endpoint];
    }
    if (this.waiting && this.context.clock.now() - this.tally.startedAt > MAX_REPLAYED_POLL_MS) {
      const ending = this.ending === undefined ? SERVER_LOST : pollEnd(this.ending, 'poll-lost');
      return this.answer(ending, server.name);
    }
    if (error.sent !== 'sent' && this.held !== undefined) return this.askServer(NO_SERVER, server.name);
    const failure = error.code === 'FirstByteTimeout' ? FIRST_BYTE_TIMEOUT : SERVER_LOST;
    if (!this.mayReplay()) return this.answer(failure, server.name);
    this.tally.replays++;
    this.askServer(failure, server.name);
  }

  private mayReplay(): boolean {
    if (this.held === undefined || !this.bodyComplete) return false;
    const command = this.admission.asked?.command ?? '';
    if (command === '') return true;
    return mayReplay(command, command === 'ItemOperations' ? this.scanBody(command) : this.scan);
  }

  // ——— stream both ways ———

  /** Ping and Sync are asked for when their body is known: it tells how long the answer may take. */
  private mayBePoll(): boolean {
    const command = this.admission.asked?.command;
    return command === 'Ping' || command === 'Sync';
  }

  private readPoll(): void {
    const command = this.admission.asked?.command;
    if (command !== 'Ping' && command !== 'Sync') return;
    this.scan = this.scanBody(command);
    if (!isPoll(command, this.scan)) return;
    this.ending = drainAnswer(command, this.scan);
    this.waiting = true;
    this.tally.poll = true;
    this.tally.heartbeatSeconds = this.scan === 'Unknown' ? null : (this.scan.waitSeconds ?? null);
    this.context.open.pollBegins(this, this.ending !== undefined);
  }

  private scanBody(command: 'Ping' | 'Sync' | 'ItemOperations'): RequestScan {
    const { held } = this;
    if (held === undefined) return 'Unknown';
    return scanRequest(command, held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held));
  }

  /** False where the phone was asked to wait. */
  private sendBody(bytes: Buffer): boolean {
    if (this.upstream?.write(bytes) !== false) return true;
    this.exchange.pause();
    return false;
  }

  /** What still comes of the request's body concerns nobody. A server may answer and read on. */
  private isAnsweredByUs(): boolean {
    return this.upstream === undefined && this.exchange.responded;
  }

  /** @param server whose fault it is, for metrics and log; empty where no server was asked. */
  private answer(own: OwnAnswer, server = ''): void {
    this.letGo();
    this.tally.reason = own.reason;
    this.tally.server = server;
    this.tally.answerBegins(own.status, this.context.clock.now());
    this.tally.bytesOut = own.body.length;
    this.exchange.respond(own.status, own.headers.clone(), own.body);
  }

  /** Ends a connection whose answer cannot be completed. */
  private breakOff(reason: string): void {
    this.tally.reason = reason;
    this.exchange.abort();
    this.finish();
  }

  /** A stage threw: this request gets a 503, and nothing else is touched. */
  private fail(error: unknown): void {
    logStageFailure(this.context.log, error);
    if (this.exchange.responded) this.breakOff(STAGE_FAILED.reason);
    else this.answer(STAGE_FAILED);
  }

  private endWaiting(): void {
    if (!this.waiting) return;
    this.waiting = false;
    this.context.open.pollEnds(this);
  }

  // ——— account ———

  private enterLimit(): boolean {
    const { context, remoteAddress } = this.exchange.connection;
    if (context.accepted) return true;
    this.limited = this.context.unaccepted.enter(remoteAddress);
    return this.limited;
  }

  private leaveLimit(): void {
    if (this.limited) this.context.unaccepted.leave(this.exchange.connection.remoteAddress);
    this.limited = false;
  }

  /** Only an answer of Exchange other than 401 makes anything known of a user or a device. */
  private learn(head: ResponseHead, server: RouteServer): void {
    const { asked, identity } = this.admission;
    const { context: connection, remoteAddress } = this.exchange.connection;
    const user = identity.user?.canonical ?? '';
    const failing = isFailingAnswer(head.status, head.headers, asked?.command === 'Ping');
    server.endpoint.health.answered(failing, user === '' ? remoteAddress : user);
    if (head.status === 401) return;
    connection.accepted = true;
    this.leaveLimit();
    const device = asked?.deviceId ?? '';
    if (device !== '' && connection.isNewDevice(user, device)) this.context.census.add(user, device);
  }

  private letGo(): void {
    this.upstream?.abort();
    this.upstream = undefined;
    this.held = undefined;
    this.endWaiting();
  }

  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.letGo();
    this.leaveLimit();
    this.context.open.end(this);
    this.context.sink.requestFinished(
      this.tally.record(this.exchange, this.admission, this.context.clock.now()),
    );
  }
}
