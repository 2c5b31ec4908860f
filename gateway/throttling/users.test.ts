import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenBucket } from './bucket.ts';
import { CommandLoop } from './loop.ts';
import { ThrottledUsers } from './users.ts';

describe('a token bucket', () => {
  test('gives its burst at once, and one token in each interval after it', () => {
    const bucket = new TokenBucket();
    const limit = { intervalMs: 1000, burst: 3 };
    const taken = [0, 0, 0, 0, 500, 1000, 1000, 2000].map((now) => {
      const wait = bucket.wait(now, limit);
      if (wait === 0) bucket.take(now, limit);
      return wait;
    });
    expect(taken).toEqual([0, 0, 0, 1000, 500, 0, 1000, 0]);
  });

  test('never gives more than its burst and what flowed in, however requests come', () => {
    const arbitrary = fc.record({
      intervalMs: fc.integer({ min: 1, max: 1000 }),
      burst: fc.integer({ min: 1, max: 50 }),
      gaps: fc.array(fc.nat({ max: 2000 }), { minLength: 1, maxLength: 200 }),
    });
    fc.assert(
      fc.property(arbitrary, ({ intervalMs, burst, gaps }) => {
        const bucket = new TokenBucket();
        let [now, taken] = [0, 0];
        for (const gap of gaps) {
          now += gap;
          const wait = bucket.wait(now, { intervalMs, burst });
          expect(wait).toBeLessThanOrEqual(intervalMs);
          if (wait > 0) continue;
          bucket.take(now, { intervalMs, burst });
          taken++;
          expect(taken).toBeLessThanOrEqual(burst + Math.floor(now / intervalMs));
        }
      }),
    );
  });
});

describe('identical commands', () => {
  const limit = { limit: 3, windowMs: 60_000, holdMs: 600_000 };

  test('pass up to the limit, then wait', () => {
    const loop = new CommandLoop();
    expect([1, 2, 3, 4, 5].map((now) => loop.judge('A', now, limit))).toEqual([0, 0, 0, 600_000, 599_999]);
  });

  test('are counted together where two of them alternate', () => {
    const loop = new CommandLoop();
    const waits = Array.from({ length: 10 }, (_, at) => loop.judge(at % 2 === 0 ? 'A' : 'B', at, limit));
    expect(waits.filter((wait) => wait > 0).length).toBeGreaterThan(2);
  });

  test('are no loop as long as something new comes between them', () => {
    const loop = new CommandLoop();
    for (let at = 0; at < 100; at++) {
      expect(loop.judge('Ping', at, limit)).toBe(0);
      expect(loop.judge(`Sync ${at}`, at, limit)).toBe(0);
    }
  });

  test('are no loop where they come slowly, as polls do', () => {
    const loop = new CommandLoop();
    for (let at = 0; at < 100; at++) expect(loop.judge('Ping', at * 30_000, limit)).toBe(0);
  });

  test('pass again once the device does something else, or the time is over', () => {
    const loop = new CommandLoop();
    for (const now of [1, 2, 3]) loop.judge('A', now, limit);
    expect(loop.judge('A', 4, limit)).toBe(600_000);
    expect(loop.judge('B', 5, limit)).toBe(0);
    expect(loop.judge('A', 6, limit)).toBe(0);
    for (const now of [7, 8]) loop.judge('A', now, limit);
    expect(loop.judge('A', 9, limit)).toBe(600_000);
    expect(loop.judge('A', 600_009, limit)).toBe(0);
  });

  test('of any device: between two new commands no more pass than the limit in each window', () => {
    const step = fc.tuple(fc.constantFrom('A', 'B', 'C'), fc.nat({ max: 40 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const loop = new CommandLoop();
        const passed: Record<string, number[]> = {};
        let now = 0;
        for (const [command, gap] of steps) {
          now += gap;
          const isNew = passed[command] === undefined;
          if (isNew) for (const key of Object.keys(passed)) passed[key] = [];
          const times = (passed[command] ??= []);
          if (loop.judge(command, now, { limit: 5, windowMs: 100, holdMs: 500 }) === 0) times.push(now);
          // A fixed window: two of them touch.
          expect(times.filter((time) => now - time < 100).length).toBeLessThanOrEqual(10);
        }
      }),
    );
  });
});

describe('users whom Exchange let in', () => {
  test('are known by the credential alone that was accepted', () => {
    const users = new ThrottledUsers(10);
    users.accept('mail ann', 'good');
    expect(users.accepted('mail ann', 'good')).toBeDefined();
    expect(users.accepted('mail ann', 'forged')).toBeUndefined();
    expect(users.revoke('mail ann', 'forged')).toBe(false);
    expect(users.revoke('mail ann', 'good')).toBe(true);
    expect(users.accepted('mail ann', 'good')).toBeUndefined();
  });

  test('keep their entry while a million of others ask with forged credentials', () => {
    const users = new ThrottledUsers(10);
    const ann = users.accept('mail ann', 'good');
    for (let n = 0; n < 1_000_000; n++) users.accepted(`mail user${n}`, 'forged');
    for (let n = 0; n < 1_000_000; n++) users.accepted('mail ann', `forged ${n}`);
    expect(users.accepted('mail ann', 'good')).toBe(ann);
    expect(users.size).toBe(1);
  });

  test('push out only their own devices, and only their own credentials, however many they invent', () => {
    const users = new ThrottledUsers(10);
    const ann = users.accept('mail ann', 'good');
    const phone = ann.device('phone');
    const eve = users.accept('mail eve', 'hers');
    for (let n = 0; n < 100_000; n++) {
      eve.device(`device${n}`);
      users.accept('mail eve', `token ${n}`);
    }
    expect(ann.knownDevice('phone')).toBe(phone);
    expect(eve.knownDevice('device0')).toBeUndefined();
    expect(users.accepted('mail eve', 'hers')).toBeUndefined();
  });
});
