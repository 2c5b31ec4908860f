import { expect, test } from 'vitest';
import { versionNumber, versionOfByte, versionOfHeader } from './versions.ts';

test('versions can be compared, also those that are yet to come', () => {
  const versions = ['2.5', '12.0', '12.1', '14.0', '14.1', '16.0', '16.1', '16.2', '17.0'];
  const numbers = versions.map(versionNumber);
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(versionNumber('16.1')).toBe(161);
  expect(versionNumber(versionOfByte(161) ?? '')).toBe(161);
});

test.each(['', '16', '16.', '.1', '16.10', '116.1', '16.1 ', '16,1', 'x', '-1.0'])(
  '%j is no version',
  (text) => {
    expect(versionNumber(text)).toBe(0);
    expect(versionOfHeader(text)).toBe('');
  },
);
