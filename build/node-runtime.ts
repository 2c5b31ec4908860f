// The bottom layer of our images: Node's binary, the libraries it needs, and nothing else: no shell, no package manager.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Architecture, ImageEntry } from './oci-image.ts';

const repository = join(import.meta.dirname, '..');

export const nodePath = '/usr/local/bin/node';
export const jemallocPath = '/usr/local/lib/libjemalloc.so.2';
export const user = '65532:65532';

/** A file of the machine's distribution that goes into an image. */
export interface SystemFile {
  readonly entry: ImageEntry;
  /** Its Debian package, where dpkg knows one, with the text of its licences. */
  readonly origin?: { readonly name: string; readonly version: string; readonly copyright: string };
}

export interface NodeRuntime {
  readonly architecture: Architecture;
  readonly version: string;
  readonly entries: readonly ImageEntry[];
  readonly systemFiles: readonly SystemFile[];
  readonly license: string;
}

/** Collects Node from node_modules and its libraries from this machine. Images are for this machine's architecture. */
export function nodeRuntime(): NodeRuntime {
  const folder = join(repository, `node_modules/node-linux-${process.arch}`);
  if (!existsSync(join(folder, 'bin/node')))
    throw new Error(`${folder} is missing: run build/setup.sh npm on Linux`);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  const binary = join(folder, 'bin/node');
  const libraries = systemFiles(librariesOf(binary));
  return {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    version,
    license: readFileSync(join(folder, 'LICENSE'), 'utf8'),
    systemFiles: libraries,
    entries: [
      { path: nodePath, copyOf: binary },
      ...libraries.map(({ entry }) => entry),
      { path: '/etc/passwd', content: `sentry:x:${user}:sentry:/:/sbin/nologin\n` },
      { path: '/etc/group', content: 'sentry:x:65532:\n' },
      { path: '/etc/nsswitch.conf', content: 'hosts: files dns\n' },
      { path: '/tmp', folderMode: 0o1777 },
    ],
  };
}

/** jemalloc and what it needs, for the image that preloads it. */
export function jemalloc(): readonly SystemFile[] {
  const [library] = globSync(['/usr/lib/*/libjemalloc.so.2', '/usr/lib*/libjemalloc.so.2']);
  if (library === undefined) throw new Error('libjemalloc.so.2 is missing: run build/setup.sh debian-images');
  const [preloaded, ...needed] = systemFiles([library, ...librariesOf(library)]);
  return [{ ...preloaded, entry: { path: jemallocPath, copyOf: realpathSync(library) } }, ...needed];
}

/** The paths at which the loader looks for the shared libraries of a binary, and its own. */
function librariesOf(binary: string): string[] {
  const output = execFileSync('ldd', [binary], { encoding: 'utf8' });
  if (output.includes('not found')) throw new Error(`${binary} lacks a library:\n${output}`);
  return [...output.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path]) => path ?? '');
}

function systemFiles(paths: readonly string[]): SystemFile[] {
  const packageNames = debianPackages(paths.flatMap(packedPaths));
  const versions = dpkgQuery([
    '--show',
    '--showformat=${Package}\t${Version}\n',
    ...new Set(packageNames.values()),
  ]);
  const origins = new Map(
    [...versions.matchAll(/^(\S+)\t(\S+)$/gm)].map(([, name = '', version = '']) => {
      const copyright = `/usr/share/doc/${name}/copyright`;
      return [
        name,
        { name, version, copyright: existsSync(copyright) ? readFileSync(copyright, 'utf8') : '' },
      ];
    }),
  );
  return paths.map((path) => {
    const entry = { path, copyOf: realpathSync(path) };
    const name = packedPaths(path)
      .map((packed) => packageNames.get(packed))
      .find((found) => found !== undefined);
    const origin = origins.get(name ?? '');
    return origin === undefined ? { entry } : { entry, origin };
  });
}

/** The paths with which dpkg may know a file, from before and after the merge of /lib into /usr/lib. */
function packedPaths(path: string): string[] {
  const inRealFolder = join(realpathSync(dirname(path)), basename(path));
  return [
    path,
    realpathSync(path),
    inRealFolder,
    inRealFolder.replace(/^\/usr/, ''),
    realpathSync(path).replace(/^\/usr/, ''),
  ];
}

/** The names of the Debian packages, by path, of those paths that belong to one. */
function debianPackages(paths: readonly string[]): Map<string, string> {
  const found = dpkgQuery(['--search', ...new Set(paths)]).matchAll(/^([^:,\s]+)\S*: (\/.*)$/gm);
  return new Map([...found].map(([, name = '', path = '']) => [path, name]));
}

/** What dpkg-query finds; nothing where there is no dpkg. */
function dpkgQuery(args: readonly string[]): string {
  return spawnSync('dpkg-query', args, { encoding: 'utf8' }).stdout ?? '';
}
