// Refuses dependencies of the product whose licence is not one that we ship: `licenses.ts` names the first offender and exits 1.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '..');

const allowed = new Set([
  'MIT',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  '0BSD',
  'BlueOak-1.0.0',
  'Python-2.0',
  'PSF-2.0',
  'CC0-1.0',
  'Unlicense',
]);

export interface LicensedPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly license: string;
}

/** Why the package must not be shipped, or undefined when it may be. */
export function refusedLicense({ name, version, license }: LicensedPackage): string | undefined {
  if (isAllowed(license)) return undefined;
  return `${name}@${version} is under ${license}, which is not in the list of build/licenses.ts: replace it, or add the licence if it may be shipped`;
}

/** Of `A OR B` one must be allowed, of `A AND B` both. AND binds tighter (SPDX annex D); exceptions (WITH) are refused. */
function isAllowed(expression: string): boolean {
  const inner = /\(([^()]*)\)/.exec(expression);
  if (inner !== null)
    return isAllowed(expression.replace(inner[0], isAllowed(inner[1] ?? '') ? 'MIT' : 'refused'));
  return expression
    .split(' OR ')
    .some((side) => side.split(' AND ').every((license) => allowed.has(license.trim())));
}

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
}

/** What npm installs without development dependencies, of all platforms, with the licence that each package declares. */
export function productionPackages(root: string): LicensedPackage[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev, link }]) => path !== '' && dev !== true && link !== true)
    .map(([path, locked]) => ({
      name: path.replace(/^.*node_modules\//, ''),
      version: locked.version ?? 'unknown',
      license: declaredLicense(join(root, path, 'package.json')) ?? locked.license ?? 'no declared licence',
    }));
}

/** The licence in a package's own manifest, also in the forms of before 2015. */
function declaredLicense(manifestPath: string): string | undefined {
  if (!existsSync(manifestPath)) return undefined;
  const { license, licenses } = JSON.parse(readFileSync(manifestPath, 'utf8')) as {
    license?: string | { type?: string };
    licenses?: { type?: string }[];
  };
  if (typeof license === 'string') return license;
  return license?.type ?? licenses?.map(({ type }) => type ?? 'unknown').join(' OR ');
}

if (import.meta.main) {
  const packages = productionPackages(repository);
  const refused = packages.map(refusedLicense).filter((message) => message !== undefined);
  for (const message of refused) console.error(`licences: ${message}`);
  if (refused.length === 0)
    console.log(`licences: ${packages.length} production packages, all under allowed licences`);
  process.exitCode = refused.length === 0 ? 0 : 1;
}
