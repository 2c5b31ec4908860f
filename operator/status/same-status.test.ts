import { expect, test } from 'vitest';
import { isSameStatus } from './same-status.ts';

test.each([
  ['the order of fields', { a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ d: 2, c: 1 }], a: 1 }, true],
  ['fields that are undefined', { a: 1, b: undefined }, { a: 1 }, true],
  ['no status and an empty one', undefined, {}, true],
  ['the order of items', { a: [1, 2] }, { a: [2, 1] }, false],
  ['a value', { a: 1 }, { a: 2 }, false],
  ['a field more', { a: 1 }, { a: 1, b: 1 }, false],
])('%s: %j and %j', (_name, previous, next, same) => {
  expect(isSameStatus(previous, next)).toBe(same);
});
