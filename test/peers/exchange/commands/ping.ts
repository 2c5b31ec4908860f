// Ping: wait until one of the folders changes (MS-ASCMD 2.2.1.13).
import { childrenOf, element, textOf, type Element } from '../../wbxml/element.ts';
import type { CachedPing } from '../device.ts';
import { documentReply } from '../document-reply.ts';
import { emptyReply, type Reply } from '../../server/reply.ts';
import { hasChanges } from '../sync-state.ts';
import type { Transaction } from '../transaction.ts';
import { holdPoll } from './long-poll.ts';

const mostFolders = 200;

export async function ping(transaction: Transaction): Promise<Reply> {
  const { device, mailbox, organisation } = transaction;
  const parameters = parametersOf(transaction);
  if (!parameters) return status(3);
  const { heartbeatSeconds, folderIds } = parameters;
  const { min, max } = organisation.heartbeat;
  if (!Number.isInteger(heartbeatSeconds)) return status(4);
  if (heartbeatSeconds < min || heartbeatSeconds > max) {
    return status(5, element('Ping:HeartbeatInterval', heartbeatSeconds < min ? min : max));
  }
  if (folderIds.length > mostFolders) return status(6, element('Ping:MaxFolders', mostFolders));
  if (folderIds.some((id) => !mailbox.folders.has(id)) || device.folderSyncKey === undefined)
    return status(7);
  device.cachedPing = parameters;

  const changed = (): string[] => folderIds.filter((id) => hasChanges(mailbox, device, id));
  if (changed().length === 0) {
    const hasChanged = (): boolean => changed().length > 0;
    const end = await holdPoll(transaction, { command: 'Ping', heartbeatSeconds, folderIds, hasChanged });
    if (end === 'gone') return emptyReply();
  }
  const changes = changed();
  if (changes.length === 0) return status(1);
  return status(2, element('Ping:Folders', ...changes.map((id) => element('Ping:Folder', id))));
}

/** What is asked, completed by what the device asked before; undefined when that is not enough. */
function parametersOf({ device, document }: Transaction): CachedPing | undefined {
  const cached = device.cachedPing;
  if (!document) return cached;
  const heartbeat = textOf(document, 'Ping:HeartbeatInterval');
  const folders = childrenOf(childrenOf(document, 'Ping:Folders')[0], 'Ping:Folder');
  const heartbeatSeconds = heartbeat === undefined ? cached?.heartbeatSeconds : Number(heartbeat);
  const folderIds =
    folders.length > 0 ? folders.map((folder) => textOf(folder, 'Ping:Id') ?? '') : cached?.folderIds;
  return heartbeatSeconds === undefined || folderIds === undefined
    ? undefined
    : { heartbeatSeconds, folderIds };
}

function status(code: number, more?: Element): Reply {
  return documentReply(element('Ping:Ping', element('Ping:Status', code), more));
}
