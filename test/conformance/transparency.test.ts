// What a row is about reaches the other side unchanged: each case runs at the server itself and through the gateway.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CASES } from './cases/all.ts';
import { isEmitted, parseItems } from './items.ts';
import { allRows } from './rows.ts';
import { differences, Transparency } from './transparency.ts';

let transparency: Transparency;

beforeAll(async () => {
  transparency = await Transparency.start();
});

afterAll(() => transparency.stop());

const itemsByCase = Map.groupBy(
  allRows().filter(({ verdict }) => verdict === 'transparent'),
  (row) => row.test,
);

test.each(CASES)('$name', async (each) => {
  const outcome = await transparency.run(each);
  const texts = new Set((itemsByCase.get(each.name) ?? []).flatMap(({ items }) => items.split(' && ')));
  const notEmitted = [...texts].filter(
    (text) => !parseItems(text).every((item) => isEmitted(item, outcome.direct)),
  );
  expect(notEmitted).toEqual([]);
  expect(differences(outcome)).toEqual([]);
});
