// The answers by which a device is told to wait, or a user to sign in otherwise.
import { HeaderList } from '../http/headers.ts';
import type { OwnAnswer } from './own-answers.ts';

const TEXT = ['Content-Type', 'text/plain; charset=utf-8'] as const;

export type ThrottleReason =
  'retry-after' | 'device-requests' | 'user-requests' | 'identical-commands' | 'failed-logins';

/**
 * 503 with Retry-After.
 * @param lines header lines of Exchange to be repeated: name, value, …
 */
export function toldToWait(reason: ThrottleReason, waitMs: number, lines: readonly string[] = []): OwnAnswer {
  const headers = HeaderList.of(TEXT, ['Retry-After', String(Math.max(1, Math.ceil(waitMs / 1000)))]);
  for (let at = 0; at + 1 < lines.length; at += 2) headers.append(lines[at] ?? '', lines[at + 1] ?? '');
  return { status: 503, reason, headers, body: Buffer.from('Too many requests: wait.\n') };
}

/** 401 with the challenges by which Exchange refused the same credential. */
export function signInRefused(challenges: readonly string[]): OwnAnswer {
  const headers = HeaderList.of(TEXT);
  for (const challenge of challenges) headers.append('WWW-Authenticate', challenge);
  return { status: 401, reason: 'failed-logins', headers, body: Buffer.from('Sign in.\n') };
}
