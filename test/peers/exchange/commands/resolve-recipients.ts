// ResolveRecipients: names to addresses of the organisation (MS-ASCMD 2.2.1.15).
import { childrenOf, element, textOf, type Element } from '../../wbxml/element.ts';
import { documentReply } from '../document-reply.ts';
import type { Reply } from '../../server/reply.ts';
import { ContentError, documentOf, type Transaction } from '../transaction.ts';

export function resolveRecipients(transaction: Transaction): Reply {
  const names = childrenOf(documentOf(transaction), 'ResolveRecipients:To');
  if (names.length === 0) throw new ContentError('ResolveRecipients without To', 5);
  return documentReply(
    element(
      'ResolveRecipients:ResolveRecipients',
      element('ResolveRecipients:Status', 1),
      ...names.map((name) => answer(transaction, textOf(name) ?? '')),
    ),
  );
}

function answer({ organisation }: Transaction, name: string): Element {
  const users = organisation.users.filter((user) => user.toLowerCase().startsWith(name.toLowerCase()));
  const status = users.length === 0 ? 4 : users.length === 1 ? 1 : 2;
  return element(
    'ResolveRecipients:Response',
    element('ResolveRecipients:To', name),
    element('ResolveRecipients:Status', status),
    element('ResolveRecipients:RecipientCount', users.length),
    ...users.map((user) =>
      element(
        'ResolveRecipients:Recipient',
        element('ResolveRecipients:Type', 1),
        element('ResolveRecipients:DisplayName', user),
        element('ResolveRecipients:EmailAddress', user),
      ),
    ),
  );
}
