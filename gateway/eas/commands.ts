// The commands of ActiveSync: their codes in a base64 query and their names in a plain one (MS-ASHTTP 2.2.1.1.1).

const CODES = {
  0: 'Sync',
  1: 'SendMail',
  2: 'SmartForward',
  3: 'SmartReply',
  4: 'GetAttachment',
  9: 'FolderSync',
  10: 'FolderCreate',
  11: 'FolderDelete',
  12: 'FolderUpdate',
  13: 'MoveItems',
  14: 'GetItemEstimate',
  15: 'MeetingResponse',
  16: 'Search',
  17: 'Settings',
  18: 'Ping',
  19: 'ItemOperations',
  20: 'Provision',
  21: 'ResolveRecipients',
  22: 'ValidateCert',
  23: 'Find',
} as const;

/** A command that we know, or `Unknown`: Exchange is the one that refuses those. */
export type Command = (typeof CODES)[keyof typeof CODES] | 'Unknown';

const BY_CODE: readonly (Command | undefined)[] = Array.from(
  { length: 256 },
  (_, code) => CODES[code as keyof typeof CODES],
);
const BY_NAME: ReadonlyMap<string, Command> = new Map(
  Object.values(CODES).map((name) => [name.toLowerCase(), name]),
);

/** All commands that we know. */
export const COMMANDS: readonly Command[] = Object.values(CODES);

/** The command of a code (one byte) in a base64 query. */
export function commandOfCode(code: number): Command {
  return BY_CODE[code] ?? 'Unknown';
}

/** The command of the text after `Cmd=`, in any case. */
export function commandOfName(name: string): Command {
  return BY_NAME.get(name.toLowerCase()) ?? 'Unknown';
}
