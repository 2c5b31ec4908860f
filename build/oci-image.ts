// Writes a container image as a tar of an OCI layout, without Docker and with the same bytes each time.
import { createHash } from 'node:crypto';
import { createWriteStream, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';

/** What an image holds at an absolute path; parent folders are made as needed. Everything belongs to root. */
export type ImageEntry =
  | { readonly path: string; readonly content: string | Uint8Array; readonly mode?: number }
  | { readonly path: string; readonly copyOf: string }
  | { readonly path: string; readonly linkTo: string }
  | { readonly path: string; readonly folderMode: number };

export type Architecture = 'amd64' | 'arm64';

export interface Image {
  /** The full name that a container runtime gives to it, for example `docker.io/library/sentry-gateway:0.1.0`. */
  readonly reference: string;
  readonly architecture: Architecture;
  /** From bottom to top. */
  readonly layers: readonly (readonly ImageEntry[])[];
  readonly entrypoint: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** `uid:gid` */
  readonly user: string;
  readonly labels?: Readonly<Record<string, string>>;
}

interface Blob {
  readonly digest: string;
  readonly bytes: Uint8Array;
}

// The same for every file: two builds of one source are one image.
const time = new Date(0);

/**
 * Writes the image (OCI image layout 1.0, layers uncompressed) for `ctr images import`, `kind load image-archive`,
 * `skopeo copy oci-archive:…` and `docker load`. Resolves with the digest of its manifest.
 */
export async function writeImage(path: string, image: Image): Promise<{ readonly digest: string }> {
  const layers = await Promise.all(image.layers.map(async (entries) => blob(await layerTar(entries))));
  const config = jsonBlob(imageConfig(image, layers));
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: layers.map((layer) => descriptor('application/vnd.oci.image.layer.v1.tar', layer)),
  });
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
        annotations: {
          'io.containerd.image.name': image.reference,
          'org.opencontainers.image.ref.name': image.reference.split(':').at(-1),
        },
        platform: { architecture: image.architecture, os: 'linux' },
      },
    ],
  };
  const archive = pack();
  const written = pipeline(archive, createWriteStream(path));
  addFile(archive, 'oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  addFile(archive, 'index.json', JSON.stringify(index));
  addFile(archive, 'manifest.json', JSON.stringify(dockerManifest(image, config, layers)));
  const blobs = new Map([config, manifest, ...layers].map((each) => [each.digest, each]));
  for (const { digest, bytes } of blobs.values()) addFile(archive, blobPath(digest), bytes);
  archive.finalize();
  await written;
  return { digest: manifest.digest };
}

function imageConfig(image: Image, layers: readonly Blob[]): object {
  return {
    architecture: image.architecture,
    os: 'linux',
    created: time.toISOString(),
    config: {
      User: image.user,
      WorkingDir: '/',
      Entrypoint: image.entrypoint,
      Env: Object.entries(image.environment ?? {}).map(([name, value]) => `${name}=${value}`),
      Labels: image.labels ?? {},
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    history: layers.map(() => ({ created: time.toISOString() })),
  };
}

/** What `docker load` before version 25 reads instead of the index. */
function dockerManifest(image: Image, config: Blob, layers: readonly Blob[]): object[] {
  return [
    {
      Config: blobPath(config.digest),
      RepoTags: [image.reference.replace(/^docker[.]io[/](library[/])?/, '')],
      Layers: layers.map(({ digest }) => blobPath(digest)),
    },
  ];
}

async function layerTar(entries: readonly ImageEntry[]): Promise<Uint8Array> {
  const archive = pack();
  const bytes = buffer(archive);
  for (const entry of withParents(entries)) addEntry(archive, entry);
  archive.finalize();
  return bytes;
}

/** All entries and the folders above them, each once, parents first. */
function withParents(entries: readonly ImageEntry[]): ImageEntry[] {
  const byPath = new Map<string, ImageEntry>(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries) {
    for (let parent = dirname(path); parent !== '/'; parent = dirname(parent)) {
      if (!byPath.has(parent)) byPath.set(parent, { path: parent, folderMode: 0o755 });
    }
  }
  return [...byPath.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function addEntry(archive: Pack, entry: ImageEntry): void {
  const name = entry.path.slice(1);
  if ('folderMode' in entry) {
    archive.entry({ name: `${name}/`, type: 'directory', mode: entry.folderMode, mtime: time });
  } else if ('linkTo' in entry) {
    archive.entry({ name, type: 'symlink', linkname: entry.linkTo, mode: 0o777, mtime: time });
  } else if ('copyOf' in entry) {
    const executable = (statSync(entry.copyOf).mode & 0o100) !== 0;
    addFile(archive, name, readFileSync(entry.copyOf), executable ? 0o755 : 0o644);
  } else {
    addFile(archive, name, entry.content, entry.mode);
  }
}

function addFile(archive: Pack, name: string, content: string | Uint8Array, mode = 0o644): void {
  archive.entry({ name, mode, mtime: time }, Buffer.from(content));
}

function blob(bytes: Uint8Array): Blob {
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes };
}

function jsonBlob(document: object): Blob {
  return blob(Buffer.from(JSON.stringify(document)));
}

function descriptor(mediaType: string, { digest, bytes }: Blob): object {
  return { mediaType, digest, size: bytes.length };
}

function blobPath(digest: string): string {
  return `blobs/sha256/${digest.replace('sha256:', '')}`;
}
