import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Counts } from './counts.ts';

test('counts are what was added less what was removed, and never less than nothing', () => {
  const step = fc.record({ add: fc.boolean(), key: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const counts = new Counts();
      const expected: Record<string, number> = { a: 0, b: 0, c: 0 };
      for (const { add, key } of steps) {
        if (add) counts.add(key);
        else counts.remove(key);
        expected[key] = Math.max((expected[key] ?? 0) + (add ? 1 : -1), 0);
      }
      for (const [key, count] of Object.entries(expected)) expect(counts.of(key)).toBe(count);
    }),
  );
});

test('clients that have nothing any more are forgotten, and those that have something are not', () => {
  const counts = new Counts();
  counts.add('stays');
  for (let i = 0; i < 100_000; i++) {
    counts.add(`client ${i}`);
    counts.remove(`client ${i}`);
    expect(counts.size).toBeLessThan(2_100);
  }
  expect([counts.of('stays'), counts.of('client 0'), counts.of('client 99999')]).toEqual([1, 0, 0]);
});

test('one client that comes and goes costs the same among many as alone', () => {
  const counts = new Counts();
  for (let i = 0; i < 50_000; i++) counts.add(`client ${i}`);
  for (let i = 0; i < 1_000_000; i++) {
    counts.add('restless');
    counts.remove('restless');
  }
  expect([counts.of('restless'), counts.size]).toEqual([0, 50_001]);
});
