// A row whose test is missing, was skipped or failed is told of.
import { expect, test } from 'vitest';
import { checkNamedTests, type Report } from './named-tests.ts';
import type { Row } from './rows.ts';

const row = (id: string, test: string): Row => {
  return { id, section: '1', words: 'words', verdict: 'proven', test, items: '' };
};
const ROWS = [
  row('R1', 'a/x.test.ts > the suite > works'),
  row('R2', 'a/x.test.ts > the suite > works too'),
  row('R3', 'b/y.test.ts > works'),
  { ...row('R4', 'for a reason'), verdict: 'aside' as const },
];

const report = (file: string, ...tests: readonly (readonly [string[], string, string])[]): Report => ({
  testResults: [
    {
      name: `/repository/${file}`,
      assertionResults: tests.map(([ancestorTitles, title, status]) => ({ ancestorTitles, title, status })),
    },
  ],
});

const check = (reports: readonly Report[], isWhole: boolean) =>
  checkNamedTests(ROWS, reports, { root: '/repository', isWhole });

const PASSED = report(
  'a/x.test.ts',
  [['the suite'], 'works', 'passed'],
  [['the suite'], 'works too', 'passed'],
);

test('nothing is told of where all have passed', () => {
  const reports = [PASSED, report('b/y.test.ts', [[], 'works', 'passed'])];
  expect(check(reports, true)).toEqual({ named: 3, passedOver: 0, faults: [] });
});

test('a test that is missing fails a whole run, and one of some files where its file has run', () => {
  expect(check([PASSED], true).faults).toEqual(['R3 rests on a test that is missing: b/y.test.ts > works']);
  expect(check([PASSED], false)).toEqual({ named: 3, passedOver: 1, faults: [] });
  const renamed = report('b/y.test.ts', [[], 'works well', 'passed']);
  expect(check([PASSED, renamed], false).faults).toHaveLength(1);
});

test.each(['skipped', 'pending', 'todo', 'failed'])('a test that is %s fails', (status) => {
  const faults = check([PASSED, report('b/y.test.ts', [[], 'works', status])], true).faults;
  expect(faults).toEqual([`R3 rests on a test that is ${status}: b/y.test.ts > works`]);
});
