import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FailedLogins, type LoginVerdict } from './failed-logins.ts';

const MINUTE = 60_000;
const limit = { limit: 4, windowMs: 30 * MINUTE, addressLimit: 200 };
const login = (credential: string, user = 'mail ann', address = '192.0.2.1') => ({
  address,
  user,
  credential,
});
const refusal = { challenges: ['Basic realm="mail"'], acceptedBefore: false };

/** Tries a password that is wrong, and says what became of it. */
function tryWrong(
  logins: FailedLogins,
  credential: string,
  now: number,
  user?: string,
  address?: string,
): LoginVerdict {
  const one = login(credential, user, address);
  const verdict = logins.judge(one, limit, now);
  if (verdict.kind === 'Pass') logins.failed(one, limit, now, refusal);
  return verdict;
}

describe('wrong passwords of a user from one address', () => {
  test('reach Exchange twice while they are the same, then its challenge is repeated', () => {
    const logins = new FailedLogins(100);
    const kinds = [1, 2, 3, 4, 5].map((now) => tryWrong(logins, 'old', now).kind);
    expect(kinds).toEqual(['Pass', 'Pass', 'Refused', 'Refused', 'Refused']);
    expect(tryWrong(logins, 'old', 6)).toEqual({ kind: 'Refused', challenges: refusal.challenges });
  });

  test('leave room for a corrected one, up to the limit of the user; then a new one waits', () => {
    const logins = new FailedLogins(100);
    for (const now of [1, 2, 3]) tryWrong(logins, 'old', now);
    expect(tryWrong(logins, 'typo 1', 4).kind).toBe('Pass');
    expect(tryWrong(logins, 'typo 2', 5).kind).toBe('Pass');
    expect(tryWrong(logins, 'typo 3', 6)).toEqual({ kind: 'Wait', ms: 30 * MINUTE - 1 });
    expect(tryWrong(logins, 'typo 2', 7).kind).toBe('Refused');
  });

  test('are forgotten by a good sign-in from there, or once the window passed without one', () => {
    const logins = new FailedLogins(100);
    for (const now of [1, 2, 3]) tryWrong(logins, 'old', now);
    logins.succeeded(login('new'));
    expect(logins.judge(login('old'), limit, 4).kind).toBe('Pass');
    expect(logins.size).toBe(0);
    for (const now of [5, 6]) tryWrong(logins, 'old', now);
    expect(logins.judge(login('old'), limit, 30 * MINUTE + 5).kind).toBe('Refused');
    expect(logins.judge(login('old'), limit, 30 * MINUTE + 6).kind).toBe('Pass');
  });

  test('do not hurt the user elsewhere, nor others at that address', () => {
    const logins = new FailedLogins(100);
    for (let now = 0; now < 10; now++) tryWrong(logins, `wrong ${now}`, now);
    expect(logins.judge(login('good', 'mail ann', '198.51.100.7'), limit, 20).kind).toBe('Pass');
    expect(logins.judge(login('good', 'mail bob'), limit, 20).kind).toBe('Pass');
    expect(logins.judge(login('good'), limit, 20).kind).toBe('Wait');
  });

  test('of many users at one address wait once the address reached its own limit', () => {
    const logins = new FailedLogins(1000);
    for (let n = 0; n < 200; n++) tryWrong(logins, 'spray', n, `mail user${n}`);
    expect(logins.judge(login('spray', 'mail victim'), limit, 200)).toMatchObject({ kind: 'Wait' });
    expect(logins.judge(login('spray', 'mail victim', '198.51.100.7'), limit, 200).kind).toBe('Pass');
    expect(logins.judge(login('x', 'mail victim'), limit, 199 + 30 * MINUTE).kind).toBe('Pass');
  });

  test('that were right before are tried again after five minutes: the directory may have been away', () => {
    const logins = new FailedLogins(100);
    logins.failed(login('once good'), limit, 0, { ...refusal, acceptedBefore: true });
    logins.failed(login('once good'), limit, 0, refusal);
    expect(logins.judge(login('once good'), limit, 5 * MINUTE - 1).kind).toBe('Refused');
    expect(logins.judge(login('once good'), limit, 5 * MINUTE).kind).toBe('Pass');
  });

  test('that Exchange has not judged yet count too: the others wait for their verdict', () => {
    const logins = new FailedLogins(100);
    const woken: string[] = [];
    const waiting = { goOn: () => woken.push('e') };
    tryWrong(logins, 'a', 1);
    const began = ['b', 'c', 'd', 'e'].map((one) => logins.begins(login(one), limit, waiting));
    expect(began).toEqual([true, true, true, false]);
    expect(logins.begins(login('e', 'mail bob'), limit, waiting)).toBe(true);
    logins.settled(login('b'));
    expect(woken).toEqual(['e']);
    expect(logins.begins(login('e'), limit, waiting)).toBe(true);
  });
});

test('whatever wrong passwords come when, no more reach Exchange than the limit until there was a window without', () => {
  const attempt = fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 20 * MINUTE }));
  fc.assert(
    fc.property(fc.array(attempt, { maxLength: 300 }), (attempts) => {
      const logins = new FailedLogins(100);
      let now = 0;
      let sent: number[] = [];
      for (const [password, gap] of attempts) {
        now += gap;
        if (now - (sent.at(-1) ?? now) >= limit.windowMs) sent = [];
        if (tryWrong(logins, `p${password}`, now).kind === 'Pass') sent.push(now);
        expect(sent.length).toBeLessThanOrEqual(limit.limit);
      }
    }),
  );
});

test('a million forged users from one address hold no more memory than its limit, and the victim elsewhere sees nothing', () => {
  const logins = new FailedLogins(65_536);
  tryWrong(logins, 'old', 0, 'mail victim', '198.51.100.7');
  for (let n = 0; n < 1_000_000; n++) tryWrong(logins, 'spray', n / 1000, `mail user${n}`);
  expect(logins.size).toBe(201);
  expect(tryWrong(logins, 'old', 1000, 'mail victim', '198.51.100.7').kind).toBe('Pass');
  expect(tryWrong(logins, 'old', 1000, 'mail victim', '198.51.100.7').kind).toBe('Refused');
  expect(logins.judge(login('new', 'mail victim', '198.51.100.7'), limit, 1000).kind).toBe('Pass');
});
