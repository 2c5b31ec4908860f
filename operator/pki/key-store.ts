// Where the keys of gateways are kept: files of a directory here, the entries of a Secret in a cluster.

/** A gateway, as the store knows it. */
export interface KeyOwner {
  readonly namespace: string;
  readonly name: string;
}

/**
 * The entries of one gateway by name (`ca.crt`, `ca.key`, `listener-phones.crt` …), PEM or JSON text. The names are
 * valid keys of a Secret. The order counts: a store that writes one entry after the other writes them in this order.
 */
export type KeyEntries = ReadonlyMap<string, string>;

export interface KeyStore {
  /** The entries that are there; empty when there are none. Rejects when they cannot be read. */
  load(owner: KeyOwner, signal: AbortSignal): Promise<KeyEntries>;
  /** Makes the entries exactly these: each whole or not at all. Rejects when they cannot be written. */
  save(owner: KeyOwner, entries: KeyEntries, signal: AbortSignal): Promise<void>;
}
