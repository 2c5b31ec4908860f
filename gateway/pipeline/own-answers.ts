// The answers that the gateway gives itself, made once. Never 500 (phones answer it with an Autodiscover storm) and never 429.
import type { DrainAnswer } from '../eas/drain-answer.ts';
import { HeaderList } from '../http/headers.ts';

/** An answer without a server. */
export interface OwnAnswer {
  readonly status: number;
  /** A constant for metrics and log. */
  readonly reason: string;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

/** Seconds after which a phone is to ask again, where nothing better is known. */
const RETRY_AFTER = '30';
const NO_BODY = Buffer.alloc(0);
const TEXT = ['Content-Type', 'text/plain; charset=utf-8'] as const;

function refusal(status: number, reason: string, text: string): OwnAnswer {
  return { status, reason, headers: HeaderList.of(TEXT), body: Buffer.from(`${text}\n`) };
}

function unavailable(reason: string, text: string): OwnAnswer {
  const headers = HeaderList.of(TEXT, ['Retry-After', RETRY_AFTER]);
  return { status: 503, reason, headers, body: Buffer.from(`${text}\n`) };
}

function unauthorized(challenge: string): OwnAnswer {
  const headers = HeaderList.of(TEXT, ['WWW-Authenticate', challenge]);
  const text = 'NTLM and Negotiate are not available here.\n';
  return { status: 401, reason: 'connection-bound-authentication', headers, body: Buffer.from(text) };
}

export const MALFORMED_QUERY = refusal(400, 'malformed-query', 'The query is not one of ActiveSync.');
export const NO_ROUTE = refusal(403, 'no-route', 'This user has no route on this gateway.');
export const UNKNOWN_PATH = refusal(404, 'unknown-path', 'Nothing is here.');
export const BODY_TOO_LARGE = refusal(413, 'body-too-large', 'The request body is too large.');
export const METHOD_REFUSED = refusal(501, 'method', 'This method is not supported.');

export const NO_SNAPSHOT = unavailable('no-snapshot', 'The gateway is not configured yet.');
export const NO_ROUTES = unavailable('no-routes', 'No route is configured on this listener yet.');
export const NO_SERVER = unavailable('no-server', 'No server is available.');
export const SERVER_LOST = unavailable('server-lost', 'The server did not complete its answer.');
export const FIRST_BYTE_TIMEOUT = unavailable('first-byte-timeout', 'The server did not answer in time.');
export const TOO_MANY_UNACCEPTED = unavailable('address-limit', 'Too many unauthenticated requests.');
export const DRAINING = unavailable('draining', 'This gateway is going away.');
export const STAGE_FAILED = unavailable('internal', 'The request could not be processed.');

/** To NTLM and Negotiate, which must not meet a pool of connections: what is to be used instead. */
export const USE_BASIC = unauthorized('Basic realm="ActiveSync"');
export const USE_BEARER = unauthorized('Bearer');

const WBXML = HeaderList.of(['Content-Type', 'application/vnd.ms-sync.wbxml']);
const NO_HEADERS = new HeaderList();

/** The end of a poll as if nothing had happened. */
export function pollEnd(answer: DrainAnswer, reason: 'drain' | 'poll-lost'): OwnAnswer {
  const { contentType, body } = answer;
  return contentType === ''
    ? { status: 200, reason, headers: NO_HEADERS, body: NO_BODY }
    : { status: 200, reason, headers: WBXML, body };
}
