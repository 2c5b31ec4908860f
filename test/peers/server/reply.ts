// An answer of a simulated server before it is written.
import { STATUS_CODES } from 'node:http';

/** A body that is made while it is sent; `length` in bytes. */
export interface BodyStream {
  readonly length: number;
  chunks(): Iterable<Buffer>;
}

export interface Reply {
  readonly status: number;
  readonly reason?: string | undefined;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer | BodyStream;
}

const reasons: Readonly<Record<number, string>> = {
  449: 'Retry with',
  451: 'Redirect',
  456: 'Blocked',
  457: 'Credentials Expired',
};

/** 200 without a body, as SendMail and a Sync without changes have it. */
export function emptyReply(): Reply {
  return { status: 200, headers: [], body: Buffer.alloc(0) };
}

/** Any status, with a short text. */
export function statusReply(
  status: number,
  headers: readonly (readonly [string, string])[] = [],
  text = '',
): Reply {
  return {
    status,
    headers: text ? [['Content-Type', 'text/html'], ...headers] : headers,
    body: Buffer.from(text),
  };
}

export function reasonOf({ status, reason }: Reply): string {
  return reason ?? reasons[status] ?? STATUS_CODES[status] ?? 'Unknown';
}

export function lengthOf({ body }: Reply): number {
  return body.length;
}

export function chunksOf({ body }: Reply): Iterable<Buffer> {
  return Buffer.isBuffer(body) ? (body.length > 0 ? [body] : []) : body.chunks();
}
