// Sync: items of folders in both directions, and waiting for changes of them (MS-ASCMD 2.2.1.21).
import { childrenOf, element, find, textOf, type Element } from '../../wbxml/element.ts';
import { documentReply } from '../document-reply.ts';
import { emptyReply, type Reply } from '../../server/reply.ts';
import { hasChanges } from '../sync-state.ts';
import { ContentError, statusOnly, type Transaction } from '../transaction.ts';
import { holdPoll } from './long-poll.ts';
import { readCollection, syncCollection, type CollectionRequest } from './sync-collection.ts';

const mostCollections = 512;

interface SyncRequest {
  readonly collections: readonly CollectionRequest[];
  /** 0 when the answer must not wait. */
  readonly heartbeatSeconds: number;
}

export async function sync(transaction: Transaction): Promise<Reply> {
  const { device } = transaction;
  const request = readRequest(transaction);
  if ('status' in request) return request;
  const { collections, heartbeatSeconds } = request;
  device.cachedSync = undefined;
  const ids = collections.map(({ id }) => id);

  let answers = collections.flatMap((collection) => syncCollection(transaction, collection) ?? []);
  if (answers.length === 0 && heartbeatSeconds > 0) {
    const hasChanged = (): boolean => ids.some((id) => hasChanges(transaction.mailbox, device, id));
    const end = await holdPoll(transaction, {
      command: 'Sync',
      heartbeatSeconds,
      folderIds: ids,
      hasChanged,
    });
    if (end === 'gone') return emptyReply();
    if (end === 'changed')
      answers = collections.flatMap((collection) => syncCollection(transaction, collection) ?? []);
  }
  if (answers.length === 0) {
    device.cachedSync = { collectionIds: ids, heartbeatSeconds };
    return emptyReply();
  }
  return documentReply(element('AirSync:Sync', element('AirSync:Collections', ...answers)));
}

function readRequest(transaction: Transaction): SyncRequest | Reply {
  const { document, device } = transaction;
  if (!document) return repeatCached(transaction);
  const elements = childrenOf(find(document, 'AirSync:Collections'), 'AirSync:Collection');
  if (find(document, 'AirSync:Partial')) return statusOnly('Sync', 13);
  if (elements.length === 0) throw new ContentError('Sync without collections', 4);
  if (elements.length > mostCollections) return statusOnly('Sync', 15);
  if (device.folderSyncKey === undefined) return statusOnly('Sync', 12);
  const heartbeatSeconds = readHeartbeat(transaction, document);
  if (typeof heartbeatSeconds !== 'number') return heartbeatSeconds;
  const window = textOf(document, 'AirSync:WindowSize');
  return { collections: elements.map((each) => readCollection(each, window)), heartbeatSeconds };
}

/** An empty Sync repeats the last one, if that had no changes to report. */
function repeatCached({ device }: Transaction): SyncRequest | Reply {
  if (!device.cachedSync) return statusOnly('Sync', 13);
  const { collectionIds, heartbeatSeconds } = device.cachedSync;
  return {
    heartbeatSeconds,
    collections: collectionIds.map((id) => ({
      id,
      syncKey: device.collections.get(id)?.current.key ?? '0',
      commands: [],
      getChanges: true,
      window: 100,
      options: undefined,
      deletesAsMoves: true,
    })),
  };
}

/** Wait is in minutes, HeartbeatInterval in seconds; both together are an error. */
function readHeartbeat({ organisation, version }: Transaction, document: Element): number | Reply {
  const [wait, heartbeat] = [textOf(document, 'AirSync:Wait'), textOf(document, 'AirSync:HeartbeatInterval')];
  if (wait === undefined && heartbeat === undefined) return 0;
  if (wait !== undefined && heartbeat !== undefined)
    throw new ContentError('Wait beside HeartbeatInterval', 4);
  if (heartbeat !== undefined && version < 14) throw new ContentError('HeartbeatInterval before 14.0', 4);
  const seconds = wait === undefined ? Number(heartbeat) : Number(wait) * 60;
  const { min, max } = organisation.heartbeat;
  if (seconds >= min && seconds <= max && Number.isInteger(seconds)) return seconds;
  const limit = (seconds < min ? min : max) / (wait === undefined ? 1 : 60);
  return documentReply(
    element('AirSync:Sync', element('AirSync:Status', 14), element('AirSync:Limit', Math.floor(limit))),
  );
}
