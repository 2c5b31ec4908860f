// Changes the emitted items of random rows and sees that their cases fail: node test/conformance/mutate.ts [--rows 30] [--seed N]
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { faultsOf, pick, seeded, transparentRows } from './mutation.ts';
import { Transparency } from './transparency.ts';

const { values } = parseArgs({ options: { rows: { type: 'string' }, seed: { type: 'string' } } });
const seed = Number(values.seed ?? randomInt(2 ** 31));
const random = seeded(seed);
const rows = pick(transparentRows(), Number(values.rows ?? 30), random);
const transparency = await Transparency.start();
let wrong = 0;
for (const row of rows) {
  const faults = await faultsOf(row, transparency, random);
  const verdict = faults.length === 0 ? 'noticed' : 'NOT NOTICED';
  if (faults.length > 0) wrong += 1;
  console.log(`${verdict.padEnd(12)} ${row.id.padEnd(16)} ${row.test}: ${faults[0] ?? row.items}`);
}
await transparency.stop();
console.log(`${rows.length} rows, ${wrong} without notice, seed ${seed}`);
process.exitCode = wrong === 0 ? 0 : 1;
