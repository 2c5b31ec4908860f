// MeetingResponse: what a user makes of an invitation, which then leaves the inbox (MS-ASCMD 2.2.1.11).
import { childrenOf, element, textOf, type Element } from '../../wbxml/element.ts';
import { documentReply } from '../document-reply.ts';
import type { Reply } from '../../server/reply.ts';
import { ContentError, documentOf, type Transaction } from '../transaction.ts';

const answers = new Set(['1', '2', '3']);

export function meetingResponse(transaction: Transaction): Reply {
  const requests = childrenOf(documentOf(transaction), 'MeetingResponse:Request');
  if (requests.length === 0) throw new ContentError('MeetingResponse without Request', 2);
  return documentReply(
    element('MeetingResponse:MeetingResponse', ...requests.map((request) => answer(transaction, request))),
  );
}

function answer({ mailbox }: Transaction, request: Element): Element {
  const id = textOf(request, 'MeetingResponse:RequestId') ?? '';
  const response = textOf(request, 'MeetingResponse:UserResponse') ?? '';
  const isKnown = answers.has(response) && mailbox.delete(mailbox.inbox, id);
  return element(
    'MeetingResponse:Result',
    element('MeetingResponse:RequestId', id),
    element('MeetingResponse:Status', isKnown ? 1 : 2),
    isKnown && response !== '3' && element('MeetingResponse:CalendarId', `1:${id.replace(':', '')}`),
  );
}
