// Which changes of a folder a device has not seen, and the state after it was told of them.
import type { Device, SyncState } from './device.ts';
import type { Folder, Item, Mailbox } from './mailbox.ts';

export interface Changes {
  readonly added: readonly Item[];
  readonly changed: readonly Item[];
  readonly deleted: readonly string[];
  /** More is there than `window` allowed. */
  readonly more: boolean;
}

/** Whether a Ping on the folder would be answered at once. A folder that was never synchronised has no changes. */
export function hasChanges(mailbox: Mailbox, device: Device, folderId: string): boolean {
  const folder = mailbox.folders.get(folderId);
  const state = device.collections.get(folderId)?.current;
  if (!folder || !state || state.complete === folder.version) return false;
  const { added, changed, deleted } = changesSince(folder, state.known, 1);
  return added.length + changed.length + deleted.length > 0;
}

/** At most `window` of the changes between what a client knows and what the folder holds. */
export function changesSince(folder: Folder, known: SyncState['known'], window: number): Changes {
  const added: Item[] = [];
  const changed: Item[] = [];
  const deleted: string[] = [];
  let left = window;
  for (const item of folder.items.values()) {
    const version = known.get(item.serverId);
    if (version === item.version) continue;
    if (left === 0) return { added, changed, deleted, more: true };
    left -= 1;
    (version === undefined ? added : changed).push(item);
  }
  for (const serverId of known.keys()) {
    if (folder.items.has(serverId)) continue;
    if (left === 0) return { added, changed, deleted, more: true };
    left -= 1;
    deleted.push(serverId);
  }
  return { added, changed, deleted, more: false };
}

/** What a client knows once it was told of the changes. */
export function afterChanges(
  known: SyncState['known'],
  { added, changed, deleted }: Changes,
): SyncState['known'] {
  if (added.length + changed.length + deleted.length === 0) return known;
  const next = new Map(known);
  for (const { serverId, version } of [...added, ...changed]) next.set(serverId, version);
  for (const serverId of deleted) next.delete(serverId);
  return next;
}
