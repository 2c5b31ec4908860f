// Whether the tests that rows name have run and passed, as vitest's JSON reports tell.
import { relative } from 'node:path';
import { type Row, testsOf } from './rows.ts';

/** As much of a report as matters here. */
export interface Report {
  readonly testResults: readonly {
    /** Absolute path of the file. */
    readonly name: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

export interface CheckOptions {
  /** Of the repository. */
  readonly root: string;
  /** Every project has run: a test whose file is in no report is missing. Otherwise such tests are passed over. */
  readonly isWhole: boolean;
}

export interface CheckResult {
  /** How many different tests are named, and how many of them were passed over. */
  readonly named: number;
  readonly passedOver: number;
  /** One sentence for each test that is missing, was skipped or failed. */
  readonly faults: readonly string[];
}

/** Compares what the rows name with what the reports tell. */
export function checkNamedTests(
  rows: readonly Row[],
  reports: readonly Report[],
  { root, isWhole }: CheckOptions,
): CheckResult {
  const results = reports.flatMap(({ testResults }) => testResults);
  const files = new Set(results.map(({ name }) => relative(root, name)));
  const statuses = new Map(
    results.flatMap(({ name, assertionResults }) =>
      assertionResults.map(({ ancestorTitles, title, status }) => {
        return [[relative(root, name), ...ancestorTitles, title].join(' > '), status] as const;
      }),
    ),
  );
  const named = new Map(rows.flatMap((row) => testsOf(row).map((test) => [test, row.id] as const)));
  const mustHaveRun = [...named].filter(([test]) => isWhole || files.has(test.split(' > ')[0] ?? ''));
  const faults = mustHaveRun.flatMap(([test, id]) => {
    const status = statuses.get(test) ?? 'missing';
    return status === 'passed' ? [] : [`${id} rests on a test that is ${status}: ${test}`];
  });
  return { named: named.size, passedOver: named.size - mustHaveRun.length, faults };
}
