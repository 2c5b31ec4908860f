// ItemOperations: fetches items and attachments, inline or as multipart (MS-ASCMD 2.2.1.10).
import { childrenOf, element, find, textOf, type Element } from '../../wbxml/element.ts';
import { encode, encodeAround } from '../../wbxml/encode.ts';
import { attachmentContent, type Attachment } from '../mailbox.ts';
import { documentReply } from '../document-reply.ts';
import type { Reply } from '../../server/reply.ts';
import { ContentError, documentOf, type Transaction } from '../transaction.ts';
import { properties } from './application-data.ts';

const placeholder = '\u0001attachment\u0001';

export function itemOperations(transaction: Transaction): Reply {
  const fetches = childrenOf(documentOf(transaction), 'ItemOperations:Fetch');
  if (fetches.length === 0) throw new ContentError('ItemOperations without Fetch', 2);
  const attachments: Attachment[] = [];
  const answers = fetches.map((fetch) => answerFetch(transaction, fetch, attachments));
  const root = element(
    'ItemOperations:ItemOperations',
    element('ItemOperations:Status', 1),
    element('ItemOperations:Response', ...answers),
  );
  if (transaction.acceptMultiPart) return multipart(root, attachments);
  const [attachment] = attachments;
  if (!attachment) return documentReply(root);
  if (attachments.length > 1) throw new ContentError('several attachments inline: ask for multipart', 2);
  return inline(root, attachment);
}

function answerFetch(transaction: Transaction, fetch: Element, attachments: Attachment[]): Element {
  const { mailbox, acceptMultiPart } = transaction;
  const reference = textOf(fetch, 'AirSyncBase:FileReference');
  if (textOf(fetch, 'ItemOperations:Store')?.toLowerCase() !== 'mailbox') return failed(9);
  if (reference !== undefined) {
    const attachment = mailbox.findAttachment(reference);
    if (!attachment) return failed(15);
    attachments.push(attachment);
    return element(
      'ItemOperations:Fetch',
      element('ItemOperations:Status', 1),
      element('AirSyncBase:FileReference', reference),
      element(
        'ItemOperations:Properties',
        element('AirSyncBase:ContentType', 'application/octet-stream'),
        acceptMultiPart
          ? element('ItemOperations:Part', attachments.length)
          : element('ItemOperations:Data', placeholder),
      ),
    );
  }
  const serverId = textOf(fetch, 'AirSync:ServerId') ?? textOf(fetch, 'Search:LongId') ?? '';
  const item = mailbox.findItem(serverId);
  if (!item) return failed(6);
  return element(
    'ItemOperations:Fetch',
    element('ItemOperations:Status', 1),
    element('AirSync:CollectionId', textOf(fetch, 'AirSync:CollectionId') ?? serverId.split(':', 1)[0]),
    element('AirSync:ServerId', serverId),
    element('AirSync:Class', 'Email'),
    element(
      'ItemOperations:Properties',
      ...properties(item, { full: true, options: find(fetch, 'ItemOperations:Options') }),
    ),
  );
}

function failed(status: number): Element {
  return element('ItemOperations:Fetch', element('ItemOperations:Status', status));
}

/** The one attachment as base64 inside the document, made while it is sent. */
function inline(root: Element, attachment: Attachment): Reply {
  const { before, after } = encodeAround(root, placeholder);
  return {
    status: 200,
    headers: [['Content-Type', 'application/vnd.ms-sync.wbxml']],
    body: {
      length: before.length + Math.ceil(attachment.bytes / 3) * 4 + after.length,
      *chunks() {
        yield before;
        yield* base64(attachmentContent(attachment));
        yield after;
      },
    },
  };
}

/** The document and the attachments as parts (MS-ASCMD 2.2.2.10.1). */
function multipart(root: Element, attachments: readonly Attachment[]): Reply {
  const document = encode(root);
  const lengths = [document.length, ...attachments.map(({ bytes }) => bytes)];
  const head = Buffer.alloc(4 + lengths.length * 8);
  head.writeUInt32LE(lengths.length, 0);
  let offset = head.length;
  for (const [index, length] of lengths.entries()) {
    head.writeUInt32LE(offset, 4 + index * 8);
    head.writeUInt32LE(length, 8 + index * 8);
    offset += length;
  }
  return {
    status: 200,
    headers: [['Content-Type', 'application/vnd.ms-sync.multipart']],
    body: {
      length: offset,
      *chunks() {
        yield head;
        yield document;
        for (const attachment of attachments) yield* attachmentContent(attachment);
      },
    },
  };
}

function* base64(pieces: Iterable<Buffer>): Generator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for (const piece of pieces) {
    const bytes = Buffer.concat([rest, piece]);
    const whole = bytes.length - (bytes.length % 3);
    yield Buffer.from(bytes.toString('base64', 0, whole));
    rest = bytes.subarray(whole);
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'));
}
