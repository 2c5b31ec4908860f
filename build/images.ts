// Makes the images sentry-operator and sentry-gateway without Docker: `images.ts [--output DIR | --root-folders DIR]`.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { billOfMaterials, notices } from './bill-of-materials.ts';
import type { Materials } from './bill-of-materials.ts';
import { bundle } from './bundle.ts';
import { writeFolder } from './image-folder.ts';
import { refusedLicense } from './licenses.ts';
import { jemalloc, jemallocPath, nodePath, nodeRuntime, user } from './node-runtime.ts';
import type { NodeRuntime } from './node-runtime.ts';
import { writeImage } from './oci-image.ts';
import type { Image, ImageEntry } from './oci-image.ts';

const repository = join(import.meta.dirname, '..');
const { version: ownVersion } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  version: string;
};

export type ImageName = 'sentry-operator' | 'sentry-gateway';

export interface Program {
  readonly image: ImageName;
  /** Source of its main module, from the root of the repository. */
  readonly entry: string;
  /** Default: the version of this repository. */
  readonly version?: string;
}

export const programs: readonly Program[] = [
  { image: 'sentry-operator', entry: 'operator/main.ts' },
  { image: 'sentry-gateway', entry: 'gateway/main.ts' },
];

/** The version from which upgrades are tested, kept by keep-version.ts. */
export const previousVersionFolder = 'test/fixtures/previous-version';

/** Its programs, to be given to writeImages. */
export function previousPrograms(previousVersion: string): readonly Program[] {
  return programs.map(({ image }) => ({
    image,
    entry: `${previousVersionFolder}/${image}/main.mjs`,
    version: previousVersion,
  }));
}

/** Bundles the program and lays out its image. Throws when the bundle holds what it must not, or a licence that we do not ship. */
export async function imageOf(
  { image, entry, version = ownVersion }: Program,
  runtime: NodeRuntime = nodeRuntime(),
): Promise<Image> {
  const facesInternet = image === 'sentry-gateway';
  const bundled = await bundle({
    entry,
    ...(facesInternet ? { forbidden: /^node_modules\/@kubernetes\/|^(?:operator|cli)\// } : {}),
  });
  const refused = bundled.packages.map(refusedLicense).find((message) => message !== undefined);
  if (refused !== undefined) throw new Error(`${image}: ${refused}`);
  const systemFiles = facesInternet ? jemalloc() : [];
  const materials: Materials = { name: image, version, packages: bundled.packages, runtime, systemFiles };
  const known = new Set(runtime.entries.map(({ path }) => path));
  const program: ImageEntry[] = [
    ...[...bundled.files].map(([name, content]) => ({ path: `/app/${name}`, content })),
    { path: '/app/package.json', content: `${JSON.stringify({ name: image, version, type: 'module' })}\n` },
    { path: billOfMaterialsPath, content: billOfMaterials(materials) },
    { path: '/app/LICENSE', copyOf: join(repository, 'LICENSE') },
    { path: '/app/NOTICES', content: notices(materials) },
    ...systemFiles.map((file) => file.entry).filter(({ path }) => !known.has(path)),
  ];
  return {
    // The name under which a container runtime knows it after the import; pods may write it without `docker.io/library/`.
    reference: `docker.io/library/${image}:${version}`,
    architecture: runtime.architecture,
    layers: [runtime.entries, program],
    entrypoint: [nodePath, ...(facesInternet ? [] : operatorMemory.flags), '/app/main.mjs'],
    environment: {
      NODE_ENV: 'production',
      ...(facesInternet ? memoryEnvironment : operatorMemory.environment),
    },
    user,
    labels: {
      'org.opencontainers.image.title': image,
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
      // Where the CycloneDX document is; OCI has no label for it.
      'io.sentrygateway.image.sbom': billOfMaterialsPath,
    },
  };
}

const billOfMaterialsPath = '/app/sbom.cdx.json';

// An operator is idle most of the time: 30 MB less, and reading everything at its start takes no longer. The thresholds let
// glibc give back what the first lists took.
export const operatorMemory = {
  flags: ['--max-semi-space-size=1', '--optimize-for-size'],
  environment: {
    MALLOC_ARENA_MAX: '1',
    MALLOC_MMAP_THRESHOLD_: '131072',
    MALLOC_TRIM_THRESHOLD_: '131072',
  },
} as const;

// glibc's malloc keeps what thousands of TLS connections once used; jemalloc gives it back.
const memoryEnvironment = {
  LD_PRELOAD: jemallocPath,
  MALLOC_CONF: 'dirty_decay_ms:500,muzzy_decay_ms:0,background_thread:true',
};

/** Writes `<image>.tar` of each program into the folder and returns the paths. */
export async function writeImages(folder: string, what: readonly Program[] = programs): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const runtime = nodeRuntime();
  const paths: string[] = [];
  for (const program of what) {
    const path = join(folder, `${program.image}.tar`);
    const image = await imageOf(program, runtime);
    const { digest } = await writeImage(path, image);
    console.log(`images: ${relative(process.cwd(), path)}  ${image.reference}  ${digest}`);
    paths.push(path);
  }
  return paths;
}

/** Writes the files of each image into `<folder>/<image>/`, for the Dockerfile. */
async function writeRootFolders(folder: string): Promise<void> {
  for (const program of programs) {
    const target = join(folder, program.image);
    rmSync(target, { recursive: true, force: true });
    writeFolder(target, (await imageOf(program)).layers.flat());
    console.log(`images: files of ${program.image} in ${target}`);
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { output: { type: 'string', default: 'dist/images' }, 'root-folders': { type: 'string' } },
  });
  try {
    if (values['root-folders'] === undefined) await writeImages(values.output);
    else await writeRootFolders(values['root-folders']);
  } catch (error) {
    console.error(`images: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
