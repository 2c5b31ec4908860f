// What a look at a request's body tells the gateway: how long a poll may wait, and whether asking twice changes anything.
import { type BodyLook, lookAtBody } from './body-look.ts';
import { type Tag, tagOf } from './code-pages.ts';
import type { Command } from './commands.ts';

/** What a request's body says, or `Unknown`: too long, incomplete, or no WBXML of this command. */
export type RequestScan = KnownRequest | 'Unknown';

export interface KnownRequest extends Pick<BodyLook, 'commands' | 'initial' | 'fetchOnly' | 'waitSeconds'> {
  /** No body at all: the server repeats its cached request (Ping, Sync). */
  readonly empty: boolean;
}

const ITEM_OPERATIONS = tagOf('ItemOperations', 'ItemOperations');
const ROOTS: Partial<Record<Command, Tag>> = {
  Sync: tagOf('AirSync', 'Sync'),
  Ping: tagOf('Ping', 'Ping'),
  ItemOperations: ITEM_OPERATIONS,
};

const EMPTY: KnownRequest = {
  empty: true,
  commands: false,
  initial: false,
  fetchOnly: false,
  waitSeconds: undefined,
};

/**
 * Looks at the whole body of a Ping, Sync or ItemOperations, in the pieces in which it came. Never throws; anything that is not
 * understood to the last byte is `Unknown`, which means: neither to be sent again nor to be answered by the gateway.
 * @param contentEncoding the header of that name
 */
export function scanRequest(
  command: Command,
  pieces: readonly Buffer[],
  contentEncoding?: string,
): RequestScan {
  const root = ROOTS[command];
  if (root === undefined) return 'Unknown';
  if (pieces.every(({ length }) => length === 0)) return root === ITEM_OPERATIONS ? 'Unknown' : EMPTY;
  const look = lookAtBody(pieces, contentEncoding);
  if (look?.root !== root) return 'Unknown';
  const { commands, initial, fetchOnly, waitSeconds } = look;
  return { empty: false, commands, initial, fetchOnly, waitSeconds };
}
