// Byte equality counts only where a change would be noticed: each item of each row is changed, and its case must turn red.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultsOf, seeded, transparentRows } from './mutation.ts';
import { Transparency } from './transparency.ts';

let transparency: Transparency;

beforeAll(async () => {
  transparency = await Transparency.start();
});

afterAll(() => transparency.stop());

test('a change of any item of any row is noticed', async () => {
  const random = seeded(5);
  const faults: string[] = [];
  for (const row of transparentRows()) {
    const found = await faultsOf(row, transparency, random);
    faults.push(...found.map((fault) => `${row.id}: ${row.test}: ${fault}`));
  }
  expect(faults).toEqual([]);
});
