// A request that no server sees: read whole (≤ 64 KiB), answered by a plain function.
import type { RequestError } from '../http/errors.ts';
import type { RequestSink, ServerExchange } from '../http/exchange.ts';
import { MAX_BODY_BYTES, type PlainAnswer } from '../http/plain-answer.ts';
import { RequestTally } from './accounting.ts';
import { logStageFailure, type PipelineContext } from './context.ts';
import type { OpenRequest } from './open-requests.ts';
import { DRAINING, headersOf, type OwnAnswer, STAGE_FAILED, TOO_MANY_UNACCEPTED } from './own-answers.ts';
import { pathOf } from './parse.ts';
import type { PhoneConnection } from './phone-connection.ts';
import type { PlainService } from './plain-service.ts';

export class PlainExchange implements RequestSink, OpenRequest {
  private readonly context: PipelineContext;
  private readonly exchange: ServerExchange<PhoneConnection>;
  private readonly service: PlainService;
  private readonly tally: RequestTally;
  private readonly gone = new AbortController();
  private readonly body: Buffer[] = [];
  private bytes = 0;
  private limited = false;
  private finished = false;

  constructor(context: PipelineContext, exchange: ServerExchange<PhoneConnection>, service: PlainService) {
    this.context = context;
    this.exchange = exchange;
    this.service = service;
    this.tally = new RequestTally(context.clock.now());
    context.open.begin(this);
  }

  /** Nobody has signed in yet: the requests of one address are limited. */
  start(): this {
    const { connection, request } = this.exchange;
    try {
      this.tally.route = this.service.owner(connection.context.listener, pathOf(request.target)) ?? '';
      this.limited = this.context.unaccepted.enter(connection.remoteAddress);
      if (!this.limited) this.answer(TOO_MANY_UNACCEPTED, TOO_MANY_UNACCEPTED.reason);
    } catch (error) {
      this.fail(error);
    }
    return this;
  }

  private fail(error: unknown): void {
    logStageFailure(this.context.log, error);
    this.answer(STAGE_FAILED, STAGE_FAILED.reason);
  }

  onData(bytes: Buffer): void {
    this.bytes += bytes.length;
    if (this.exchange.responded) return;
    if (this.bytes > MAX_BODY_BYTES) this.answer(this.service.bodyTooLarge(), this.service.reason);
    else this.body.push(bytes);
  }

  onEnd(): void {
    if (!this.exchange.responded) void this.ask();
  }

  onDrain(): void {}

  onClose(error: RequestError | undefined): void {
    if (error !== undefined) this.tally.closedBy(error);
    this.finish();
  }

  endPoll(): void {}

  cutShort(): void {
    if (!this.exchange.responded) this.answer(DRAINING, DRAINING.reason);
  }

  private async ask(): Promise<void> {
    const { request, connection } = this.exchange;
    const { method, target, host, headers } = request;
    const plain = { method, target, host, headers, body: Buffer.concat(this.body) };
    try {
      const answer = await this.service.answer(connection.context.listener, plain, this.gone.signal);
      this.answer(answer, this.service.reason);
    } catch (error) {
      this.fail(error);
    }
  }

  private answer(answer: PlainAnswer | OwnAnswer, reason: string): void {
    if (this.finished || this.exchange.responded) return;
    this.tally.reason = reason;
    const { status, body } = answer;
    this.tally.answerBegins(status, this.context.clock.now());
    this.tally.bytesOut = body.length;
    this.exchange.respond(status, headersOf(answer), body);
  }

  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.gone.abort();
    const { context, exchange, tally } = this;
    if (this.limited) context.unaccepted.leave(exchange.connection.remoteAddress);
    context.open.end(this);
    try {
      const command = this.service.command(pathOf(exchange.request.target));
      context.sink.requestFinished(tally.record(exchange, undefined, context.clock.now(), command));
    } catch (error) {
      logStageFailure(context.log, error);
    }
  }
}
