// What the simulated Exchange keeps of one device: provisioning, sync states, cached requests, cookie, its open poll.
import { Chance } from '../chance.ts';
import type { Element } from '../wbxml/element.ts';

/** The items of a folder as a client knows them after the answer that carried `key`. */
export interface SyncState {
  readonly key: string;
  /** Server id → version of the item that the client has. */
  readonly known: ReadonlyMap<string, number>;
  /** Version of the folder at which nothing was left to send; undefined while something is. */
  readonly complete: number | undefined;
  /** Client id → server id of the items that this step added. */
  readonly added: ReadonlyMap<string, string>;
}

export interface Collection {
  current: SyncState;
  /** The state before the last answer, which a client that missed that answer still has. */
  previous?: SyncState;
}

/** A Sync that an empty request repeats (MS-ASCMD 2.2.1.21.1). */
export interface CachedSync {
  readonly collectionIds: readonly string[];
  readonly heartbeatSeconds: number;
}

/** A Ping that an empty request repeats (MS-ASCMD 2.2.1.13). */
export interface CachedPing {
  heartbeatSeconds: number;
  folderIds: readonly string[];
}

export interface Cookie {
  readonly name: string;
  readonly value: string;
}

export interface DeviceOptions {
  readonly chance?: Chance;
  readonly cookieNames?: readonly string[];
}

export class Device {
  readonly id: string;
  readonly type: string;
  readonly user: string;
  userAgent: string | undefined;
  /** The key of the acknowledged policy, and the temporary one between the two phases of Provision. */
  policyKey: number | undefined;
  pendingPolicyKey: number | undefined;
  /** Set while the policy was changed and the device has not fetched the new one. */
  policyOutdated = false;
  blocked = false;
  wipe: 'none' | 'requested' | 'acknowledged' = 'none';
  folderSyncKey: string | undefined;
  /** Id → parent and name, as the device was told of them last. */
  knownFolders: ReadonlyMap<string, string> = new Map();
  readonly collections = new Map<string, Collection>();
  cachedPing: CachedPing | undefined;
  cachedSync: CachedSync | undefined;
  information: Element | undefined;
  /** The cookies that this device, and no other, was given. */
  readonly cookies: readonly Cookie[];
  cookieReturned = false;
  /** Answers since the cookie was offered in which the client did not return it. */
  cookieOffers = 0;
  /** Ends the poll that is held for this device. */
  supersede: (() => void) | undefined;
  /** Until then, in ms since 1970, its requests are refused; and why, as X-MS-ASThrottle says it. */
  throttledUntil = 0;
  throttleReason = '';
  /** The last command, and how often it came without another between. */
  lastCommand = '';
  repetitions = 0;
  readonly #chance: Chance;
  #nextKey: number;

  constructor(user: string, id: string, type: string, { chance, cookieNames }: DeviceOptions = {}) {
    this.user = user;
    this.id = id;
    this.type = type;
    this.#chance = chance ?? new Chance();
    this.#nextKey = this.#chance.integer(`keys of ${user} ${id}`, 1, 100_000);
    this.cookies = (cookieNames ?? ['ClientId', 'X-BackEndCookie']).map((name) => ({
      name,
      value: this.#chance.bytes(`cookie ${name} of ${user} ${id}`, 18).toString('base64url'),
    }));
  }

  /** A policy key: an unsigned 32-bit integer, not 0. */
  newPolicyKey(): number {
    return this.#chance.integer(`policy of ${this.user} ${this.id}`, 1, 2 ** 32 - 1);
  }

  /** A key that this device never had before, in this or another folder. */
  nextKey(): string {
    this.#nextKey += 1;
    return String(this.#nextKey);
  }

  /** Forgets what a new set-up of the account starts without (FolderSync with key 0). */
  resetHierarchy(): void {
    this.collections.clear();
    this.cachedPing = undefined;
    this.cachedSync = undefined;
    this.knownFolders = new Map();
  }
}
