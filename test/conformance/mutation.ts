// Changes what a row is about between gateway and server, and sees whether the row's case notices.
import { type Comparison, differences, type Outcome } from '../gateway/comparison/comparison.ts';
import type { Meddling } from '../gateway/comparison/recorder.ts';
import { caseNamed } from './cases/all.ts';
import { asUser } from './cases/exchange-case.ts';
import { mutationOf, parseItem, type Random } from './items.ts';
import { evidenceOf, type Row } from './rows.ts';

/**
 * What is wrong with a row: that its case fails unchanged, and the items whose change the case did not notice. Empty where the case
 * proves what the row claims.
 */
export async function faultsOf(row: Row, comparison: Comparison, random: Random): Promise<string[]> {
  const faults: string[] = [];
  for (const { caseName, items } of evidenceOf(row)) {
    const each = caseNamed(caseName);
    const run = (meddling?: Meddling): Promise<Outcome> =>
      comparison.run(asUser(each, Math.floor(random() * 1e9)), meddling);
    faults.push(...differences(await run()));
    for (const text of items) {
      const outcome = await run(mutationOf(parseItem(text), random));
      if (differences(outcome).length === 0) faults.push(`a change is not noticed: ${text}`);
    }
  }
  return faults;
}

/** Numbers in [0, 1) that the seed (a whole number) alone decides: mulberry32. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** So many rows, each at most once, in random order. */
export function pick(rows: readonly Row[], count: number, random: Random): Row[] {
  return rows
    .map((row) => ({ row, place: random() }))
    .toSorted((one, other) => one.place - other.place)
    .slice(0, count)
    .map(({ row }) => row);
}
