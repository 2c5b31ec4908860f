// What the gateway has to know of a request's body: how long a poll may wait, and whether asking twice changes anything.
import type { Command } from './commands.ts';
import { scanWbxml, type Tag, type WbxmlVisitor } from './wbxml.ts';

/** What a request's body says, or `Unknown`: too long, incomplete, or no WBXML of this command. */
export type RequestScan = KnownRequest | 'Unknown';

export interface KnownRequest {
  /** No body at all: the server repeats its cached request (Ping, Sync). */
  readonly empty: boolean;
  /** A Sync that carries changes of the phone (MS-ASCMD 2.2.3.32). */
  readonly commands: boolean;
  /** A Sync that asks for the first state of a folder (SyncKey 0): it is owed an answer with a body. */
  readonly initial: boolean;
  /** An ItemOperations that only fetches. */
  readonly fetchOnly: boolean;
  /** HeartbeatInterval of Ping or Sync, or Wait of Sync (given in minutes), in seconds; undefined where none is named. */
  readonly waitSeconds: number | undefined;
}

// Code pages 0 (AirSync), 13 (Ping), 20 (ItemOperations) of MS-ASWBXML 2.1.2.1.
const SYNC = 0x0005;
const SYNC_KEY = 0x000b;
const SYNC_COMMANDS = 0x0016;
const SYNC_WAIT = 0x0024;
const SYNC_HEARTBEAT = 0x0029;
const PING = 0x0d05;
const PING_HEARTBEAT = 0x0d08;
const ITEM_OPERATIONS = 0x1405;
const ITEM_OPERATIONS_FETCH = 0x1406;

const ROOTS: Partial<Record<Command, Tag>> = { Sync: SYNC, Ping: PING, ItemOperations: ITEM_OPERATIONS };

const EMPTY: KnownRequest = {
  empty: true,
  commands: false,
  initial: false,
  fetchOnly: false,
  waitSeconds: undefined,
};

/**
 * Looks at the whole body of a Ping, Sync or ItemOperations. Never throws; anything that is not understood to the last
 * byte is `Unknown`, which means: neither to be sent again nor to be answered by the gateway.
 */
export function scanRequest(command: Command, body: Buffer): RequestScan {
  const root = ROOTS[command];
  if (root === undefined) return 'Unknown';
  if (body.length === 0) return root === ITEM_OPERATIONS ? 'Unknown' : EMPTY;
  const facts = new Facts(root);
  return scanWbxml(body, facts) && facts.understood ? facts.request() : 'Unknown';
}

class Facts implements WbxmlVisitor {
  understood = true;
  private readonly root: Tag;
  private commands = false;
  private initial = false;
  private fetches = 0;
  private others = 0;
  private waitSeconds: number | undefined;

  constructor(root: Tag) {
    this.root = root;
  }

  element(tag: Tag, depth: number, parent: Tag): void {
    if (depth === 0) this.understood = tag === this.root;
    else if (tag === SYNC_COMMANDS) this.commands = true;
    else if (parent === ITEM_OPERATIONS) {
      if (tag === ITEM_OPERATIONS_FETCH) this.fetches++;
      else this.others++;
    }
  }

  text(value: string, tag: Tag, depth: number): void {
    if (tag === SYNC_KEY && value === '0') this.initial = true;
    if (depth !== 1) return;
    if (tag === PING_HEARTBEAT || tag === SYNC_HEARTBEAT) this.wait(value, 1);
    else if (tag === SYNC_WAIT) this.wait(value, 60);
  }

  /** MS-ASCMD 2.2.3.84 and 2.2.3.182: unsigned; given once. */
  private wait(value: string, secondsPerUnit: number): void {
    if (!/^\d{1,6}$/.test(value) || this.waitSeconds !== undefined) this.understood = false;
    else this.waitSeconds = Number(value) * secondsPerUnit;
  }

  request(): KnownRequest {
    return {
      empty: false,
      commands: this.commands,
      initial: this.initial,
      fetchOnly: this.fetches > 0 && this.others === 0,
      waitSeconds: this.waitSeconds,
    };
  }
}
