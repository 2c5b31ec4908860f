// What a phone is told when the gateway, and not Exchange, refuses its command: by command, version and reason (MS-ASCMD 2.2.2).
import { type PageName, tagOf } from './code-pages.ts';
import type { Command } from './commands.ts';
import { versionNumber } from './versions.ts';
import { type Element, element, encodeWbxml } from './wbxml-encoder.ts';

/** Why a command is refused. */
export type Refusal = keyof typeof REFUSALS;

/** An answer to a command. */
export interface RefusalAnswer {
  readonly status: number;
  /** Empty where the status says all. */
  readonly contentType: string;
  readonly body: Buffer;
}

interface Statuses {
  /** HTTP status for versions that know no common Status (up to 12.1), and for what has no answer in WBXML. */
  readonly http: number;
  /** Common Status from 14.0 on; undefined where these versions too are told by HTTP. */
  readonly status: number | undefined;
}

const REFUSALS = {
  /** DeviceIsBlockedForThisUser. */
  Blocked: { http: 403, status: 129 },
  /** AccessDenied: what the user may do, whatever the device. */
  AccessDenied: { http: 403, status: 130 },
  /** RemoteWipeRequested: the phone goes on with Provision, whose answer is `wipeAnswer`. */
  WipeRequested: { http: 449, status: 140 },
  /** DeviceNotProvisioned, PolicyRefresh, InvalidPolicyKey: the phone goes on with Provision, which must pass. */
  NotProvisioned: { http: 449, status: 142 },
  PolicyRefresh: { http: 449, status: 143 },
  InvalidPolicyKey: { http: 449, status: 144 },
  /** MaximumDevicesReached: up to 12.1 a device too many is as good as blocked. */
  TooManyDevices: { http: 403, status: 177 },
  VersionNotSupported: { http: 400, status: 138 },
  ServerErrorRetryLater: { http: 503, status: 111 },
  /** With Retry-After, whatever the version: phones honour it. */
  Busy: { http: 503, status: undefined },
} as const satisfies Record<string, Statuses>;

/** All reasons. */
export const REFUSAL_REASONS = Object.keys(REFUSALS) as readonly Refusal[];

/** The first version whose phones read a common Status. */
const COMMON_STATUS = 140;
const WBXML = 'application/vnd.ms-sync.wbxml';
const NO_BODY = Buffer.alloc(0);

/** Code page and root of a command's answer; GetAttachment (up to 12.1) answers with the attachment itself. */
const ROOTS: Readonly<Partial<Record<Command, readonly [page: PageName, root: string]>>> = {
  Sync: ['AirSync', 'Sync'],
  SendMail: ['ComposeMail', 'SendMail'],
  SmartForward: ['ComposeMail', 'SmartForward'],
  SmartReply: ['ComposeMail', 'SmartReply'],
  FolderSync: ['FolderHierarchy', 'FolderSync'],
  FolderCreate: ['FolderHierarchy', 'FolderCreate'],
  FolderDelete: ['FolderHierarchy', 'FolderDelete'],
  FolderUpdate: ['FolderHierarchy', 'FolderUpdate'],
  MoveItems: ['Move', 'MoveItems'],
  GetItemEstimate: ['GetItemEstimate', 'GetItemEstimate'],
  MeetingResponse: ['MeetingResponse', 'MeetingResponse'],
  Search: ['Search', 'Search'],
  Settings: ['Settings', 'Settings'],
  Ping: ['Ping', 'Ping'],
  ItemOperations: ['ItemOperations', 'ItemOperations'],
  Provision: ['Provision', 'Provision'],
  ResolveRecipients: ['ResolveRecipients', 'ResolveRecipients'],
  ValidateCert: ['ValidateCert', 'ValidateCert'],
  Find: ['Find', 'Find'],
};

/**
 * The answer that refuses a command.
 * @param command empty for OPTIONS and GET, which are told by HTTP
 * @param version of the protocol as the phone says it; one that is absent or unknown is told by HTTP, which everybody reads
 */
export function refusalAnswer(reason: Refusal, command: Command | '', version: string): RefusalAnswer {
  const { http, status }: Statuses = REFUSALS[reason];
  const root = command === '' ? undefined : ROOTS[command];
  if (root === undefined || status === undefined || versionNumber(version) < COMMON_STATUS) {
    return { status: http, contentType: '', body: NO_BODY };
  }
  const [page, name] = root;
  const document = element(tagOf(page, name), element(tagOf(page, 'Status'), String(status)));
  return { status: 200, contentType: WBXML, body: encodeWbxml(document) };
}

/**
 * The answer to Provision that has a phone wipe itself, or remove this account (MS-ASPROV 2.2.2.45 and 2.2.2.1). The phone
 * acknowledges it by a second Provision.
 * @param accountOnly from 16.1 on; older phones know the wipe of the whole device alone, and are not sent this one
 */
export function wipeAnswer(accountOnly: boolean): RefusalAnswer {
  const directive: Element = element(
    tagOf('Provision', accountOnly ? 'AccountOnlyRemoteWipe' : 'RemoteWipe'),
  );
  const document = element(
    tagOf('Provision', 'Provision'),
    element(tagOf('Provision', 'Status'), '1'),
    directive,
  );
  return { status: 200, contentType: WBXML, body: encodeWbxml(document) };
}
