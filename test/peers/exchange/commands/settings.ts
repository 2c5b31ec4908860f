// Settings: device information, user information and out-of-office state (MS-ASCMD 2.2.1.18).
import { childrenOf, element, find, type Element } from '../../wbxml/element.ts';
import { documentReply } from '../document-reply.ts';
import type { Reply } from '../../server/reply.ts';
import { ContentError, documentOf, type Transaction } from '../transaction.ts';

export function settings(transaction: Transaction): Reply {
  const properties = childrenOf(documentOf(transaction));
  if (properties.length === 0) throw new ContentError('Settings without a property', 2);
  const answers = properties.map((property) => answer(transaction, property));
  return documentReply(element('Settings:Settings', element('Settings:Status', 1), ...answers));
}

function answer({ device, mailbox, version }: Transaction, property: Element): Element {
  const done = element('Settings:Status', 1);
  switch (property.tag) {
    case 'Settings:DeviceInformation':
      if (!find(property, 'Settings:Set')) throw new ContentError('DeviceInformation without Set', 2);
      device.information = property;
      return element('Settings:DeviceInformation', done);
    case 'Settings:DevicePassword':
      return element('Settings:DevicePassword', done);
    case 'Settings:Oof':
      if (find(property, 'Settings:Set')) return element('Settings:Oof', done);
      return element('Settings:Oof', done, element('Settings:Get', element('Settings:OofState', 0)));
    case 'Settings:UserInformation': {
      const addresses = element('Settings:EmailAddresses', element('Settings:SMTPAddress', mailbox.user));
      const accounts = element('Settings:Accounts', element('Settings:Account', addresses));
      const get = element('Settings:Get', version >= 14.1 ? accounts : addresses);
      return element('Settings:UserInformation', done, get);
    }
    default:
      throw new ContentError(`Settings of ${property.tag}`, 2);
  }
}
