import { describe, expect, test } from 'vitest';
import type { SignIn } from '../access/sign-in.ts';
import { HeaderList } from '../http/headers.ts';
import type { AskedFor } from './parse.ts';
import { compileThrottling } from './route-rules.ts';
import { type Judged, type SigningIn, Throttle } from './throttle.ts';

const throttling = compileThrottling({
  deviceRequests: { perMinute: 60, burst: 3 },
  userRequests: { perMinute: 60, burst: 5 },
  identicalCommands: { limit: 3, windowSeconds: 60, retryAfterSeconds: 60 },
});
const head = (status: number, ...lines: readonly (readonly [string, string])[]) => ({
  status,
  reason: '',
  headers: HeaderList.of(...lines),
  body: 0,
});
const signIn = (user: string, credential: string, basic = false): SignIn => ({ user, credential, basic });
const asked = (deviceId: string): AskedFor => ({
  command: 'FolderSync',
  version: '16.1',
  user: '',
  deviceId,
  deviceType: 'iPhone',
  target: `/?DeviceId=${deviceId}`,
});
const request = (by: SignIn, deviceId = 'phone', address = '192.0.2.1'): Judged => ({
  throttling,
  signIn: by,
  asked: asked(deviceId),
  address,
});

describe('a million forged ids', () => {
  test('of users and devices leave the bucket, the wait and the memory of the victim as they are', () => {
    const throttle = new Throttle({ clock: { now: () => 0 }, wallClock: { now: () => 0 }, maxUsers: 1000 });
    const connection = newConnection();
    const victim = request(signIn('mail ann', 'good'));
    throttle.answered(victim, head(200), connection);
    expect(throttle.refusal(victim)).toBeUndefined();

    for (let n = 0; n < 1_000_000; n++) {
      const by = signIn(n % 2 === 0 ? 'mail ann' : `mail user${n}`, `forged ${n}`, n % 3 === 0);
      const forged = request(by, n % 5 === 0 ? 'phone' : `device${n}`, `203.0.113.${n % 250}`);
      throttle.refusal(forged);
      throttle.looping(forged, []);
      // Whatever stands before Exchange may answer so to anybody.
      const answer = n % 4 === 0 ? head(503, ['Retry-After', '3600']) : head(n % 4 === 1 ? 403 : 401);
      throttle.answered(forged, answer, connection);
    }

    expect(throttle.users.size).toBe(1);
    expect(throttle.logins.size).toBeLessThanOrEqual(1000);
    expect([1, 2].map(() => throttle.refusal(victim))).toEqual([undefined, undefined]);
    expect(throttle.refusal(victim)).toMatchObject({ reason: 'device-requests' });
    const tablet = request(victim.signIn as SignIn, 'tablet');
    expect([1, 2].map(() => throttle.refusal(tablet))).toEqual([undefined, undefined]);
    expect(throttle.refusal(tablet)).toMatchObject({ reason: 'user-requests' });
  });

  test('of devices by a user whom Exchange lets in cost the others nothing', () => {
    const throttle = new Throttle({ clock: { now: () => 0 }, wallClock: { now: () => 0 }, maxUsers: 1000 });
    const victim = request(signIn('mail ann', 'good'));
    throttle.answered(victim, head(200), newConnection());
    throttle.answered(victim, head(503, ['Retry-After', '60']), newConnection());
    const eve = signIn('mail eve', 'hers');
    for (let n = 0; n < 1_000_000; n++) {
      const forged = request(eve, `device${n}`);
      throttle.answered(forged, head(n % 2 === 0 ? 200 : 503, ['Retry-After', '60']), newConnection());
    }
    expect(throttle.users.size).toBe(2);
    expect(throttle.refusal(victim)).toMatchObject({ reason: 'retry-after' });
  });
});

test('no more users are held than the limit: those that Exchange let in last', () => {
  const throttle = new Throttle({ clock: { now: () => 0 }, wallClock: { now: () => 0 }, maxUsers: 1000 });
  for (let n = 0; n < 5000; n++) {
    throttle.answered(request(signIn(`mail user${n}`, `good ${n}`)), head(200), newConnection());
  }
  expect(throttle.users.size).toBe(1000);
  expect(throttle.users.accepted('mail user4999', 'good 4999')).toBeDefined();
  expect(throttle.users.accepted('mail user3999', 'good 3999')).toBeUndefined();
});

describe('a device is told to wait', () => {
  const throttled = (...lines: readonly (readonly [string, string])[]) => {
    let now = 0;
    const throttle = new Throttle({ clock: { now: () => now }, wallClock: { now: () => now }, maxUsers: 10 });
    const phone = request(signIn('mail ann', 'good'));
    const connection = newConnection();
    throttle.answered({ ...phone, asked: asked('other') }, head(200), connection);
    throttle.answered(phone, head(503, ...lines), connection);
    return (at: number) => {
      now = at;
      const { deviceRequests: _, userRequests: __, ...waits } = throttling;
      const quiet = { ...waits, deviceRequests: undefined, userRequests: undefined };
      return throttle.refusal({ ...phone, throttling: quiet })?.headers.get('retry-after');
    };
  };

  test.each([
    ['a number of seconds', [['Retry-After', '30']], 30_000],
    ['a date', [['Retry-After', 'Thu, 01 Jan 1970 00:00:45 GMT']], 45_000],
    ['a throttle without a time', [['X-MS-ASThrottle', 'RecentCommands']], 30_000],
    ['a time beyond an hour', [['Retry-After', '999999']], 3_600_000],
  ] as const)('by %s', (_, lines, until) => {
    const retryAfter = throttled(...lines);
    expect(retryAfter(until - 1)).toBe('1');
    expect(retryAfter(until)).toBeUndefined();
  });

  test.each([
    ['rubbish', [['Retry-After', 'soon']]],
    ['a time that has passed', [['Retry-After', 'Thu, 01 Jan 1970 00:00:00 GMT']]],
    ['a negative number', [['Retry-After', '-5']]],
    ['what is left of a budget', [['X-MS-BackOffDuration', 'L/-470']]],
    ['nothing at all', []],
  ] as const)('not by %s', (_, lines) => {
    expect(throttled(...lines)(1)).toBeUndefined();
  });
});

function newConnection(): SigningIn {
  return { proven: false };
}
