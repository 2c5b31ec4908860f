// A request of which a stage threw before there was anybody to take it: 503, and a record like any other.
import type { RequestError } from '../http/errors.ts';
import type { RequestSink, ServerExchange } from '../http/exchange.ts';
import { RequestTally } from './accounting.ts';
import { logStageFailure, type PipelineContext } from './context.ts';
import { headersOf, STAGE_FAILED } from './own-answers.ts';
import type { PhoneConnection } from './phone-connection.ts';

export class FailedRequest implements RequestSink {
  private readonly context: Pick<PipelineContext, 'clock' | 'log' | 'sink'>;
  private readonly exchange: ServerExchange<PhoneConnection>;
  private readonly tally: RequestTally;

  constructor(
    context: Pick<PipelineContext, 'clock' | 'log' | 'sink'>,
    exchange: ServerExchange<PhoneConnection>,
    error: unknown,
  ) {
    this.context = context;
    this.exchange = exchange;
    this.tally = new RequestTally(context.clock.now());
    logStageFailure(context.log, error);
  }

  start(): this {
    const { status, reason, body } = STAGE_FAILED;
    this.tally.reason = reason;
    this.tally.answerBegins(status, this.context.clock.now());
    this.tally.bytesOut = body.length;
    this.exchange.respond(status, headersOf(STAGE_FAILED), body);
    return this;
  }

  onData(): void {}

  onEnd(): void {}

  onDrain(): void {}

  onClose(error: RequestError | undefined): void {
    if (error !== undefined) this.tally.closedBy(error);
    const { context, exchange, tally } = this;
    context.sink.requestFinished(tally.record(exchange, undefined, context.clock.now()));
  }
}
