import { describe, expect, test } from 'vitest';
import * as answers from './own-answers.ts';
import { DRAINING, headersOf, NO_SERVER, refused, TOO_MANY_UNACCEPTED } from './own-answers.ts';

const retryAfter = (own: answers.OwnAnswer, random: () => number): string | undefined =>
  headersOf(own, random).get('retry-after');

describe('Retry-After of our own answers', () => {
  test('is 30 seconds where one phone is concerned', () => {
    for (const random of [0, 0.5, 0.999_999]) expect(retryAfter(NO_SERVER, () => random)).toBe('30');
  });

  test.each([
    ['a drain', DRAINING],
    ['an overload', TOO_MANY_UNACCEPTED],
    ['a busy gateway', refused('Busy', 'Sync', '16.1')],
    ['a server error to 12.1', refused('ServerErrorRetryLater', 'Sync', '12.1')],
  ])('is spread from 30 to 45 seconds where many are: %s', (_, own) => {
    expect(retryAfter(own, () => 0)).toBe('30');
    expect(retryAfter(own, () => 0.999_999)).toBe('45');
    const seen = new Set(Array.from({ length: 2000 }, () => retryAfter(own, Math.random)));
    expect(seen.size).toBe(16);
  });

  test('stands once, and leaves the answer as it is for the next phone', () => {
    headersOf(DRAINING, () => 0.9);
    expect(headersOf(DRAINING, () => 0.9).getAll('retry-after')).toHaveLength(1);
    expect(DRAINING.headers.get('retry-after')).toBe('30');
  });
});
