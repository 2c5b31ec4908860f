// Step "account": what is told of a request when it is over.
import { versionOfHeader } from '../eas/versions.ts';
import type { RequestError } from '../http/errors.ts';
import type { ServerExchange } from '../http/exchange.ts';
import type { RequestRecord } from '../telemetry/request-record.ts';
import type { Admission, PhoneConnection } from './phone-connection.ts';
import type { RedirectResult } from './redirects.ts';

/** What a request gathers on its way, for its record. */
export class RequestTally {
  /** Status of the answer; 0 until there is one. */
  code = 0;
  reason = '';
  redirect: RedirectResult | undefined;
  route = '';
  server = '';
  replays = 0;
  poll = false;
  heartbeatSeconds: number | null = null;
  bytesOut = 0;
  readonly startedAt: number;
  private firstByteAt = -1;

  /** @param now in ms, when the head was read; as in all methods here */
  constructor(now: number) {
    this.startedAt = now;
  }

  answerBegins(code: number, now: number): void {
    this.code = code;
    this.firstByteAt = now;
  }

  /** The phone went away, or its request could not be read to its end. */
  closedBy(error: RequestError): void {
    if (this.reason !== '') return;
    this.reason = error.code === 'Aborted' ? 'client-gone' : error.code;
    if (this.code === 0 && error.code !== 'Aborted') this.code = error.status;
  }

  record(
    exchange: ServerExchange<PhoneConnection>,
    admission: Admission | undefined,
    now: number,
    command = '',
  ): RequestRecord {
    const { request, connection } = exchange;
    const asked = admission?.asked;
    return {
      listener: connection.context.listener,
      method: request.method,
      command: asked?.command ?? command,
      version: asked?.version || versionOfHeader(request.headers.get('ms-asprotocolversion')),
      code: this.code,
      route: this.route,
      server: this.server,
      reason: this.reason,
      firstByteMillis: this.firstByteAt < 0 ? null : this.firstByteAt - this.startedAt,
      durationMillis: now - this.startedAt,
      bytesIn: exchange.bodyBytesRead,
      bytesOut: this.bytesOut,
      poll: this.poll,
      heartbeatSeconds: this.heartbeatSeconds,
      replays: this.replays,
      identityMismatch: admission?.identity.mismatch ?? false,
      redirect: this.redirect,
      user: admission?.identity.user?.canonical ?? '',
      device: asked?.deviceId ?? '',
      clientAddress: connection.remoteAddress,
    };
  }
}

/** The record of a request that gateway/http refused before the pipeline saw it. */
export function refusedRecord(error: RequestError, listener: string, clientAddress: string): RequestRecord {
  return {
    listener,
    method: '',
    command: '',
    version: '',
    code: error.status,
    route: '',
    server: '',
    reason: error.code,
    firstByteMillis: null,
    durationMillis: 0,
    bytesIn: 0,
    bytesOut: 0,
    poll: false,
    heartbeatSeconds: null,
    replays: 0,
    identityMismatch: false,
    user: '',
    device: '',
    clientAddress,
  };
}
