// What an answer or an error of a server says about that server, and what only about one user.
import type { UpstreamError } from '../http/errors.ts';
import type { HeaderList } from '../http/headers.ts';
import type { ServerHealth } from './health.ts';

const THROTTLE_HEADERS = [
  'retry-after',
  'x-ms-asthrottle',
  'x-ms-backoffduration',
  'x-ms-backoffreason',
] as const;

/**
 * True for 502, 503 and 504 that may be the server's failure. Exchange throttles single users by 503 (with Retry-After,
 * X-MS-ASThrottle or X-MS-BackOff*, on a Ping also without); 401, 403, 449, 451, 456, 457 and 507 are never a failure.
 */
export function isFailingAnswer(status: number, headers: HeaderList, ping: boolean): boolean {
  if (status !== 502 && status !== 503 && status !== 504) return false;
  if (ping && status === 503) return false;
  return !THROTTLE_HEADERS.some((name) => headers.has(name));
}

/**
 * Tells the server's health of a request that failed; what the phone, the pool or a stale connection caused is not counted.
 * @param words for the status
 */
export function observeError(health: ServerHealth, error: UpstreamError, words: string): void {
  switch (error.code) {
    case 'ConnectFailed':
    case 'ConnectTimeout':
    case 'CertificateRefused':
      health.connectFailed(words);
      return;
    case 'ConnectionLost':
      if (!error.reused) health.unanswered(words);
      return;
    case 'FirstByteTimeout':
    case 'InactivityTimeout':
    case 'BadResponse':
      health.unanswered(words);
      return;
    case 'PoolExhausted':
    case 'PoolClosed':
      return;
    default:
      error.code satisfies never;
  }
}
