// Changes the emitted items of random rows and sees that their cases fail: node test/conformance/mutate.ts [--rows 30] [--seed N]
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Comparison } from '../gateway/comparison/comparison.ts';
import { faultsOf, pick, seeded } from './mutation.ts';
import { transparentRows } from './rows.ts';

const { values } = parseArgs({ options: { rows: { type: 'string' }, seed: { type: 'string' } } });
const seed = Number(values.seed ?? randomInt(2 ** 31));
const random = seeded(seed);
const rows = pick(transparentRows(), Number(values.rows ?? 30), random);
const comparison = await Comparison.start();
let wrong = 0;
for (const row of rows) {
  const faults = await faultsOf(row, comparison, random);
  const verdict = faults.length === 0 ? 'noticed' : 'NOT NOTICED';
  if (faults.length > 0) wrong += 1;
  console.log(`${verdict.padEnd(12)} ${row.id.padEnd(16)} ${row.test}: ${faults[0] ?? row.items}`);
}
await comparison.stop();
console.log(`${rows.length} rows, ${wrong} without notice, seed ${seed}`);
process.exitCode = wrong === 0 ? 0 : 1;
