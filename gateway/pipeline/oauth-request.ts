// A request to one of the OAuth endpoints: read whole (≤ 64 KiB), answered by a plain function.
import type { RequestError } from '../http/errors.ts';
import type { RequestSink, ServerExchange } from '../http/exchange.ts';
import type { OAuthEndpoints } from '../oauth/endpoints.ts';
import { bodyTooLarge } from '../oauth/own-answers.ts';
import { oauthCommand } from '../oauth/path.ts';
import { MAX_BODY_BYTES, type PlainAnswer } from '../oauth/plain-answer.ts';
import { RequestTally } from './accounting.ts';
import { logStageFailure, type PipelineContext } from './context.ts';
import type { OpenRequest } from './open-requests.ts';
import { DRAINING, STAGE_FAILED, TOO_MANY_UNACCEPTED } from './own-answers.ts';
import { pathOf } from './parse.ts';
import type { PhoneConnection } from './phone-connection.ts';

export class OAuthRequest implements RequestSink, OpenRequest {
  private readonly context: PipelineContext;
  private readonly exchange: ServerExchange<PhoneConnection>;
  private readonly endpoints: OAuthEndpoints;
  private readonly tally: RequestTally;
  private readonly gone = new AbortController();
  private readonly body: Buffer[] = [];
  private bytes = 0;
  private limited = false;
  private finished = false;

  constructor(
    context: PipelineContext,
    exchange: ServerExchange<PhoneConnection>,
    endpoints: OAuthEndpoints,
  ) {
    this.context = context;
    this.exchange = exchange;
    this.endpoints = endpoints;
    this.tally = new RequestTally(context.clock.now());
    context.open.begin(this);
  }

  /** Nobody has signed in yet: the requests of one address are limited. */
  start(): this {
    const { connection, request } = this.exchange;
    this.tally.route = this.endpoints.owner(connection.context.listener, pathOf(request.target)) ?? '';
    this.limited = this.context.unaccepted.enter(connection.remoteAddress);
    if (!this.limited) this.answer(TOO_MANY_UNACCEPTED, TOO_MANY_UNACCEPTED.reason);
    return this;
  }

  onData(bytes: Buffer): void {
    this.bytes += bytes.length;
    if (this.exchange.responded) return;
    if (this.bytes > MAX_BODY_BYTES) this.answer(bodyTooLarge(), 'oauth');
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
      const answer = await this.endpoints.answer(connection.context.listener, plain, this.gone.signal);
      this.answer(answer, 'oauth');
    } catch (error) {
      logStageFailure(this.context.log, error);
      this.answer(STAGE_FAILED, STAGE_FAILED.reason);
    }
  }

  private answer({ status, headers, body }: PlainAnswer, reason: string): void {
    if (this.finished || this.exchange.responded) return;
    this.tally.reason = reason;
    this.tally.answerBegins(status, this.context.clock.now());
    this.tally.bytesOut = body.length;
    this.exchange.respond(status, headers.clone(), body);
  }

  private finish(): void {
    if (this.finished) return;
    this.finished = true;
    this.gone.abort();
    const { context, exchange, tally } = this;
    if (this.limited) context.unaccepted.leave(exchange.connection.remoteAddress);
    context.open.end(this);
    const command = oauthCommand(pathOf(exchange.request.target));
    context.sink.requestFinished(tally.record(exchange, undefined, context.clock.now(), command));
  }
}
