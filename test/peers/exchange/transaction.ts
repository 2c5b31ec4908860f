// One authenticated ActiveSync command on its way to a handler, and the ways in which a handler ends it early.
import type { Tag } from '../wbxml/code-pages.ts';
import { element, type Element } from '../wbxml/element.ts';
import type { Device } from './device.ts';
import type { Finding } from './head-judge.ts';
import type { Mailbox } from './mailbox.ts';
import type { Organisation } from './organisation.ts';
import type { EasQuery } from './query.ts';
import { documentReply } from './document-reply.ts';
import { statusReply, type Reply } from '../server/reply.ts';

export interface Transaction {
  readonly organisation: Organisation;
  readonly frontEnd: string;
  readonly mailbox: Mailbox;
  readonly device: Device;
  readonly query: EasQuery;
  /** E.g. 14.1 */
  readonly version: number;
  readonly policyKey: number | undefined;
  readonly acceptMultiPart: boolean;
  readonly body: Buffer;
  /** The decoded body; undefined when it is empty or not WBXML. */
  readonly document: Element | undefined;
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
  readonly violate: (finding: Finding) => void;
}

export type Handler = (transaction: Transaction) => Reply | Promise<Reply>;

/** Root element and status element of every command's answer. */
const roots: Readonly<Record<string, readonly [Tag, Tag]>> = {
  Sync: ['AirSync:Sync', 'AirSync:Status'],
  SendMail: ['ComposeMail:SendMail', 'ComposeMail:Status'],
  SmartForward: ['ComposeMail:SmartForward', 'ComposeMail:Status'],
  SmartReply: ['ComposeMail:SmartReply', 'ComposeMail:Status'],
  FolderSync: ['FolderHierarchy:FolderSync', 'FolderHierarchy:Status'],
  FolderCreate: ['FolderHierarchy:FolderCreate', 'FolderHierarchy:Status'],
  FolderDelete: ['FolderHierarchy:FolderDelete', 'FolderHierarchy:Status'],
  FolderUpdate: ['FolderHierarchy:FolderUpdate', 'FolderHierarchy:Status'],
  MoveItems: ['Move:MoveItems', 'Move:Status'],
  GetItemEstimate: ['GetItemEstimate:GetItemEstimate', 'GetItemEstimate:Status'],
  MeetingResponse: ['MeetingResponse:MeetingResponse', 'MeetingResponse:Status'],
  Search: ['Search:Search', 'Search:Status'],
  Settings: ['Settings:Settings', 'Settings:Status'],
  Ping: ['Ping:Ping', 'Ping:Status'],
  ItemOperations: ['ItemOperations:ItemOperations', 'ItemOperations:Status'],
  Provision: ['Provision:Provision', 'Provision:Status'],
  ResolveRecipients: ['ResolveRecipients:ResolveRecipients', 'ResolveRecipients:Status'],
  ValidateCert: ['ValidateCert:ValidateCert', 'ValidateCert:Status'],
  Find: ['Find:Find', 'Find:Status'],
};

/** The root element that a command's request and answer have; undefined for GetAttachment, which has no document. */
export function rootOf(command: string): Tag | undefined {
  return roots[command]?.[0];
}

/** The answer that carries nothing but a status (MS-ASCMD 2.2.2). */
export function statusOnly(command: string, status: number): Reply {
  const tags = roots[command];
  return tags ? documentReply(element(tags[0], element(tags[1], status))) : statusReply(500);
}

/** Thrown by a handler: the request's content breaks MS-ASCMD; answered 400 up to 12.1, else by `status`. */
export class ContentError extends Error {
  override readonly name = 'ContentError';
  readonly status: number;

  constructor(message: string, status = 103) {
    super(message);
    this.status = status;
  }
}

/** The document of a command that must have one. */
export function documentOf({ document, query }: Transaction): Element {
  if (!document) throw new ContentError(`${query.command} needs a document`);
  return document;
}
