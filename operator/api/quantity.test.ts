import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareQuantities } from './quantity.ts';

test.each([
  ['500m', '0.5'],
  ['1', '1000m'],
  ['1Ki', '1024'],
  ['1k', '1000'],
  ['0.5Gi', '512Mi'],
  ['0', '0m'],
])('%s is as much as %s', (a, b) => {
  expect(compareQuantities(a, b)).toBe(0);
});

test.each([
  ['1M', '1Mi'],
  ['999m', '1'],
  ['1023', '1Ki'],
  ['9007199254740992', '9007199254740993'],
  ['0.000000001', '0.000000002'],
])('%s is less than %s', (a, b) => {
  expect(compareQuantities(a, b)).toBeLessThan(0);
  expect(compareQuantities(b, a)).toBeGreaterThan(0);
});

test('quantities of one unit order as their numbers do', () => {
  const unit = fc.constantFrom('m', '', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti');
  fc.assert(
    fc.property(fc.nat(), fc.nat(), unit, (a, b, suffix) => {
      expect(compareQuantities(`${a}${suffix}`, `${b}${suffix}`)).toBe(Math.sign(a - b));
    }),
  );
});

test('what is no quantity is a RangeError', () => {
  expect(() => compareQuantities('lots', '1')).toThrow(RangeError);
});
