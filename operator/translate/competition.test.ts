import { describe, expect, test } from 'vitest';
import { compareAge } from './competition.ts';

const meta = (name: string, creationTimestamp?: string, namespace = 'default') => ({
  name,
  namespace,
  ...(creationTimestamp !== undefined && { creationTimestamp }),
});

describe('age', () => {
  test.each([
    ['the earlier time', meta('z', '2026-01-01T00:00:00Z'), meta('a', '2026-01-01T00:00:01Z')],
    [
      'the earlier time in another zone',
      meta('z', '2026-01-01T01:00:00+02:00'),
      meta('a', '2026-01-01T00:00:00Z'),
    ],
    [
      'the first name where times are equal',
      meta('a', '2026-01-01T00:00:00Z'),
      meta('b', '2026-01-01T00:00:00Z'),
    ],
    ['the first namespace before the first name', meta('z', undefined, 'a'), meta('a', undefined, 'b')],
    ['the one that has a time', meta('z', '2026-01-01T00:00:00Z'), meta('a')],
  ])('%s is older', (_name, older, younger) => {
    expect(compareAge(older, younger)).toBeLessThan(0);
    expect(compareAge(younger, older)).toBeGreaterThan(0);
    expect(compareAge(older, older)).toBe(0);
  });
});
