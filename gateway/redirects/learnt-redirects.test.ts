import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LearntRedirects } from './learnt-redirects.ts';

const ONLINE = 'https://outlook.office365.com';
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

const learnt = (): LearntRedirects => {
  const redirects = new LearntRedirects();
  redirects.learn('mail ann', 'mail', ONLINE, 'token 1', 0);
  return redirects;
};

describe('a user who was sent to another server', () => {
  test('is asked for there with the credential that was told so', () => {
    expect(learnt().serverFor('mail ann', 'token 1', true, 1)).toBe(ONLINE);
  });

  test('is asked for there with a new token, of which nothing is known', () => {
    expect(learnt().serverFor('mail ann', 'token 2', false, 1)).toBe(ONLINE);
  });

  test('is not led away with a credential that works elsewhere, until the new server has let him in', () => {
    const redirects = learnt();
    expect(redirects.serverFor('mail ann', 'token 2', true, 1)).toBeUndefined();
    redirects.confirm('mail ann', ONLINE, 2);
    expect(redirects.serverFor('mail ann', 'token 2', true, 3)).toBe(ONLINE);
  });

  test('is forgotten, and counted as one who cannot move, where the new server does not let him in within ten minutes', () => {
    const redirects = learnt();
    redirects.learn('mail ann', 'mail', ONLINE, 'token 2', 9 * MINUTE);
    expect(redirects.serverFor('mail ann', 'token 2', false, 10 * MINUTE)).toBeUndefined();
    expect(redirects.counts(10 * MINUTE)).toEqual([{ route: 'mail', moved: 0, stuck: 1 }]);
  });

  test('is forgotten a day after the new server let him in last', () => {
    const redirects = learnt();
    redirects.confirm('mail ann', ONLINE, 1);
    redirects.confirm('mail ann', ONLINE, DAY);
    expect(redirects.serverFor('mail ann', '', true, 2 * DAY - 1)).toBe(ONLINE);
    expect(redirects.serverFor('mail ann', '', true, 2 * DAY)).toBeUndefined();
    expect(redirects.counts(2 * DAY)).toEqual([]);
  });

  test('is forgotten on request, and only a confirmation by the server that was learnt counts', () => {
    const redirects = learnt();
    redirects.confirm('mail ann', 'https://elsewhere.example', 1);
    expect(redirects.serverFor('mail ann', 'token 2', true, 2)).toBeUndefined();
    redirects.forget('mail ann');
    expect(redirects.serverFor('mail ann', 'token 1', true, 2)).toBeUndefined();
    expect(redirects.size).toBe(0);
  });
});

test('a user who cannot move is counted until somebody serves him, or for a day', () => {
  const redirects = new LearntRedirects();
  redirects.cannotMove('mail ann', 'mail', 0);
  redirects.cannotMove('mail ann', 'mail', 5);
  redirects.cannotMove('mail bob', 'mail', 5);
  redirects.cannotMove('old carl', 'old', 5);
  expect(redirects.counts(6)).toEqual([
    { route: 'mail', moved: 0, stuck: 2 },
    { route: 'old', moved: 0, stuck: 1 },
  ]);
  redirects.canMove('mail ann');
  expect(redirects.counts(6)[0]).toEqual({ route: 'mail', moved: 0, stuck: 1 });
  expect(redirects.counts(DAY + 5)).toEqual([]);
});

test('whatever happens, no more users are held than the limit, and the counts are those of the entries', () => {
  const user = fc.nat({ max: 30 }).map((n) => [`r${n % 3} u${n}`, `r${n % 3}`] as const);
  const step = fc.tuple(fc.constantFrom('learn', 'confirm', 'forget', 'cannot', 'can', 'ask'), user);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const redirects = new LearntRedirects({ limit: 7 });
      for (const [at, [action, [key, route]]] of steps.entries()) {
        if (action === 'learn') redirects.learn(key, route, ONLINE, 'c', at);
        else if (action === 'confirm') redirects.confirm(key, ONLINE, at);
        else if (action === 'forget') redirects.forget(key);
        else if (action === 'cannot') redirects.cannotMove(key, route, at);
        else if (action === 'can') redirects.canMove(key);
        else redirects.serverFor(key, 'd', false, at);
        expect(Math.max(redirects.size, redirects.stuckSize)).toBeLessThanOrEqual(7);
      }
      const counts = redirects.counts(steps.length);
      expect(counts.reduce((sum, { moved }) => sum + moved, 0)).toBe(redirects.size);
      expect(counts.reduce((sum, { stuck }) => sum + stuck, 0)).toBe(redirects.stuckSize);
    }),
  );
});
