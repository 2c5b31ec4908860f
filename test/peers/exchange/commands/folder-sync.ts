// FolderSync: the folder hierarchy and its sync key (MS-ASCMD 2.2.1.5).
import { element, textOf } from '../../wbxml/element.ts';
import type { Folder } from '../mailbox.ts';
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
    return answer(
      device.folderSyncKey,
      [...mailbox.folders.values()],
      [['X-MS-RP', organisation.protocolVersions.join(',')], ...offer(organisation)],
    );
  }
  if (key === device.folderSyncKey) return answer(key, []);
  transaction.violate({
    rule: 'folder-sync-key',
    message: `the key ${key} is not the one that this device was given last`,
    reference: 'MS-ASCMD 2.2.3.181.4',
  });
  return statusOnly('FolderSync', 9);
}

function answer(
  key: string,
  added: readonly Folder[],
  headers: readonly (readonly [string, string])[] = [],
): Reply {
  const changes = element(
    'FolderHierarchy:Changes',
    element('FolderHierarchy:Count', added.length),
    ...added.map((folder) =>
      element(
        'FolderHierarchy:Add',
        element('FolderHierarchy:ServerId', folder.id),
        element('FolderHierarchy:ParentId', folder.parentId),
        element('FolderHierarchy:DisplayName', folder.name),
        element('FolderHierarchy:Type', folder.type),
      ),
    ),
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
