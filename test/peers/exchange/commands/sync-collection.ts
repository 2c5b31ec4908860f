// One collection of a Sync: its key, the client's commands, the server's changes (MS-ASCMD 2.2.3.29).
import { childrenOf, element, find, textOf, type Element } from '../../wbxml/element.ts';
import type { Collection, SyncState } from '../device.ts';
import type { Folder } from '../mailbox.ts';
import { afterChanges, changesSince, type Changes } from '../sync-state.ts';
import { ContentError, type Transaction } from '../transaction.ts';
import { applicationData, readApplicationData } from './application-data.ts';

export interface CollectionRequest {
  readonly id: string;
  readonly syncKey: string;
  /** Add, Change, Delete and Fetch elements in order. */
  readonly commands: readonly Element[];
  readonly getChanges: boolean;
  /** Most changes in the answer. */
  readonly window: number;
  readonly options: Element | undefined;
  readonly deletesAsMoves: boolean;
}

/** Reads a Collection element; `window` is that of the whole Sync, which applies where the collection names none. */
export function readCollection(collection: Element, window: string | undefined): CollectionRequest {
  const [id, syncKey] = [textOf(collection, 'AirSync:CollectionId'), textOf(collection, 'AirSync:SyncKey')];
  if (!id || !syncKey) throw new ContentError('a collection without CollectionId or SyncKey', 4);
  const size = Number(textOf(collection, 'AirSync:WindowSize') ?? window ?? 100);
  if (!Number.isInteger(size) || size < 0) throw new ContentError(`a window of ${size}`, 4);
  const getChanges = textOf(collection, 'AirSync:GetChanges');
  const commands = childrenOf(find(collection, 'AirSync:Commands'));
  if (syncKey === '0' && (getChanges !== undefined || commands.length > 0)) {
    throw new ContentError('GetChanges or Commands with SyncKey 0', 4);
  }
  return {
    id,
    syncKey,
    commands,
    getChanges: getChanges !== '0',
    window: size === 0 || size > 512 ? 512 : size,
    options: find(collection, 'AirSync:Options'),
    deletesAsMoves: textOf(collection, 'AirSync:DeletesAsMoves') !== '0',
  };
}

/** The Collection element of the answer; undefined when there is nothing to say. */
export function syncCollection(transaction: Transaction, request: CollectionRequest): Element | undefined {
  const { mailbox, device } = transaction;
  const folder = mailbox.folders.get(request.id);
  if (!folder) return answer(request, { status: 8, key: request.syncKey });
  if (request.syncKey === '0') return begin(transaction, request);
  const collection = device.collections.get(request.id);
  const base = collection && stateOf(collection, request.syncKey);
  if (!collection || !base) {
    transaction.violate({
      rule: 'sync-key',
      message: `the key ${request.syncKey} of folder ${request.id} is neither the last nor the one before`,
      reference: 'MS-ASCMD 2.2.3.181.4',
    });
    return answer(request, { status: 3, key: '0' });
  }
  return step({ transaction, request, folder, collection, base });
}

function begin({ device }: Transaction, request: CollectionRequest): Element {
  const current = { key: device.nextKey(), known: new Map(), complete: undefined, added: new Map() };
  device.collections.set(request.id, { current });
  return answer(request, { status: 1, key: current.key });
}

function stateOf({ current, previous }: Collection, key: string): SyncState | undefined {
  if (key === current.key) return current;
  return key === previous?.key ? previous : undefined;
}

interface Step {
  readonly transaction: Transaction;
  readonly request: CollectionRequest;
  readonly folder: Folder;
  readonly collection: Collection;
  readonly base: SyncState;
}

function step({ transaction, request, folder, collection, base }: Step): Element | undefined {
  const repeated = base === collection.previous ? collection.current.added : undefined;
  const outcome = new ClientCommands(transaction, folder, request, repeated).run(base.known);
  const changes: Changes = request.getChanges
    ? changesSince(folder, outcome.known, request.window)
    : { added: [], changed: [], deleted: [], more: false };
  const count = changes.added.length + changes.changed.length + changes.deleted.length;
  const known = afterChanges(outcome.known, changes);
  const complete = request.getChanges && !changes.more ? folder.version : undefined;
  if (count === 0 && request.commands.length === 0) {
    if (base === collection.current) collection.current = { ...base, complete };
    return undefined;
  }
  const key = transaction.device.nextKey();
  collection.previous = base;
  collection.current = { key, known, complete, added: outcome.added };
  return answer(request, { status: 1, key, changes, responses: outcome.responses });
}

/** Applies the client's commands to a folder. */
class ClientCommands {
  readonly #transaction: Transaction;
  readonly #folder: Folder;
  readonly #request: CollectionRequest;
  readonly #repeated: ReadonlyMap<string, string> | undefined;
  readonly #responses: Element[] = [];
  readonly #added = new Map<string, string>();
  #known = new Map<string, number>();

