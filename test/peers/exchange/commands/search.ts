// Search: mails by words, and users of the organisation (MS-ASCMD 2.2.1.16).
import { element, find, textOf, type Element } from '../../wbxml/element.ts';
import { documentReply } from '../document-reply.ts';
import type { Reply } from '../../server/reply.ts';
import { ContentError, documentOf, type Transaction } from '../transaction.ts';
import { properties } from './application-data.ts';

export function search(transaction: Transaction): Reply {
  const store = find(documentOf(transaction), 'Search:Store');
  const name = textOf(store, 'Search:Name')?.toLowerCase();
  const query = find(store, 'Search:Query');
  if (!query) throw new ContentError('Search without a query', 2);
  const [from = 0, to = 99] = (textOf(store, 'Search:Options', 'Search:Range') ?? '0-99')
    .split('-')
    .map(Number);
  const found = name === 'gal' ? searchUsers(transaction, query) : searchMail(transaction, query);
  const page = found.slice(from, to + 1);
  const results = page.length > 0 ? page : [element('Search:Result')];
  const answer = element(
    'Search:Store',
    element('Search:Status', 1),
    ...results,
    page.length > 0 && element('Search:Range', `${from}-${from + page.length - 1}`),
    element('Search:Total', found.length),
  );
  return documentReply(
    element('Search:Search', element('Search:Status', 1), element('Search:Response', answer)),
  );
}

function searchMail({ mailbox }: Transaction, query: Element): Element[] {
  const words = (
    textOf(query, 'Search:And', 'Search:FreeText') ??
    textOf(query, 'Search:FreeText') ??
    ''
  ).toLowerCase();
  const folderId = textOf(query, 'Search:And', 'AirSync:CollectionId');
  const results: Element[] = [];
  for (const folder of mailbox.folders.values()) {
    if (folderId !== undefined && folder.id !== folderId) continue;
    for (const item of folder.items.values()) {
      if (!`${item.subject}\n${item.body}`.toLowerCase().includes(words)) continue;
      results.push(
        element(
          'Search:Result',
          element('AirSync:Class', 'Email'),
          element('Search:LongId', item.serverId),
          element('AirSync:CollectionId', folder.id),
          element('Search:Properties', ...properties(item, { full: true, options: undefined })),
        ),
      );
    }
  }
  return results;
}

function searchUsers({ organisation }: Transaction, query: Element): Element[] {
  const words = textOf(query)?.toLowerCase() ?? '';
  return organisation.users
    .filter((user) => user.toLowerCase().includes(words))
    .map((user) =>
      element(
        'Search:Result',
        element('Search:Properties', element('GAL:DisplayName', user), element('GAL:EmailAddress', user)),
      ),
    );
}
