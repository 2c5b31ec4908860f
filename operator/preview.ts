// What would be made of a directory of manifests, without making any of it.
import { join } from 'node:path';
import { FileKeyStore } from './pki/file-key-store.ts';
import { MemoryKeyStore } from './pki/memory-key-store.ts';
import { type ReadManifests, readManifests } from './provider/file/file-provider.ts';
import { keysOfGateways } from './keys.ts';
import { STATE_DIRECTORY } from './state-directory.ts';
import { translate } from './translate/translate.ts';
import type { TranslateOptions, Translation } from './translate/types.ts';

export interface Preview extends ReadManifests {
  readonly translation: Translation;
}

export interface PreviewOptions {
  readonly translate: TranslateOptions;
  readonly clock: { now(): Date };
  readonly signal: AbortSignal;
}

/**
 * Reads and translates a directory. The keys that a standalone run keeps there are used; those that are missing are made
 * for this once. Nothing is written. Rejects when the directory cannot be read.
 */
export async function preview(directory: string, options: PreviewOptions): Promise<Preview> {
  const { clock, signal } = options;
  const manifests = await readManifests(directory, signal);
  const store = new MemoryKeyStore(new FileKeyStore(join(directory, STATE_DIRECTORY)));
  const { keys } = await keysOfGateways(manifests.resources.gateways, { store, clock, signal });
  const resources = {
    ...manifests.resources,
    keys,
    at: clock.now(),
    ...(options.translate.target === 'Cluster' && { certManager: { certificates: [] } }),
  };
  return { ...manifests, translation: translate(resources, options.translate) };
}
