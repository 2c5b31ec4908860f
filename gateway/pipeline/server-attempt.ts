// The ear of a request towards one server: gateway/http calls both halves of an exchange by the same names.
import type { UpstreamError } from '../http/errors.ts';
import type { ResponseHead, ResponseSink } from '../http/exchange.ts';
import type { RouteServer } from '../upstream/server-choice.ts';

/** A request that is being answered by a server. */
export interface AnswerReceiver {
  onAnswer(head: ResponseHead, server: RouteServer): void;
  onAnswerData(bytes: Buffer): void;
  onAnswerEnd(): void;
  onServerDrain(): void;
  onServerError(error: UpstreamError, server: RouteServer): void;
}

export class ServerAttempt implements ResponseSink {
  private readonly receiver: AnswerReceiver;
  private readonly server: RouteServer;

  constructor(receiver: AnswerReceiver, server: RouteServer) {
    this.receiver = receiver;
    this.server = server;
  }

  onHead(head: ResponseHead): void {
    this.receiver.onAnswer(head, this.server);
  }

  onData(bytes: Buffer): void {
    this.receiver.onAnswerData(bytes);
  }

  onEnd(): void {
    this.receiver.onAnswerEnd();
  }

  onDrain(): void {
    this.receiver.onServerDrain();
  }

  onError(error: UpstreamError): void {
    this.receiver.onServerError(error, this.server);
  }
}
