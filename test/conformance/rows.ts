// The rows of the requirement tables in our own words, each with its verdict. One file for each table; tabs between the columns.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Test files are named from the root of the repository, then the titles of suites and test, as `vitest list` prints them. */
export const TRANSPARENCY = 'test/conformance/transparency.test.ts';

/**
 * proven: by the test that `test` names. transparent: byte equality in the cases that `test` names, which emit `items`.
 * aside: not on a gateway's path, because of `test`. deviates: the gateway does otherwise on purpose, shown by the test that `test`
 * names, for the reason in `items`.
 */
export type Verdict = 'proven' | 'transparent' | 'aside' | 'deviates';

export interface Row {
  readonly id: string;
  readonly section: string;
  /** What it asks for, in a few words of ours. */
  readonly words: string;
  readonly verdict: Verdict;
  readonly test: string;
  readonly items: string;
}

export interface Table {
  readonly name: string;
  /** Beside this file. */
  readonly file: string;
  /** How many rows the published table has. */
  readonly size: number;
}

export const TABLES: readonly Table[] = [
  { name: 'MS-ASHTTP', file: 'ashttp.tsv', size: 316 },
  { name: 'MS-ASPROV', file: 'asprov.tsv', size: 831 },
];

const VERDICTS: ReadonlySet<string> = new Set(['proven', 'transparent', 'aside', 'deviates']);

/** @throws TypeError when a line has not six columns, or no verdict. */
export function rowsOf({ file }: Table): Row[] {
  const [, ...lines] = readFileSync(join(import.meta.dirname, file), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.map((line) => {
    const columns = line.split('\t');
    const [id = '', section = '', words = '', verdict = '', test = '', items = ''] = columns;
    if (columns.length !== 6 || !VERDICTS.has(verdict)) throw new TypeError(`${file}: no row: ${line}`);
    return { id, section, words, verdict: verdict as Verdict, test, items };
  });
}

/** The rows of all tables. */
export function allRows(): Row[] {
  return TABLES.flatMap(rowsOf);
}

/** Rows that rest on byte equality, in the order of their tables. */
export function transparentRows(): Row[] {
  return allRows().filter(({ verdict }) => verdict === 'transparent');
}

/** A case that a row rests on, and what of it (items.ts). */
export interface Evidence {
  readonly caseName: string;
  readonly items: readonly string[];
}

/** Between cases in `test`, and between what they emit in `items`; one case has ` && ` between its items. */
const NEXT_CASE = ' + ';

/** The cases of a row that is transparent. */
export function evidenceOf({ test, items }: Row): Evidence[] {
  const emitted = items.split(NEXT_CASE);
  return test.split(NEXT_CASE).map((caseName, at) => {
    return { caseName, items: (emitted[at] ?? '').split(' && ') };
  });
}

/** The full names of the tests that a row rests on; none for rows aside. */
export function testsOf(row: Row): string[] {
  if (row.verdict === 'aside') return [];
  if (row.verdict !== 'transparent') return [row.test];
  return evidenceOf(row).map(({ caseName }) => `${TRANSPARENCY} > ${caseName}`);
}
