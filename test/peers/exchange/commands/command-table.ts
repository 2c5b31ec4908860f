// Which handler answers which ActiveSync command.
import type { Handler } from '../transaction.ts';
import { composeMail } from './compose-mail.ts';
import { folderSync } from './folder-sync.ts';
import { getItemEstimate } from './get-item-estimate.ts';
import { itemOperations } from './item-operations.ts';
import { moveItems } from './move-items.ts';
import { ping } from './ping.ts';
import { provision } from './provision.ts';
import { resolveRecipients } from './resolve-recipients.ts';
import { search } from './search.ts';
import { settings } from './settings.ts';
import { sync } from './sync.ts';

/** The commands that the simulated Exchange carries out; it answers others with status 137. */
export const handlers: Readonly<Record<string, Handler>> = {
  FolderSync: folderSync,
  GetItemEstimate: getItemEstimate,
  ItemOperations: itemOperations,
  MoveItems: moveItems,
  Ping: ping,
  Provision: provision,
  ResolveRecipients: resolveRecipients,
  Search: search,
  SendMail: composeMail,
  Settings: settings,
  SmartForward: composeMail,
  SmartReply: composeMail,
  Sync: sync,
};
