// MoveItems: items from one folder to another (MS-ASCMD 2.2.1.12).
import { childrenOf, element, textOf, type Element } from '../../wbxml/element.ts';
import { documentReply } from '../document-reply.ts';
import type { Reply } from '../../server/reply.ts';
import { ContentError, documentOf, type Transaction } from '../transaction.ts';

export function moveItems(transaction: Transaction): Reply {
  const moves = childrenOf(documentOf(transaction), 'Move:Move');
  if (moves.length === 0) throw new ContentError('MoveItems without Move');
  return documentReply(element('Move:MoveItems', ...moves.map((move) => answer(transaction, move))));
}

function answer({ mailbox }: Transaction, move: Element): Element {
  const [id, source, target] = [
    textOf(move, 'Move:SrcMsgId') ?? '',
    mailbox.folders.get(textOf(move, 'Move:SrcFldId') ?? ''),
    mailbox.folders.get(textOf(move, 'Move:DstFldId') ?? ''),
  ];
  if (!source?.items.has(id)) return response(id, 1);
  if (!target) return response(id, 2);
  if (source === target) return response(id, 4);
  return response(id, 3, mailbox.move(source, id, target)?.serverId);
}

function response(id: string, status: number, moved?: string): Element {
  return element(
    'Move:Response',
    element('Move:SrcMsgId', id),
    element('Move:Status', status),
    moved !== undefined && element('Move:DstMsgId', moved),
  );
}
