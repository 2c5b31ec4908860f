// What an answer of Exchange says about the credential that it answers, and about when its device is to come again.
import type { ResponseHead } from '../http/exchange.ts';
import type { HeaderList } from '../http/headers.ts';

const REPEATED = ['X-MS-ASThrottle', 'X-MS-BackOffDuration', 'X-MS-BackOffReason'] as const;
const MAX_REPEATED_CHARACTERS = 256;
const MAX_WAIT_MS = 3_600_000;
/** Throttled without a Retry-After. */
const DEFAULT_WAIT_MS = 30_000;
/** Beside 2xx: provision first, account blocked, password expired, mailbox full. Anybody's 403 or 503 may come before a sign-in. */
const SIGNED_IN: ReadonlySet<number> = new Set([449, 456, 457, 507]);

/** True where only a server that let the credential in answers so. */
export function provesSignIn({ status, headers }: ResponseHead): boolean {
  if (status >= 200 && status < 300) return true;
  return SIGNED_IN.has(status) || (status === 503 && isUserThrottle(headers));
}

/**
 * How long the device is told to wait, in ms, at most an hour; 0 where it is not.
 * @param wallNow in ms since 1970: Retry-After may be a date (RFC 9110, 10.2.3)
 */
export function waitOf({ status, headers }: ResponseHead, wallNow: number): number {
  if (status !== 503 && status !== 429) return 0;
  const retryAfter = headers.get('retry-after')?.trim();
  if (retryAfter === undefined) return isUserThrottle(headers) ? DEFAULT_WAIT_MS : 0;
  const wait = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1000 : dateOf(retryAfter) - wallNow;
  return wait > 0 ? Math.min(wait, MAX_WAIT_MS) : 0;
}

/** Of a day's name and a time (RFC 9110, 5.6.7); NaN else. */
function dateOf(text: string): number {
  return /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN;
}

/** The lines that say why, to be repeated: name, value, … */
export function reasonLines(headers: HeaderList): string[] {
  return REPEATED.flatMap((name) => {
    const value = headers.get(name.toLowerCase());
    return value === undefined || value.length > MAX_REPEATED_CHARACTERS ? [] : [name, value];
  });
}

/** X-MS-BackOffDuration alone says nothing: Exchange sends it with every answer, as what is left of a budget. */
function isUserThrottle(headers: HeaderList): boolean {
  return headers.has('x-ms-asthrottle');
}
