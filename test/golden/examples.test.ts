// What stands in examples/ is what an API server takes.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readDocuments } from '../../operator/provider/file/documents.ts';
import { readObject } from '../../operator/provider/file/objects.ts';

const folder = fileURLToPath(new URL('../../examples', import.meta.url));
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.yaml'),
);

test.each(files)('examples/%s is good', (name) => {
  const readings = readDocuments(readFileSync(`${folder}/${name}`, 'utf8')).map((document) =>
    'error' in document ? document : readObject(document.value),
  );
  const kinds = readings.flatMap((reading) => ('kind' in reading ? [reading.kind] : []));
  expect(readings.filter((reading) => !('kind' in reading))).toEqual([]);
  expect(kinds).toEqual(expect.arrayContaining(['SentryGateway', 'ExchangeRoute']));
});
