// The tables of rows are complete and well-formed, and what they name exists.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CASES } from './cases/all.ts';
import { parseItem } from './items.ts';
import { allRows, evidenceOf, type Row, rowsOf, TABLES } from './rows.ts';

const of = (verdict: Row['verdict']): Row[] => allRows().filter((row) => row.verdict === verdict);
const ROOT = join(import.meta.dirname, '../..');

test.each(TABLES)('$name has all its rows, each once', (table) => {
  const ids = rowsOf(table).map(({ id }) => id);
  expect(ids).toHaveLength(table.size);
  expect(new Set(ids).size).toBe(table.size);
});

test('the words of a row are few', () => {
  expect(allRows().filter(({ words }) => words.length < 3 || words.length > 80)).toEqual([]);
});

test('no two cases have one name', () => {
  expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
});

describe('a row that is', () => {
  test('transparent names a case and what it emits', () => {
    const names = new Set(CASES.map(({ name }) => name));
    for (const { caseName, items } of of('transparent').flatMap(evidenceOf)) {
      expect(names).toContain(caseName);
      for (const item of items) expect(() => parseItem(item)).not.toThrow();
    }
  });

  test('proven names a test in a file', () => {
    const files = [...of('proven'), ...of('deviates')].map(({ test }) => test.split(' > ')[0] ?? '');
    expect(files.filter((file) => !file.endsWith('.test.ts') || !existsSync(join(ROOT, file)))).toEqual([]);
  });

  test('aside or deviates says why', () => {
    expect(of('aside').filter(({ test }) => test.length < 20)).toEqual([]);
    expect(of('deviates').filter(({ items }) => items.length < 20)).toEqual([]);
  });
});
