// The answers that the gateway gives itself, made once. Never 500 (phones answer it with an Autodiscover storm) and never 429.
import type { Command } from '../eas/commands.ts';
import type { DrainAnswer } from '../eas/drain-answer.ts';
import { type Refusal, refusalAnswer } from '../eas/refusals.ts';
import { HeaderList } from '../http/headers.ts';

/** An answer without a server. */
export interface OwnAnswer {
  readonly status: number;
  /** A constant for metrics and log. */
  readonly reason: string;
  readonly headers: HeaderList;
  readonly body: Buffer;
  /** Many phones get it at once: each is told another moment to come back at. */
  readonly spread?: true;
}

/** Seconds after which a phone is to ask again, where nothing better is known. */
const RETRY_AFTER = 30;
/** Where many are refused at once they come back over so many seconds more. */
const SPREAD_SECONDS = 15;
const NO_BODY = Buffer.alloc(0);
const TEXT = ['Content-Type', 'text/plain; charset=utf-8'] as const;

function refusal(status: number, reason: string, text: string): OwnAnswer {
  return { status, reason, headers: HeaderList.of(TEXT), body: Buffer.from(`${text}\n`) };
}

function unavailable(reason: string, text: string): OwnAnswer {
  const headers = HeaderList.of(TEXT, ['Retry-After', String(RETRY_AFTER)]);
  return { status: 503, reason, headers, body: Buffer.from(`${text}\n`) };
}

function busy(reason: string, text: string): OwnAnswer {
  return { ...unavailable(reason, text), spread: true };
}

/**
 * Header lines for one phone.
 * @param random numbers from 0 to below 1
 */
export function headersOf(
  { headers, spread }: Pick<OwnAnswer, 'headers' | 'spread'>,
  random: () => number = Math.random,
): HeaderList {
  const lines = headers.clone();
  if (spread) lines.set('Retry-After', String(RETRY_AFTER + Math.floor(random() * (SPREAD_SECONDS + 1))));
  return lines;
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
/** To all that wait for a server which no phone is to wait for any longer. */
export const SERVER_LEFT = busy('server-lost', 'The server did not complete its answer.');
export const FIRST_BYTE_TIMEOUT = unavailable('first-byte-timeout', 'The server did not answer in time.');
export const QUEUE_FULL = busy('queue-full', 'All servers are busy.');
export const QUEUE_TIMEOUT = busy('queue-timeout', 'All servers are busy.');
export const TOO_MANY_REPLAYS = unavailable('replay-budget', 'The server did not complete its answer.');
export const TOO_MANY_UNACCEPTED = busy('address-limit', 'Too many unauthenticated requests.');
export const DRAINING = busy('draining', 'This gateway is going away.');
export const STAGE_FAILED = unavailable('internal', 'The request could not be processed.');

/** To NTLM and Negotiate, which must not meet a pool of connections: what is to be used instead. */
export const USE_BASIC = unauthorized('Basic realm="ActiveSync"');
export const USE_BEARER = unauthorized('Bearer');

const WBXML = HeaderList.of(['Content-Type', 'application/vnd.ms-sync.wbxml']);
const NO_HEADERS = new HeaderList();

const REFUSALS: Readonly<Record<Refusal, readonly [reason: string, text: string]>> = {
  Blocked: ['blocked', 'This device is blocked.'],
  AccessDenied: ['access-denied', 'This sign-in is not allowed here.'],
  WipeRequested: ['wipe', 'This device is to be wiped.'],
  NotProvisioned: ['not-provisioned', 'This device has to take its policy first.'],
  PolicyRefresh: ['policy-refresh', 'This device has to take its policy anew.'],
  InvalidPolicyKey: ['policy-key', 'The policy key of this device is no longer valid.'],
  TooManyDevices: ['too-many-devices', 'This user has too many devices.'],
  VersionNotSupported: ['protocol-version', 'This version of the protocol is too old for this gateway.'],
  ServerErrorRetryLater: ['server-error', 'The server has a problem.'],
  Busy: ['busy', 'The gateway has too much to do.'],
};

/**
 * The answer that refuses a command, as phones of its version understand it.
 * @param command empty for OPTIONS and GET
 * @param version as the phone says it, or empty
 */
export function refused(why: Refusal, command: Command | '', version: string): OwnAnswer {
  const [reason, text] = REFUSALS[why];
  const { status, contentType, body } = refusalAnswer(why, command, version);
  if (contentType !== '') return { status, reason, headers: WBXML, body };
  return status === 503 ? busy(reason, text) : refusal(status, reason, text);
}

/** The end of a poll as if nothing had happened. */
export function pollEnd(answer: DrainAnswer, reason: 'drain' | 'poll-lost'): OwnAnswer {
  const { contentType, body } = answer;
  return contentType === ''
    ? { status: 200, reason, headers: NO_HEADERS, body: NO_BODY }
    : { status: 200, reason, headers: WBXML, body };
}
