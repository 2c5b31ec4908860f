// Step "stream both ways": one request of a phone from its admission to its record.
import type { WaitingLogin } from '../throttling/login-turns.ts';
import type { SignIn } from '../access/sign-in.ts';
import type { Login } from '../throttling/failed-logins.ts';
import type { RequestError } from '../http/errors.ts';
import type { RequestHead, RequestSink, ResponseHead, ServerExchange } from '../http/exchange.ts';
import { hashText } from '../upstream/balancing.ts';
import { isFailingAnswer } from '../upstream/observation.ts';
import { shareOf } from '../listener/address-shares.ts';
import type { RouteServer } from '../upstream/route-server.ts';
import { Acceptance } from './acceptance.ts';
import { RequestTally } from './accounting.ts';
import { logStageFailure, type PipelineContext } from './context.ts';
import { Delivery, type Sender } from './delivery.ts';
import { setForwardingHeaders } from './forwarding-headers.ts';
import { HeldBody } from './held-body.ts';
import type { OpenRequest } from './open-requests.ts';
import {
  BODY_TOO_LARGE,
  DRAINING,
  headersOf,
  type OwnAnswer,
  SERVER_LEFT,
  STAGE_FAILED,
  TOO_MANY_UNACCEPTED,
} from './own-answers.ts';
import type { AskedFor } from './parse.ts';
import type { Admission, PhoneConnection } from './phone-connection.ts';
import { Poll } from './poll.ts';
import type { AnsweredRequest } from './response-transforms.ts';
import type { ServedRoute } from './served-snapshot.ts';
import { versionRefusal } from './version-gate.ts';
import type { Judged, Throttling } from './throttle.ts';

export class PhoneRequest implements RequestSink, Sender, AnsweredRequest, OpenRequest, Judged, WaitingLogin {
  readonly body = new HeldBody();
  /** Of a Ping or Sync: it is sent on when its body is known, which tells how long the answer may take. */
  readonly poll: Poll | undefined;
  private readonly context: PipelineContext;
  private readonly exchange: ServerExchange<PhoneConnection>;
  private readonly tally: RequestTally;
  private readonly delivery: Delivery;
  private readonly acceptance: Acceptance;
  private admission: Admission;
  /** That Exchange has not judged yet. */
  private login: Login | undefined;
  /** The login waits until others of its user were judged. */
  private waitsForOthers = false;
  private finished = false;

