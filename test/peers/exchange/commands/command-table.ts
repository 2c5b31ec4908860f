// Which handler answers which ActiveSync command.
import type { Handler } from '../transaction.ts';
import { composeMail } from './compose-mail.ts';
import { find } from './find.ts';
import { folderCreate, folderDelete, folderUpdate } from './folder-change.ts';
import { folderSync } from './folder-sync.ts';
import { getAttachment } from './get-attachment.ts';
import { getItemEstimate } from './get-item-estimate.ts';
import { itemOperations } from './item-operations.ts';
import { meetingResponse } from './meeting-response.ts';
import { moveItems } from './move-items.ts';
import { ping } from './ping.ts';
import { provision } from './provision.ts';
import { resolveRecipients } from './resolve-recipients.ts';
import { search } from './search.ts';
import { settings } from './settings.ts';
import { sync } from './sync.ts';
import { validateCert } from './validate-cert.ts';

/** The commands that the simulated Exchange carries out: all twenty. */
export const handlers: Readonly<Record<string, Handler>> = {
  Find: find,
  FolderCreate: folderCreate,
  FolderDelete: folderDelete,
  FolderSync: folderSync,
  FolderUpdate: folderUpdate,
  GetAttachment: getAttachment,
  GetItemEstimate: getItemEstimate,
  ItemOperations: itemOperations,
  MeetingResponse: meetingResponse,
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
  ValidateCert: validateCert,
};
