// GetItemEstimate: how many changes a Sync would bring (MS-ASCMD 2.2.1.9).
import { childrenOf, element, find, textOf, type Element } from '../../wbxml/element.ts';
import { documentReply } from '../document-reply.ts';
import type { Reply } from '../../server/reply.ts';
import { changesSince } from '../sync-state.ts';
import { ContentError, documentOf, type Transaction } from '../transaction.ts';

export function getItemEstimate(transaction: Transaction): Reply {
  const collections = childrenOf(
    find(documentOf(transaction), 'GetItemEstimate:Collections'),
    'GetItemEstimate:Collection',
  );
  if (collections.length === 0) throw new ContentError('GetItemEstimate without collections');
  const responses = collections.map((collection) => estimate(transaction, collection));
  return documentReply(element('GetItemEstimate:GetItemEstimate', ...responses));
}

function estimate({ mailbox, device }: Transaction, collection: Element): Element {
  const id = textOf(collection, 'GetItemEstimate:CollectionId') ?? '';
  const key = textOf(collection, 'AirSync:SyncKey');
  const folder = mailbox.folders.get(id);
  const state = device.collections.get(id)?.current;
  if (!folder) return response(2);
  if (!state) return response(3);
  if (key !== state.key) return response(4);
  const { added, changed, deleted } = changesSince(folder, state.known, Infinity);
  return response(1, id, added.length + changed.length + deleted.length);
}

function response(status: number, id?: string, count?: number): Element {
  return element(
    'GetItemEstimate:Response',
    element('GetItemEstimate:Status', status),
    id !== undefined &&
      element(
        'GetItemEstimate:Collection',
        element('GetItemEstimate:CollectionId', id),
        element('GetItemEstimate:Estimate', count),
      ),
  );
}