  constructor(context: PipelineContext, exchange: ServerExchange<PhoneConnection>, admission: Admission) {
    this.context = context;
    this.exchange = exchange;
    this.admission = admission;
    this.poll = Poll.of(admission.asked?.command);
    this.tally = new RequestTally(context.clock.now());
    this.delivery = new Delivery(this);
    this.acceptance = new Acceptance(context, exchange.connection);
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

  get signIn(): SignIn | undefined {
    return this.exchange.connection.context.signIn(this.admission);
  }

  get throttling(): Throttling {
    return this.route.throttling;
  }

  get address(): string {
    return shareOf(this.exchange.connection.remoteAddress);
  }

  get now(): number {
    return this.context.clock.now();
  }

  get startedAt(): number {
    return this.tally.startedAt;
  }

  get userHash(): number {
    const { identity, asked } = this.admission;
    const device = asked?.deviceId ?? '';
    return hashText(
      identity.user?.canonical ?? (device === '' ? this.exchange.connection.remoteAddress : device),
    );
  }

  /** Sends it on its way, or answers it. */
  start(): this {
    try {
      this.admit();
    } catch (error) {
      this.onFailure(error);
    }
    return this;
  }

  private admit(): void {
    const { exchange } = this;
    const { request, connection } = exchange;
    const { decision } = this.admission;
    if ('status' in decision) return this.answer(decision);
    const tooOld = versionRefusal(decision.route, this.asked, request.headers);
    if (tooOld !== undefined) return this.refuse(tooOld, decision.route);
    if (request.body > decision.route.maxRequestBytes) return this.answer(BODY_TOO_LARGE);
    if (!this.acceptance.begin()) return this.answer(TOO_MANY_UNACCEPTED);
    exchange.limitBody(decision.route.maxRequestBytes);
    setForwardingHeaders(request.headers, connection.remoteAddress);
    this.proceed(decision.route);
  }

  /** Sends it on its way, unless its sender asks too much. */
  private proceed(route: ServedRoute): void {
    const { throttle } = this.context;
    const refusal = throttle.refusal(this);
    if (refusal !== undefined) return this.refuse(refusal, route);
    this.login = this.exchange.connection.context.proven ? undefined : throttle.loginOf(this);
    this.waitsForOthers = this.login !== undefined && !throttle.begins(this.login, route.throttling, this);
    if (this.waitsForOthers) this.exchange.pause();
    else if (this.body.complete) this.bodyIsComplete();
    else if (this.poll === undefined && route.throttling.identicalCommands === undefined)
      this.delivery.start();
  }

  goOn(): void {
    if (!this.waitsForOthers) return;
    this.waitsForOthers = false;
    try {
      this.proceed(this.route);
      if (!this.waitsForOthers && !this.exchange.responded) this.exchange.resume();
    } catch (error) {
      this.onFailure(error);
    }
  }

  // ——— the phone speaks ———

  onData(bytes: Buffer): void {
    if (this.isAnsweredByUs()) return;
    try {
      const { body, delivery } = this;
      body.push(bytes);
      if (this.waitsForOthers) return;
      if (delivery.isUnderWay) delivery.write(bytes);
      else if (body.isTooLong) delivery.start();
      if (body.isTooLong && !delivery.isWaiting) body.drop();
    } catch (error) {
      this.onFailure(error);
    }
  }

  onEnd(): void {
    if (this.isAnsweredByUs()) return;
    try {
      this.body.complete = true;
      if (!this.waitsForOthers) this.bodyIsComplete();
    } catch (error) {
      this.onFailure(error);
    }
  }

  private bodyIsComplete(): void {
    if (!this.delivery.isUnderWay && this.isLooping()) return;
    if (this.poll !== undefined && !this.exchange.responded) this.readPoll(this.poll);
    if (this.delivery.isUnderWay) this.delivery.end();
    else this.delivery.start();
  }

  onDrain(): void {
    this.delivery.resume();
  }

  onClose(error: RequestError | undefined): void {
    if (error !== undefined) this.tally.closedBy(error);
    this.finish();
  }

  // ——— the servers ———

  destination(): ServedRoute | OwnAnswer {
    const { exchange } = this;
    if (this.admission.generation !== this.context.generation) {
      this.admission = this.context.admit(exchange.request, exchange.connection.context);
    }
    const { decision } = this.admission;
    if ('status' in decision) return decision;
    this.tally.route = decision.route.key;
    return decision.route;
  }

  learntServer(route: ServedRoute): RouteServer | undefined {
    return this.context.redirects.serverFor(route, this.signIn);
  }

  onReplay(): void {
    this.tally.replays++;
  }

  onAnswer(head: ResponseHead, server: RouteServer): void {
    try {
      if (this.isRedirected(head, server)) return this.delivery.redirect();
      this.body.drop();
      this.endWaiting();
      this.tally.answerBegins(head.status, this.context.clock.now());
      this.tally.server = server.name;
      this.learn(head, server);
      for (const transform of this.context.responseTransforms) transform(head, this);
      this.context.throttle.answered(this, head, this.exchange.connection.context);
      this.settle();
      this.exchange.writeHead(head);
    } catch (error) {
      this.onFailure(error);
    }
  }

  private learn(head: ResponseHead, { endpoint }: RouteServer): void {
    const { asked, identity } = this.admission;
    const sender = identity.user?.canonical || this.exchange.connection.remoteAddress;
    endpoint.health.answered(isFailingAnswer(head.status, head.headers, asked?.command === 'Ping'), sender);
    if (head.status !== 401) this.acceptance.accept(this.admission, this.request.headers);
  }

  onAnswerData(bytes: Buffer): void {
    this.tally.bytesOut += bytes.length;
    if (!this.exchange.write(bytes)) this.delivery.pause();
  }

  onAnswerEnd(): void {
    this.exchange.end();
  }

  onUnanswered(instead: OwnAnswer, server: string): void {
    this.answer(instead, server);
  }

  onBrokenOff(): void {
    this.breakOff('server-lost');
  }

  resumeBody(): void {
    this.exchange.resume();
  }

  pauseBody(): void {
    this.exchange.pause();
  }

  // ——— the gateway goes away ———

  endPoll(): void {
    const end = this.poll?.end('drain');
    if (end !== undefined) this.answer(end);
  }

  leaveDeadServer(): void {
    const server = this.delivery.deadServer;
    if (server !== undefined && !this.exchange.responded) this.answer(SERVER_LEFT, server);
  }

  cutShort(): void {
    if (this.exchange.responded) this.breakOff('draining');
    else this.answer(DRAINING);
  }

  // ——— redirects and throttling ———

  /** True where the request is to be sent to another server, and nobody has to know of this answer. */
  private isRedirected(head: ResponseHead, server: RouteServer): boolean {
    const { route, signIn, body, tally } = this;
    const mayFollow = body.isHeld && tally.redirect === undefined;
    const result = this.context.redirects.answered(head, server, { route, signIn, mayFollow });
    if (result !== undefined) tally.redirect = result;
    return result === 'followed';
  }

  /** Answers a command that comes in a loop; false where it may go on. */
  private isLooping(): boolean {
    const { decision } = this.admission;
    if ('status' in decision || decision.route.throttling.identicalCommands === undefined) return false;
    const whole = this.body.whole();
    const looping = whole === undefined ? undefined : this.context.throttle.looping(this, whole);
    if (looping === undefined) return false;
    this.refuse(looping, decision.route);
    return true;
  }

  private refuse(own: OwnAnswer, { key }: ServedRoute): void {
    this.tally.route = key;
    this.answer(own);
  }

  private settle(): void {
    const { login, waitsForOthers } = this;
    if (login === undefined) return;
    this.login = undefined;
    this.waitsForOthers = false;
    const { logins } = this.context.throttle;
    if (waitsForOthers) logins.waitsNoMore(login, this);
    else logins.settled(login);
  }

  // ——— polls ———

  private readPoll(poll: Poll): void {
    if (!poll.read(this.body, this.request.headers.get('content-encoding'))) return;
    this.tally.poll = true;
    this.tally.heartbeatSeconds = poll.heartbeatSeconds;
    this.context.open.pollBegins(this, poll.mayBeEnded);
  }

  private endWaiting(): void {
    if (this.poll?.waiting !== true) return;
    this.poll.waiting = false;
    this.context.open.pollEnds(this);
  }

  // ——— answers of our own ———

  /** What still comes of the request's body concerns nobody. A server may answer and read on. */
  private isAnsweredByUs(): boolean {
    return !this.delivery.isUnderWay && this.exchange.responded;
  }

  /** @param server whose fault it is, for metrics and log; empty where no server was asked. */
  private answer(own: OwnAnswer, server = ''): void {
    this.letGo();
    this.tally.reason = own.reason;
    this.tally.server = server;
    this.tally.answerBegins(own.status, this.context.clock.now());
    this.tally.bytesOut = own.body.length;
    this.exchange.respond(own.status, headersOf(own), own.body);
  }

  /** Ends a connection whose answer cannot be completed. */
  private breakOff(reason: string): void {
    this.tally.reason = reason;
    this.exchange.abort();
    this.finish();
  }

  /** A stage threw: this request gets a 503, and nothing else is touched. */
  onFailure(error: unknown): void {
    logStageFailure(this.context.log, error);
    if (this.exchange.responded) this.breakOff(STAGE_FAILED.reason);
    else this.answer(STAGE_FAILED);
  }

  // ——— account ———

  private letGo(): void {
    this.delivery.abort();
    this.body.drop();
    this.endWaiting();
    this.settle();
  }

  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    try {
      this.letGo();
    } catch (error) {
      logStageFailure(this.context.log, error);
    }
    this.acceptance.end();
    this.context.open.end(this);
    this.account();
  }

  private account(): void {
    const { context, tally, exchange, admission } = this;
    try {
      context.sink.requestFinished(tally.record(exchange, admission, context.clock.now()));
    } catch (error) {
      logStageFailure(context.log, error);
    }
  }
}
