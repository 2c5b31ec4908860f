// What a row is about reaches the other side unchanged: each case runs at the server itself and through the gateway.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Comparison, differences } from '../gateway/comparison/comparison.ts';
import { CASES } from './cases/all.ts';
import { asUser } from './cases/exchange-case.ts';
import { isEmitted, parseItem } from './items.ts';
import { evidenceOf, transparentRows } from './rows.ts';

let comparison: Comparison;

beforeAll(async () => {
  comparison = await Comparison.start();
});

afterAll(() => comparison.stop());

const evidence = Map.groupBy(transparentRows().flatMap(evidenceOf), ({ caseName }) => caseName);

test.each(CASES.map((each) => [each.name, each] as const))('%s', async (_, each) => {
  const outcome = await comparison.run(asUser(each, CASES.indexOf(each)));
  const named = new Set((evidence.get(each.name) ?? []).flatMap(({ items }) => items));
  const notEmitted = [...named].filter((text) => !isEmitted(parseItem(text), outcome.direct));
  expect(notEmitted).toEqual([]);
  expect(differences(outcome)).toEqual([]);
});
