// For whoever has the published tables (they are not ours to commit): their rows and sections are those of our files.
//     node test/conformance/compare-with-tables.ts ms-ashttp.tsv ms-asprov.tsv
import { readFileSync } from 'node:fs';
import { rowsOf, TABLES } from './rows.ts';

const files = process.argv.slice(2);
if (files.length !== TABLES.length) {
  console.error('usage: node test/conformance/compare-with-tables.ts MS-ASHTTP.tsv MS-ASPROV.tsv');
  process.exit(2);
}

for (const [at, table] of TABLES.entries()) {
  const [, ...lines] = readFileSync(files[at] as string, 'utf8')
    .trimEnd()
    .split('\n');
  let before = '';
  const published = lines.map((line) => {
    const [id = '', section = ''] = line.split('\t');
    before = id === '' ? `${before}-next` : id;
    return `${before} ${section}`;
  });
  const ours = new Set(rowsOf(table).map(({ id, section }) => `${id} ${section}`));
  const theirs = new Set(published);
  const missing = published.filter((row) => !ours.has(row));
  const invented = [...ours].filter((row) => !theirs.has(row));
  console.log(
    `${table.name}: ${published.length} rows, ${missing.length} missing, ${invented.length} invented`,
  );
  for (const row of missing) console.log(`  missing: ${row}`);
  for (const row of invented) console.log(`  invented: ${row}`);
  if (missing.length + invented.length > 0) process.exitCode = 1;
}
