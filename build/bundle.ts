// Bundles a program into one file per thread with esbuild, and says which npm packages are in it.
import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import type { BuildOptions, Metafile, Plugin } from 'esbuild';

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
  /** Another checkout to take the sources from. */
  readonly root?: string;
  /** True: packages stay imports, and only our own sources are put together. */
  readonly ownSourcesOnly?: boolean;
  /** Paths from the root of the repository that must not get in; the build fails with the chain of imports that brings one. */
  readonly forbidden?: RegExp;
}

// What CommonJS packages expect of their surroundings.
const banner = `import { createRequire as __createRequire } from 'node:module';
import { dirname as __pathDirname } from 'node:path';
const require = __createRequire(import.meta.url);
const __filename = import.meta.filename;
const __dirname = __pathDirname(__filename);`;

// Without the white space an operator needs 11 MB less memory. Names and lines stay, so that a stack trace says where.
const shipped = {
  banner: { js: banner },
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 120,
} satisfies BuildOptions;

/** Bundles the entry, and every thread that its sources start by its place relative to them (threadUrl). */
export async function bundle(options: BundleOptions): Promise<Bundle> {
  const { entry, forbidden, root = repository, ownSourcesOnly = false } = options;
  if (!existsSync(join(root, entry))) throw new Error(`${entry} does not exist: nothing to bundle`);
  const files = new Map<string, Uint8Array>();
  const packages = new Map<string, NpmPackage>();
  const pending = new Map([['main.mjs', entry]]);
  for (const [name, source] of pending) {
    const threads = new Map<string, string>();
    const result = await build({
      entryPoints: [source],
      absWorkingDir: root,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      ...(ownSourcesOnly ? { packages: 'external' } : shipped),
      legalComments: 'none',
      metafile: true,
      write: false,
      outfile: name,
      // What fails is in the error that it throws.
      logLevel: 'silent',
      plugins: [inOneFile(root, source, threads), ...(ownSourcesOnly ? [] : [requiredHttp, usedPartsOnly])],
    });
    refuseForbidden(result.metafile, source, forbidden);
    if (!ownSourcesOnly) refuseUnbundled(result.metafile, source);
    for (const each of packagesOf(result.metafile)) packages.set(`${each.name}@${each.version}`, each);
    for (const output of result.outputFiles) files.set(name, output.contents);
    for (const [threadName, path] of threads) pending.set(threadName, path);
  }
  return { files, packages: [...packages.entries()].toSorted(byKey).map(([, each]) => each) };
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** Adapts each of our sources to a bundle, and collects the threads that they start: file name in the bundle → source. */
function inOneFile(root: string, entry: string, threads: Map<string, string>): Plugin {
  return {
    name: 'in-one-file',
    setup: (esbuild) => {
      esbuild.onLoad({ filter: /[.](?:ts|mjs)$/ }, ({ path }) => {
        const source = relative(root, path);
        if (source.includes('node_modules')) return undefined;
        const contents = adapt(readFileSync(path, 'utf8'), { source, isEntry: source === entry, threads });
        const stranded = byOwnPath.exec(contents)?.[0];
        if (stranded === undefined) return { contents, loader: 'ts' };
        const text = `${source} finds a file by ${stranded}…, which is elsewhere in a bundle: import it instead`;
        return { errors: [{ text }] };
      });
    },
  };
}

// Imported as an ES module, node:http has all its properties read, and that of WebSocket loads Node's own fetch: 9 MB in each thread.
const requiredHttp: Plugin = {
  name: 'required-http',
  setup: (esbuild) => {
    const namespace = 'required';
    esbuild.onResolve({ filter: /^(?:node:)?http$/ }, ({ kind }) =>
      kind === 'import-statement' ? { path: 'node:http', namespace } : { path: 'node:http', external: true },
    );
    esbuild.onLoad({ filter: /^/, namespace }, ({ path }) => ({
      contents: `module.exports = require('${path}');`,
    }));
  },
};

// Its index brings a class for every kind of Kubernetes, and it does not say that none does anything when it is imported.
const usedPartsOnly: Plugin = {
  name: 'used-parts-only',
  setup: (esbuild) => {
    esbuild.onResolve({ filter: /^[.].*[.]js$/ }, ({ path, importer, resolveDir }) =>
      importer.includes('/node_modules/@kubernetes/client-node/')
        ? { path: join(resolveDir, path), sideEffects: false }
        : undefined,
    );
    esbuild.onResolve({ filter: /^@kubernetes\/client-node$/ }, async ({ path, pluginData, ...options }) => {
      if (pluginData === usedPartsOnly) return undefined;
      const index = await esbuild.resolve(path, { ...options, pluginData: usedPartsOnly });
      return { ...index, sideEffects: false };
    });
  },
};

// A thread: new URL('./x.ts', import.meta.url), or with `./x${extname(import.meta.url)}` for the name.
const threadUrl =
  /new URL\(\s*['"`]([.][^'"`$]+)(?:([.]ts|[.]mjs)['"]|\$\{extname\(import[.]meta[.]url\)\}`),\s*import[.]meta[.]url,?\s*\)/g;

// What is found relative to a source is not found relative to a bundle; what adapt has put in place is.
const byOwnPath = /import[.]meta[.](?:dirname|filename)|new URL\([^;]*(?<![.]mjs', )import[.]meta[.]url/;

interface Source {
  readonly source: string;
  readonly isEntry: boolean;
  readonly threads: Map<string, string>;
}

/** In a bundle threads are files next to it, and only the entry is the main module. */
function adapt(text: string, { source, isEntry, threads }: Source): string {
  const withThreads = text.replaceAll(threadUrl, (_, specifier: string, extension = '.ts') => {
    const thread = join(dirname(source), `${specifier}${extension}`);
    const name = thread.replaceAll('/', '-').replace(/[.]ts$/, '.mjs');
    threads.set(name, thread);
    return `new URL('./${name}', import.meta.url)`;
  });
  return isEntry ? withThreads : withThreads.replaceAll('import.meta.main', 'false');
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
