// Resources from a directory of YAML: watched by looking, because file watchers miss renames, links and mounts.
import { setTimeout as sleep } from 'node:timers/promises';
import type { OnChange, Problem, Provider, ProvidedResources } from '../types.ts';
import { ManifestDirectory } from './manifest-directory.ts';
import { ManifestSet, type Source } from './manifest-set.ts';

/** Two looks must agree before a change counts: an edit is served within two of these and a little. */
const LOOK_EVERY_MS = 150;
/** How long the first state waits for files that are being written. */
const MAX_FIRST_LOOKS = 20;

/** Everything that a directory holds at one moment. */
export interface ReadManifests {
  readonly resources: ProvidedResources;
  readonly problems: readonly Problem[];
  /** Where each object stands, by `objectKey`. */
  readonly sources: ReadonlyMap<string, Source>;
}

/** Reads a directory once, for the verbs that do not watch. Rejects when it cannot be read. */
export async function readManifests(directory: string, signal: AbortSignal): Promise<ReadManifests> {
  const files = new ManifestDirectory(directory);
  await files.look({ now: true, signal });
  const manifests = new ManifestSet();
  manifests.update(files.files);
  const { resources, problems, sources } = manifests;
  return { resources, problems, sources };
}

export class FileProvider implements Provider {
  readonly #directory: string;

  /** @param directory Its top level is read: `*.yaml`, `*.yml`, `*.json`; names that start with a dot are skipped. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  async start(signal: AbortSignal, onChange: OnChange): Promise<void> {
    const files = new ManifestDirectory(this.#directory);
    const manifests = new ManifestSet();
    let published = false;
    let patience = MAX_FIRST_LOOKS;
    let failure: string | undefined;
    if (signal.aborted) return;
    await files.look({ signal });
    while (await pause(signal)) {
      const look = await lookAt(files, signal);
      if (signal.aborted) return;
      patience -= 1;
      if (!published && !files.settled && patience > 0) continue;
      if (published && !look.changed && look.failure === failure) continue;
      published = true;
      failure = look.failure;
      manifests.update(files.files);
      onChange(manifests.resources, [...manifests.problems, ...this.#failures(failure)]);
    }
  }

  #failures(message: string | undefined): Problem[] {
    if (message === undefined) return [];
    return [{ severity: 'Error', file: this.#directory, message: `${message} (what was read last stays)` }];
  }
}

/** A directory that cannot be read for a while changes nothing of what was read before. */
async function lookAt(files: ManifestDirectory, signal: AbortSignal) {
  try {
    return { changed: await files.look({ signal }), failure: undefined };
  } catch (error) {
    return { changed: false, failure: error instanceof Error ? error.message : String(error) };
  }
}

/** False when `signal` aborted. */
async function pause(signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(LOOK_EVERY_MS, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
