import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { productionPackages, refusedLicense } from './licenses.ts';

const root = mkdtempSync(join(tmpdir(), 'sentry-licenses-'));
afterAll(() => rmSync(root, { recursive: true }));

const verdict = (license: string): boolean =>
  refusedLicense({ name: 'x', version: '1.0.0', license }) === undefined;

test.for([
  'MIT',
  'ISC',
  'BSD-3-Clause',
  'Apache-2.0',
  'MIT OR GPL-3.0-only',
  '(MIT AND Apache-2.0)',
  '(GPL-2.0-only OR (MIT AND ISC))',
])('%s may be shipped', (license) => expect(verdict(license)).toBe(true));

test.for([
  'GPL-3.0-only',
  'MIT AND GPL-3.0-only',
  '(MIT AND SSPL-1.0) OR LGPL-3.0-only',
  'UNLICENSED',
  'SEE LICENSE IN x',
  '',
])('"%s" may not be shipped', (license) => expect(verdict(license)).toBe(false));

test('the refusal names the package, its version and its licence', () => {
  expect(refusedLicense({ name: '@a/b', version: '2.0.0', license: 'AGPL-3.0-only' })).toMatch(
    /^@a\/b@2[.]0[.]0 is under AGPL-3[.]0-only/,
  );
});

test('development dependencies are not looked at, and what a package declares counts more than the lockfile', () => {
  const packages = {
    '': { version: '0.1.0' },
    'node_modules/ours': { version: '1.0.0', license: 'MIT' },
    'node_modules/tool': { version: '1.0.0', license: 'GPL-3.0-only', dev: true },
    'node_modules/ours/node_modules/@deep/old': { version: '0.1.0' },
    'node_modules/other-platform': { version: '3.0.0', license: 'ISC', optional: true },
    'node_modules/silent': { version: '1.0.0' },
  };
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages }));
  const manifest = (path: string, document: object): void => {
    mkdirSync(join(root, path), { recursive: true });
    writeFileSync(join(root, path, 'package.json'), JSON.stringify(document));
  };
  manifest('node_modules/ours', { license: 'AGPL-3.0-only' });
  manifest('node_modules/ours/node_modules/@deep/old', { licenses: [{ type: 'MIT' }, { type: 'GPL-2.0' }] });
  manifest('node_modules/silent', {});
  expect(productionPackages(root)).toEqual([
    { name: 'ours', version: '1.0.0', license: 'AGPL-3.0-only' },
    { name: '@deep/old', version: '0.1.0', license: 'MIT OR GPL-2.0' },
    { name: 'other-platform', version: '3.0.0', license: 'ISC' },
    { name: 'silent', version: '1.0.0', license: 'no declared licence' },
  ]);
});
