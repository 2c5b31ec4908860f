// After a test run: every test that a row of test/conformance names has run and passed, as the reports under dist/tests tell. With
// --all those of every project must be there; otherwise those of files that have run.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { allRows, testOf } from '../test/conformance/rows.ts';

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

const root = join(import.meta.dirname, '..');
const statuses = new Map<string, string>();
const files = new Set<string>();
for (const name of readdirSync(join(root, 'dist/tests')).filter((each) => each.endsWith('.json'))) {
  const { testResults } = JSON.parse(readFileSync(join(root, 'dist/tests', name), 'utf8')) as Report;
  for (const { name, assertionResults } of testResults) {
    const file = relative(root, name);
    files.add(file);
    for (const { ancestorTitles, title, status } of assertionResults) {
      statuses.set([file, ...ancestorTitles, title].join(' > '), status);
    }
  }
}

const isWhole = process.argv.includes('--all');
const named = new Map(allRows().flatMap((row) => [[testOf(row) ?? '', row.id] as const]));
named.delete('');
let wrong = 0;
for (const [test, row] of named) {
  const status = statuses.get(test);
  const hasRun = files.has(test.split(' > ')[0] ?? '');
  if (status === 'passed' || (!hasRun && !isWhole)) continue;
  console.error(`${row} rests on a test that ${status ?? 'is missing'}: ${test}`);
  wrong += 1;
}
console.log(`conformance: ${named.size} tests are named, ${wrong} of them are missing, skipped or failed`);
process.exitCode = wrong === 0 ? 0 : 1;
