// FolderCreate, FolderDelete, FolderUpdate: changes of the hierarchy by a device (MS-ASCMD 2.2.1.3, 2.2.1.4, 2.2.1.6).
import { element, textOf, type Element } from '../../wbxml/element.ts';
import { documentReply } from '../document-reply.ts';
import type { Folder } from '../mailbox.ts';
import type { Reply } from '../../server/reply.ts';
import { documentOf, statusOnly, type Handler, type Transaction } from '../transaction.ts';
import { hierarchyOf } from './folder-sync.ts';

/** From this type on folders are users' own (MS-ASCMD 2.2.3.187.3). */
const firstOwnType = 12;

export const folderCreate: Handler = (transaction) =>
  changed(transaction, 'FolderHierarchy:FolderCreate', (root) => {
    const { mailbox } = transaction;
    const [name, parentId] = [nameOf(root), parentOf(root)];
    const type = Number(textOf(root, 'FolderHierarchy:Type'));
    if (name === '' || !(type >= firstOwnType && type <= 19)) return 10;
    if (!isThere(transaction, parentId)) return 5;
    if (isTaken(transaction, parentId, name)) return 2;
    return element('FolderHierarchy:ServerId', mailbox.addFolder(name, parentId, type).id);
  });

export const folderDelete: Handler = (transaction) =>
  changed(transaction, 'FolderHierarchy:FolderDelete', (root) => {
    const folder = folderOf(transaction, root);
    if (folder === undefined) return 4;
    if (folder.type < firstOwnType) return 3;
    transaction.mailbox.deleteFolder(folder.id);
    return undefined;
  });

export const folderUpdate: Handler = (transaction) =>
  changed(transaction, 'FolderHierarchy:FolderUpdate', (root) => {
    const folder = folderOf(transaction, root);
    const [name, parentId] = [nameOf(root), parentOf(root)];
    if (folder === undefined) return 4;
    if (folder.type < firstOwnType) return 2;
    if (!isThere(transaction, parentId)) return 5;
    if (isTaken(transaction, parentId, name)) return 2;
    transaction.mailbox.replaceFolder(folder, name, parentId);
    return undefined;
  });

/** Judges the key, makes the change and gives the next key; `change` returns a status where it refuses. */
function changed(
  transaction: Transaction,
  root: 'FolderHierarchy:FolderCreate' | 'FolderHierarchy:FolderDelete' | 'FolderHierarchy:FolderUpdate',
  change: (document: Element) => Element | number | undefined,
): Reply {
  const { device, mailbox, query } = transaction;
  const document = documentOf(transaction);
  if (textOf(document, 'FolderHierarchy:SyncKey') !== device.folderSyncKey)
    return statusOnly(query.command, 9);
  const made = change(document);
  if (typeof made === 'number') return statusOnly(query.command, made);
  device.folderSyncKey = device.nextKey();
  device.knownFolders = hierarchyOf(mailbox);
  return documentReply(
    element(
      root,
      element('FolderHierarchy:Status', 1),
      element('FolderHierarchy:SyncKey', device.folderSyncKey),
      made,
    ),
  );
}

const nameOf = (root: Element): string => textOf(root, 'FolderHierarchy:DisplayName') ?? '';
const parentOf = (root: Element): string => textOf(root, 'FolderHierarchy:ParentId') ?? '0';

function folderOf({ mailbox }: Transaction, root: Element): Folder | undefined {
  return mailbox.folders.get(textOf(root, 'FolderHierarchy:ServerId') ?? '');
}

function isThere({ mailbox }: Transaction, parentId: string): boolean {
  return parentId === '0' || mailbox.folders.has(parentId);
}

function isTaken({ mailbox }: Transaction, parentId: string, name: string): boolean {
  return [...mailbox.folders.values()].some((each) => each.parentId === parentId && each.name === name);
}
