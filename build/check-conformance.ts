// After a test run: every test that a row of test/conformance names has run and passed, as the reports under dist/tests tell. With
// --all those of every project must be there; otherwise those of files that have run.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkNamedTests, type Report } from '../test/conformance/named-tests.ts';
import { allRows } from '../test/conformance/rows.ts';

const root = join(import.meta.dirname, '..');
const directory = join(root, 'dist/tests');
const reports = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Report);
const isWhole = process.argv.includes('--all');
const { named, passedOver, faults } = checkNamedTests(allRows(), reports, { root, isWhole });
for (const fault of faults) console.error(fault);
console.log(
  `conformance: ${named} tests are named by rows; ${passedOver} were not asked for, ${faults.length} are missing, skipped or failed`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
