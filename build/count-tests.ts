// Prints each test that failed with the first lines of why, then the closing line of a test run, `N passed, N failed, N skipped`,
// from the reports under dist/tests.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

interface Report {
  numPassedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

const root = join(import.meta.dirname, '..');
const directory = join(root, 'dist/tests');
const reports = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Report);

function failuresOf({ testResults }: Report): { title: string; reason: string }[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(root, name);
    const failures = assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => ({ title: `${file}: ${test.fullName}`, reason: test.failureMessages.join('\n') }));
    return failures.length === 0 && status === 'failed' ? [{ title: file, reason: message }] : failures;
  });
}

const failures = reports.flatMap(failuresOf);
for (const { title, reason } of failures)
  console.log([`failed: ${title}`, ...reason.split('\n').slice(0, 12)].join('\n    '));

const sum = (count: (report: Report) => number): number =>
  reports.reduce((total, report) => total + count(report), 0);
const passed = sum(({ numPassedTests }) => numPassedTests);
const skipped = sum(({ numPendingTests, numTodoTests }) => numPendingTests + numTodoTests);
console.log(`${passed} passed, ${failures.length} failed, ${skipped} skipped`);
