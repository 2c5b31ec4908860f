// SendMail, SmartForward, SmartReply: takes a mail, records it exactly, delivers it to users of the organisation.
import { bytesOf, find, textOf } from '../../wbxml/element.ts';
import type { Mailbox } from '../mailbox.ts';
import { emptyReply, type Reply } from '../../server/reply.ts';
import { ContentError, documentOf, statusOnly, type Transaction } from '../transaction.ts';

interface Submission {
  readonly mime: Buffer;
  readonly clientId: string | undefined;
  readonly saveInSent: boolean;
  /** The mail that is answered or forwarded. */
  readonly source: string | undefined;
}

export function composeMail(transaction: Transaction): Reply {
  const { query, version, mailbox, device, organisation, frontEnd } = transaction;
  const submission = version >= 14 ? readDocument(transaction) : readMessage(transaction);
  const { mime, clientId, saveInSent, source } = submission;
  if (query.command !== 'SendMail' && (source === undefined || !mailbox.findItem(source))) {
    return statusOnly(query.command, 150);
  }
  const headers = mailHeaders(mime);
  const messageId = headers.get('message-id');
  const recipients = ['to', 'cc', 'bcc'].flatMap((name) => addressesOf(headers.get(name) ?? ''));
  if (recipients.length === 0) throw new ContentError('a mail without recipients', 107);
  const duplicate = organisation.journal.sentMail.some(
    (sent) =>
      sent.user === mailbox.user &&
      ((clientId !== undefined && sent.clientId === clientId) ||
        (messageId !== undefined && sent.messageId === messageId)),
  );
  organisation.journal.addSentMail({
    at: new Date().toISOString(),
    frontEnd,
    user: mailbox.user,
    deviceId: device.id,
    command: query.command,
    clientId,
    messageId,
    subject: headers.get('subject') ?? '',
    to: recipients,
    bytes: mime.length,
    duplicate,
  });
  if (duplicate && clientId !== undefined) return statusOnly(query.command, 118);
  deliver(transaction, { mime, headers, recipients, saveInSent });
  return emptyReply();
}

function readDocument(transaction: Transaction): Submission {
  const root = documentOf(transaction);
  const clientId = textOf(root, 'ComposeMail:ClientId');
  const mime = find(root, 'ComposeMail:Mime');
  if (!clientId || clientId.length > 40 || !mime) throw new ContentError('ClientId or Mime is missing');
  const source = find(root, 'ComposeMail:Source');
  return {
    clientId,
    mime: bytesOf(mime),
    saveInSent: find(root, 'ComposeMail:SaveInSentItems') !== undefined,
    source: textOf(source, 'ComposeMail:LongId') ?? textOf(source, 'ComposeMail:ItemId'),
  };
}

function readMessage({ body, query }: Transaction): Submission {
  if (body.length === 0) throw new ContentError('a mail without content');
  const source = query.parameters.get('LongId') ?? query.parameters.get('ItemId');
  return { mime: body, clientId: undefined, saveInSent: query.saveInSent, source };
}

interface Delivery {
  readonly mime: Buffer;
  readonly headers: ReadonlyMap<string, string>;
  readonly recipients: readonly string[];
  readonly saveInSent: boolean;
}

function deliver(
  { organisation, mailbox }: Transaction,
  { mime, headers, recipients, saveInSent }: Delivery,
): void {
  const mail = {
    subject: headers.get('subject') ?? '',
    body: mime.subarray(endOfHeaders(mime), endOfHeaders(mime) + 65_536).toString('utf8'),
    from: headers.get('from') ?? mailbox.user,
    to: headers.get('to') ?? '',
  };
  const boxes = new Set<Mailbox>();
  for (const recipient of recipients) {
    const box = organisation.mailboxOf(recipient);
    if (box) boxes.add(box);
  }
  for (const box of boxes) box.add(mail);
  if (saveInSent) mailbox.add(mail, mailbox.sentItems);
}

/** The header fields of a MIME message by lower-case name, unfolded (RFC 5322 2.2); of several the first. */
function mailHeaders(mime: Buffer): Map<string, string> {
  const text = mime
    .subarray(0, endOfHeaders(mime))
    .toString('utf8')
    .replaceAll(/\r?\n[ \t]+/g, ' ');
  const headers = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const at = line.indexOf(':');
    const name = line.slice(0, at).toLowerCase();
    if (at > 0 && !headers.has(name)) headers.set(name, line.slice(at + 1).trim());
  }
  return headers;
}

function endOfHeaders(mime: Buffer): number {
  const at = mime.indexOf('\r\n\r\n');
  return at < 0 ? mime.length : at + 4;
}

function addressesOf(field: string): string[] {
  return [...field.matchAll(/[^\s<>,"]+@[^\s<>,"]+/g)].map(([address]) => address);
}