  /** `repeated`: what the same commands added when the client sent them before and missed the answer. */
  constructor(
    transaction: Transaction,
    folder: Folder,
    request: CollectionRequest,
    repeated: ReadonlyMap<string, string> | undefined,
  ) {
    this.#transaction = transaction;
    this.#folder = folder;
    this.#request = request;
    this.#repeated = repeated;
  }

  run(known: SyncState['known']): {
    known: SyncState['known'];
    added: ReadonlyMap<string, string>;
    responses: readonly Element[];
  } {
    if (this.#request.commands.length === 0) return { known, added: this.#added, responses: [] };
    this.#known = new Map(known);
    for (const command of this.#request.commands) this.#apply(command);
    return { known: this.#known, added: this.#added, responses: this.#responses };
  }

  #apply(command: Element): void {
    switch (command.tag) {
      case 'AirSync:Add':
        return this.#add(command);
      case 'AirSync:Change':
        return this.#change(command);
      case 'AirSync:Delete':
        return this.#delete(command);
      case 'AirSync:Fetch':
        return this.#fetch(command);
      default:
        throw new ContentError(`${command.tag} is no command`, 4);
    }
  }

  #add(command: Element): void {
    const clientId = textOf(command, 'AirSync:ClientId');
    const data = find(command, 'AirSync:ApplicationData');
    if (!clientId || !data) throw new ContentError('Add without ClientId or ApplicationData', 4);
    const known = this.#repeated?.get(clientId);
    const mail = { subject: '', ...readApplicationData(data) };
    const serverId = known ?? this.#transaction.mailbox.add(mail, this.#folder).serverId;
    this.#added.set(clientId, serverId);
    this.#note(serverId);
    this.#responses.push(
      element(
        'AirSync:Add',
        element('AirSync:ClientId', clientId),
        element('AirSync:ServerId', serverId),
        element('AirSync:Status', 1),
      ),
    );
  }

  #change(command: Element): void {
    const serverId = this.#serverId(command);
    const data = find(command, 'AirSync:ApplicationData');
    if (!data) throw new ContentError('Change without ApplicationData', 4);
    if (this.#transaction.mailbox.change(this.#folder, serverId, readApplicationData(data)))
      this.#note(serverId);
    else this.#refuse('AirSync:Change', serverId);
  }

  #delete(command: Element): void {
    const serverId = this.#serverId(command);
    const { mailbox } = this.#transaction;
    if (this.#request.deletesAsMoves && this.#folder !== mailbox.deletedItems) {
      mailbox.move(this.#folder, serverId, mailbox.deletedItems);
    } else {
      mailbox.delete(this.#folder, serverId);
    }
    this.#known.delete(serverId);
  }

  #fetch(command: Element): void {
    const serverId = this.#serverId(command);
    const item = this.#folder.items.get(serverId);
    if (!item) return this.#refuse('AirSync:Fetch', serverId);
    this.#responses.push(
      element(
        'AirSync:Fetch',
        element('AirSync:ServerId', serverId),
        element('AirSync:Status', 1),
        applicationData(item, { full: true, options: this.#request.options }),
      ),
    );
  }

  #refuse(tag: 'AirSync:Change' | 'AirSync:Fetch', serverId: string): void {
    this.#responses.push(element(tag, element('AirSync:ServerId', serverId), element('AirSync:Status', 8)));
  }

  #serverId(command: Element): string {
    const serverId = textOf(command, 'AirSync:ServerId');
    if (!serverId) throw new ContentError(`${command.tag} without ServerId`, 4);
    return serverId;
  }

  #note(serverId: string): void {
    this.#known.set(serverId, this.#folder.items.get(serverId)?.version ?? 0);
  }
}

interface CollectionAnswer {
  readonly status: number;
  readonly key: string;
  readonly changes?: Changes;
  readonly responses?: readonly Element[];
}

function answer(
  request: CollectionRequest,
  { status, key, changes, responses = [] }: CollectionAnswer,
): Element {
  const commands = changes ? changeElements(request, changes) : [];
  return element(
    'AirSync:Collection',
    element('AirSync:SyncKey', key),
    element('AirSync:CollectionId', request.id),
    element('AirSync:Status', status),
    changes?.more && element('AirSync:MoreAvailable'),
    commands.length > 0 && element('AirSync:Commands', ...commands),
    responses.length > 0 && element('AirSync:Responses', ...responses),
  );
}

function changeElements({ options }: CollectionRequest, { added, changed, deleted }: Changes): Element[] {
  const described = (
    tag: 'AirSync:Add' | 'AirSync:Change',
    items: Changes['added'],
    full: boolean,
  ): Element[] =>
    items.map((item) =>
      element(tag, element('AirSync:ServerId', item.serverId), applicationData(item, { full, options })),
    );
  return [
    ...described('AirSync:Add', added, true),
    ...described('AirSync:Change', changed, false),
    ...deleted.map((serverId) => element('AirSync:Delete', element('AirSync:ServerId', serverId))),
  ];
}
