// GetAttachment: the bytes of an attachment, up to 12.1 (MS-ASCMD 2.2.1.8).
import { statusReply, type Reply } from '../../server/reply.ts';
import { attachmentContent } from '../mailbox.ts';
import { statusOnly, type Transaction } from '../transaction.ts';

export function getAttachment({ mailbox, query, version }: Transaction): Reply {
  if (version >= 14) return statusOnly(query.command, 137);
  const attachment = mailbox.findAttachment(query.parameters.get('AttachmentName') ?? '');
  if (!attachment) return statusReply(500);
  return {
    status: 200,
    headers: [['Content-Type', 'application/octet-stream']],
    body: { length: attachment.bytes, chunks: () => attachmentContent(attachment) },
  };
}
