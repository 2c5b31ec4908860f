import { expect, test } from 'vitest';
import { VersionCensus } from './version-census.ts';

test('the census of versions counts a device once for each version that it spoke', () => {
  const census = new VersionCensus();
  expect(census.counts()).toEqual({});
  for (let i = 0; i < 5; i++) census.add('14.1', 'ann', 'phone');
  census.add('16.1', 'ann', 'phone');
  census.add('16.1', 'bob', 'phone');
  expect(census.counts()).toEqual({ '14.1': 1, '16.1': 2 });
});

test('the census of versions stays small whatever phones say', () => {
  const census = new VersionCensus();
  for (let i = 0; i < 1000; i++) census.add(`99.${i}`, 'ann', 'phone');
  census.add('', 'ann', 'phone');
  expect(census.counts()).toEqual({ other: 1, none: 1 });
});
