// Keeps keys in memory over what another store holds: what `validate` and `translate` make is never written.
import type { KeyEntries, KeyOwner, KeyStore } from './key-store.ts';

/** Reads through to `below` until an owner's entries were saved here. */
export class MemoryKeyStore implements KeyStore {
  readonly #saved = new Map<string, KeyEntries>();
  readonly #below: KeyStore | undefined;

  constructor(below?: KeyStore) {
    this.#below = below;
  }

  async load(owner: KeyOwner, signal: AbortSignal): Promise<KeyEntries> {
    const saved = this.#saved.get(`${owner.namespace}/${owner.name}`);
    return saved ?? (await this.#below?.load(owner, signal)) ?? new Map();
  }

  save(owner: KeyOwner, entries: KeyEntries): Promise<void> {
    this.#saved.set(`${owner.namespace}/${owner.name}`, new Map(entries));
    return Promise.resolve();
  }
}
