// ValidateCert: certificates of S/MIME, which must be base64 of DER (MS-ASCMD 2.2.1.22).
import { childrenOf, element, find, textOf } from '../../wbxml/element.ts';
import { documentReply } from '../document-reply.ts';
import type { Reply } from '../../server/reply.ts';
import { ContentError, documentOf, type Transaction } from '../transaction.ts';

export function validateCert(transaction: Transaction): Reply {
  const certificates = childrenOf(
    find(documentOf(transaction), 'ValidateCert:Certificates'),
    'ValidateCert:Certificate',
  );
  if (certificates.length === 0) throw new ContentError('ValidateCert without certificates', 2);
  return documentReply(
    element(
      'ValidateCert:ValidateCert',
      element('ValidateCert:Status', 1),
      ...certificates.map((each) =>
        element(
          'ValidateCert:Certificate',
          element('ValidateCert:Status', isDer(textOf(each) ?? '') ? 1 : 17),
        ),
      ),
    ),
  );
}

/** A DER sequence, as far as its first byte tells. */
const isDer = (text: string): boolean => Buffer.from(text, 'base64')[0] === 0x30;
