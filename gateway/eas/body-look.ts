// A bounded look at a body that passes by: what the gateway has to know of a document that it never changes.
import { type Tag, tagOf } from './code-pages.ts';
import { inflatedCopy } from './content-encoding.ts';
import { WbxmlDecoder, type WbxmlVisitor } from './wbxml-decoder.ts';

/** A document above this size, inflated, is not looked at. */
export const MAX_LOOK_BYTES = 65_536;
const MAX_COLLECTIONS = 64;

/** What a document says, each text cut after 64 bytes. */
export interface BodyLook {
  readonly root: Tag;
  /** Status below the root, of an answer; undefined where there is none, or no number. */
  readonly status: number | undefined;
  /** HeartbeatInterval of Ping or Sync, or Wait of Sync (given in minutes), in seconds; undefined where none is named. */
  readonly waitSeconds: number | undefined;
  /** A Sync that carries changes of the phone (MS-ASCMD 2.2.3.32). */
  readonly commands: boolean;
  /** A Sync that asks for the first state of a folder (SyncKey 0): it is owed an answer with a body. */
  readonly initial: boolean;
  /** An ItemOperations that only fetches. */
  readonly fetchOnly: boolean;
  /** Of Sync, and the folders of Ping: the first 64 of them. */
  readonly collectionIds: readonly string[];
  /** What a phone says of itself in Settings or Provision (MS-ASCMD 2.2.3.53); undefined where it does not. */
  readonly deviceInformation: DeviceInformation | undefined;
}

export interface DeviceInformation {
  readonly model?: string;
  readonly friendlyName?: string;
  readonly operatingSystem?: string;
  readonly userAgent?: string;
}

const SYNC_KEY = tagOf('AirSync', 'SyncKey');
const SYNC_COLLECTION_ID = tagOf('AirSync', 'CollectionId');
const SYNC_COMMANDS = tagOf('AirSync', 'Commands');
const SYNC_WAIT = tagOf('AirSync', 'Wait');
const SYNC_HEARTBEAT = tagOf('AirSync', 'HeartbeatInterval');
const PING_HEARTBEAT = tagOf('Ping', 'HeartbeatInterval');
const PING_ID = tagOf('Ping', 'Id');
const ITEM_OPERATIONS = tagOf('ItemOperations', 'ItemOperations');
const FETCH = tagOf('ItemOperations', 'Fetch');
const DEVICE_INFORMATION = tagOf('Settings', 'DeviceInformation');
const DEVICE_FIELDS: ReadonlyMap<Tag, keyof DeviceInformation> = new Map([
  [tagOf('Settings', 'Model'), 'model'],
  [tagOf('Settings', 'FriendlyName'), 'friendlyName'],
  [tagOf('Settings', 'OS'), 'operatingSystem'],
  [tagOf('Settings', 'UserAgent'), 'userAgent'],
]);
const STATUSES: ReadonlySet<Tag> = new Set([
  tagOf('AirSync', 'Status'),
  tagOf('Move', 'Status'),
  tagOf('GetItemEstimate', 'Status'),
  tagOf('FolderHierarchy', 'Status'),
  tagOf('MeetingResponse', 'Status'),
  tagOf('ResolveRecipients', 'Status'),
  tagOf('ValidateCert', 'Status'),
  tagOf('Ping', 'Status'),
  tagOf('Provision', 'Status'),
  tagOf('Search', 'Status'),
  tagOf('Settings', 'Status'),
  tagOf('ItemOperations', 'Status'),
  tagOf('ComposeMail', 'Status'),
  tagOf('Find', 'Status'),
]);

/**
 * Looks at a whole body, in the pieces in which it came. Never throws, and never changes them.
 * @param contentEncoding of the body, or undefined
 * @returns undefined for what is not understood to the last byte, is too long, or is not whole
 */
export function lookAtBody(
  pieces: readonly Buffer[],
  contentEncoding: string | undefined,
): BodyLook | undefined {
  const plain =
    contentEncoding === undefined ? pieces : inflatedCopy(pieces, contentEncoding, MAX_LOOK_BYTES);
  if (plain === undefined) return undefined;
  const facts = new Facts();
  const decoder = new WbxmlDecoder(facts);
  let bytes = 0;
  for (const piece of plain) {
    bytes += piece.length;
    if (bytes > MAX_LOOK_BYTES || !decoder.push(piece)) return undefined;
  }
  return decoder.end() && facts.consistent ? facts : undefined;
}

class Facts implements WbxmlVisitor, BodyLook {
  root = -1;
  status: number | undefined;
  waitSeconds: number | undefined;
  commands = false;
  initial = false;
  readonly collectionIds: string[] = [];
  deviceInformation: { -readonly [field in keyof DeviceInformation]: string } | undefined;
  /** False where a time to wait is no number, or is said twice (MS-ASCMD 2.2.3.84 and 2.2.3.182). */
  consistent = true;
  private fetches = 0;
  private otherOperations = 0;

  get fetchOnly(): boolean {
    return this.fetches > 0 && this.otherOperations === 0;
  }

  element(tag: Tag, depth: number, parent: Tag): void {
    if (depth === 0) this.root = tag;
    else if (tag === SYNC_COMMANDS) this.commands = true;
    else if (tag === DEVICE_INFORMATION) this.deviceInformation ??= {};
    else if (parent === ITEM_OPERATIONS) {
      if (tag === FETCH) this.fetches++;
      else this.otherOperations++;
    }
  }

  text(value: string, tag: Tag, depth: number): void {
    if (tag === SYNC_KEY) this.initial ||= value === '0';
    else if (depth === 1) this.textBelowRoot(value, tag);
    else if (tag === SYNC_COLLECTION_ID || tag === PING_ID) this.collection(value);
    else if (this.deviceInformation !== undefined) {
      const field = DEVICE_FIELDS.get(tag);
      if (field !== undefined) this.deviceInformation[field] = value;
    }
  }

  private textBelowRoot(value: string, tag: Tag): void {
    if (tag === PING_HEARTBEAT || tag === SYNC_HEARTBEAT) this.wait(value, 1);
    else if (tag === SYNC_WAIT) this.wait(value, 60);
    else if (STATUSES.has(tag) && /^\d{1,5}$/.test(value)) this.status = Number(value);
  }

  private wait(value: string, secondsPerUnit: number): void {
    if (!/^\d{1,6}$/.test(value) || this.waitSeconds !== undefined) this.consistent = false;
    else this.waitSeconds = Number(value) * secondsPerUnit;
  }

  private collection(id: string): void {
    if (this.collectionIds.length < MAX_COLLECTIONS) this.collectionIds.push(id);
  }
}
