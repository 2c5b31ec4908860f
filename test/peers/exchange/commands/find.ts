// Find: mails by words, from 16.1 on (MS-ASCMD 2.2.1.2).
import { element, find as findElement, textOf } from '../../wbxml/element.ts';
import { documentReply } from '../document-reply.ts';
import type { Reply } from '../../server/reply.ts';
import { ContentError, documentOf, statusOnly, type Transaction } from '../transaction.ts';

export function find(transaction: Transaction): Reply {
  const { mailbox, query, version } = transaction;
  if (version < 16.1) return statusOnly(query.command, 137);
  const root = documentOf(transaction);
  const criterion = findElement(root, 'Find:ExecuteSearch', 'Find:MailBoxSearchCriterion');
  const words = textOf(criterion, 'Find:Query', 'Find:FreeText')?.toLowerCase();
  if (!textOf(root, 'Find:SearchId') || words === undefined)
    throw new ContentError('Find without a search', 2);
  const items = [...mailbox.folders.values()].flatMap(({ id, items: all }) =>
    [...all.values()]
      .filter(({ subject, body }) => `${subject}\n${body}`.toLowerCase().includes(words))
      .map((item) => ({ ...item, folderId: id })),
  );
  const results = items.map(({ serverId, folderId, subject }) =>
    element(
      'Find:Result',
      element('AirSync:Class', 'Email'),
      element('AirSync:ServerId', serverId),
      element('AirSync:CollectionId', folderId),
      element('Find:Properties', element('Email:Subject', subject)),
    ),
  );
  return documentReply(
    element(
      'Find:Find',
      element('Find:Status', 1),
      element('Find:Response', element('Find:Status', 1), ...results, element('Find:Total', results.length)),
    ),
  );
}
