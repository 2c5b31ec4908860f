// Bundles a program into one file per thread with esbuild, and says which npm packages are in it.
import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { build } from 'esbuild';
import type { Metafile, Plugin } from 'esbuild';

const repository = join(import.meta.dirname, '..');

export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly folder: string;
}

export interface Bundle {
  /** Contents by file name; `main.mjs` is the program, the others are worker threads that it starts. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Sorted by name and version. */
  readonly packages: readonly NpmPackage[];
}

export interface BundleOptions {
  /** Path of the source, from the root of the repository. */
  readonly entry: string;
  /** Paths from the root of the repository that must not get in; the build fails with the chain of imports that brings one. */
  readonly forbidden?: RegExp;
}

// What CommonJS packages expect of their surroundings.
const banner = `import { createRequire as __createRequire } from 'node:module';
import { dirname as __pathDirname } from 'node:path';
const require = __createRequire(import.meta.url);
const __filename = import.meta.filename;
const __dirname = __pathDirname(__filename);`;

/** Bundles the entry, and every thread that its sources name as `new URL('./x.ts', import.meta.url)`. */
export async function bundle({ entry, forbidden }: BundleOptions): Promise<Bundle> {
  if (!existsSync(join(repository, entry))) throw new Error(`${entry} does not exist: nothing to bundle`);
  const files = new Map<string, Uint8Array>();
  const packages = new Map<string, NpmPackage>();
  const pending = new Map([['main.mjs', entry]]);
  for (const [name, source] of pending) {
    const threads = new Map<string, string>();
    const result = await build({
      entryPoints: [source],
      absWorkingDir: repository,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      banner: { js: banner },
      legalComments: 'none',
      metafile: true,
      write: false,
      outfile: name,
      // What fails is in the error that it throws.
      logLevel: 'silent',
      plugins: [inOneFile(source, threads)],
    });
    refuseForbidden(result.metafile, source, forbidden);
    refuseUnbundled(result.metafile, source);
    for (const each of packagesOf(result.metafile)) packages.set(`${each.name}@${each.version}`, each);
    for (const output of result.outputFiles) files.set(name, output.contents);
    for (const [threadName, path] of threads) pending.set(threadName, path);
  }
  return { files, packages: [...packages.entries()].toSorted(byKey).map(([, each]) => each) };
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/**
 * Adapts what depends on a module's own file, which in a bundle is another one: threads are files next to the bundle, only
 * the entry is the main module, and nothing else may be found by a path.
 */
function inOneFile(entry: string, threads: Map<string, string>): Plugin {
  return {
    name: 'in-one-file',
    setup: (esbuild) => {
      esbuild.onLoad({ filter: /[.]ts$/ }, ({ path }) => {
        const source = relative(repository, path);
        if (source.includes('node_modules')) return undefined;
        const contents = readFileSync(path, 'utf8')
          .replaceAll(
            /new URL\(\s*'([.][^']+[.]ts)',\s*import[.]meta[.]url,?\s*\)/g,
            (_, specifier: string) => {
              const thread = relative(repository, resolve(dirname(path), specifier));
              const name = thread.replaceAll('/', '-').replace(/[.]ts$/, '.mjs');
              threads.set(name, thread);
              return `new URL('./${name}', import.meta.url)`;
            },
          )
          .replaceAll('import.meta.main', source === entry ? 'import.meta.main' : 'false');
        const stranded =
          /import[.]meta[.](?:dirname|filename)|new URL\([^)]*(?<![.]mjs', )import[.]meta[.]url/.exec(
            contents,
          );
        if (stranded !== null) {
          const text = `${source} finds a file by ${stranded[0]}…, which is elsewhere in a bundle: import it instead`;
          return { errors: [{ text }] };
        }
        return { contents, loader: 'ts' };
      });
    },
  };
}

function refuseForbidden({ inputs }: Metafile, entry: string, forbidden: RegExp | undefined): void {
  if (forbidden === undefined) return;
  const chains = new Map<string, readonly string[]>([[entry, [entry]]]);
  for (const [path, chain] of chains) {
    if (forbidden.test(path)) throw new Error(`${entry} must not contain ${path}: ${chain.join(' → ')}`);
    for (const { path: next } of inputs[path]?.imports ?? []) {
      if (!chains.has(next)) chains.set(next, [...chain, next]);
    }
  }
}

/** Optional packages that CommonJS code tries to require may be missing; an import may not. */
function refuseUnbundled({ outputs }: Metafile, entry: string): void {
  for (const { path, kind, external } of Object.values(outputs).flatMap(({ imports }) => imports)) {
    if (external === true && kind !== 'require-call' && !isBuiltin(path)) {
      throw new Error(`${entry} imports ${path}, which is not in the bundle`);
    }
  }
}

function packagesOf({ outputs }: Metafile): NpmPackage[] {
  const used = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const folders = new Set(used.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? ''));
  folders.delete('');
  return [...folders].map((folder) => {
    const manifest = JSON.parse(readFileSync(join(repository, folder, 'package.json'), 'utf8')) as NpmPackage;
    return {
      name: manifest.name,
      version: manifest.version,
      license: manifest.license ?? 'unknown',
      folder: join(repository, folder),
    };
  });
}
