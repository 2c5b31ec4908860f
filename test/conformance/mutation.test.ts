// Byte equality counts only where a change would be noticed: each item of each row is changed, and its case must turn red.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Comparison } from '../gateway/comparison/comparison.ts';
import { faultsOf, seeded } from './mutation.ts';
import { transparentRows } from './rows.ts';

let comparison: Comparison;

beforeAll(async () => {
  comparison = await Comparison.start();
});

afterAll(() => comparison.stop());

test('a change of any item of any row is noticed', async () => {
  const random = seeded(5);
  const faults: string[] = [];
  for (const row of transparentRows()) {
    const found = await faultsOf(row, comparison, random);
    faults.push(...found.map((fault) => `${row.id}: ${row.test}: ${fault}`));
  }
  expect(faults).toEqual([]);
});
