// FolderSync: the folder hierarchy and its sync key (MS-ASCMD 2.2.1.5).
import { element, textOf, type Element } from '../../wbxml/element.ts';
import type { Folder, Mailbox } from '../mailbox.ts';
import { offer } from '../offer.ts';
import { documentReply } from '../document-reply.ts';
import type { Reply } from '../../server/reply.ts';
import { ContentError, documentOf, statusOnly, type Transaction } from '../transaction.ts';

export function folderSync(transaction: Transaction): Reply {
  const { device, mailbox, organisation } = transaction;
  const key = textOf(documentOf(transaction), 'FolderHierarchy:SyncKey');
  if (key === undefined || key === '') throw new ContentError('FolderSync without SyncKey');
  if (key === '0') {
    device.resetHierarchy();
    device.folderSyncKey = device.nextKey();
    device.knownFolders = hierarchyOf(mailbox);
    return answer(device.folderSyncKey, { added: [...mailbox.folders.values()], updated: [], deleted: [] }, [
      ['X-MS-RP', organisation.protocolVersions.join(',')],
      ...offer(organisation),
    ]);
  }
  if (key === device.folderSyncKey) {
    const changes = changesOf(mailbox, device.knownFolders);
    const { added, updated, deleted } = changes;
    device.knownFolders = hierarchyOf(mailbox);
    if (added.length + updated.length + deleted.length > 0) device.folderSyncKey = device.nextKey();
    return answer(device.folderSyncKey, changes);
  }
  transaction.violate({
    rule: 'folder-sync-key',
    message: `the key ${key} is not the one that this device was given last`,
    reference: 'MS-ASCMD 2.2.3.181.4',
  });
  return statusOnly('FolderSync', 9);
}

interface HierarchyChanges {
  readonly added: readonly Folder[];
  readonly updated: readonly Folder[];
  readonly deleted: readonly string[];
}

/** The hierarchy as a device knows it once it was told of it. */
export function hierarchyOf(mailbox: Mailbox): ReadonlyMap<string, string> {
  return new Map([...mailbox.folders.values()].map((folder) => [folder.id, describedShortly(folder)]));
}

function changesOf(mailbox: Mailbox, known: ReadonlyMap<string, string>): HierarchyChanges {
  const folders = [...mailbox.folders.values()];
  return {
    added: folders.filter(({ id }) => !known.has(id)),
    updated: folders.filter(
      (folder) => known.has(folder.id) && known.get(folder.id) !== describedShortly(folder),
    ),
    deleted: [...known.keys()].filter((id) => !mailbox.folders.has(id)),
  };
}

const describedShortly = ({ parentId, name }: Folder): string => `${parentId}/${name}`;

function described({ id, parentId, name, type }: Folder): Element[] {
  return [
    element('FolderHierarchy:ServerId', id),
    element('FolderHierarchy:ParentId', parentId),
    element('FolderHierarchy:DisplayName', name),
    element('FolderHierarchy:Type', type),
  ];
}

function answer(
  key: string,
  { added, updated, deleted }: HierarchyChanges,
  headers: readonly (readonly [string, string])[] = [],
): Reply {
  const changes = element(
    'FolderHierarchy:Changes',
    element('FolderHierarchy:Count', added.length + updated.length + deleted.length),
    ...updated.map((folder) => element('FolderHierarchy:Update', ...described(folder))),
    ...deleted.map((id) => element('FolderHierarchy:Delete', element('FolderHierarchy:ServerId', id))),
    ...added.map((folder) => element('FolderHierarchy:Add', ...described(folder))),
  );
  return documentReply(
    element(
      'FolderHierarchy:FolderSync',
      element('FolderHierarchy:Status', 1),
      element('FolderHierarchy:SyncKey', key),
      changes,
    ),
    headers,
  );
}
