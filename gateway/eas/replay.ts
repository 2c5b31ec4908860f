// Which requests may be sent to a second server although the first may have seen them: those that change nothing when done twice.
import type { Command } from './commands.ts';
import type { RequestScan } from './request-scan.ts';

const ALWAYS: ReadonlySet<Command> = new Set([
  'Ping',
  'FolderSync',
  'GetItemEstimate',
  'Search',
  'Find',
  'Settings',
  'ResolveRecipients',
] satisfies Command[]);

/**
 * True where a request that was held whole may be sent again.
 * @param scan of the body; looked at for Sync (only without Commands) and ItemOperations (only fetches).
 */
export function mayReplay(command: Command, scan: RequestScan): boolean {
  if (ALWAYS.has(command)) return true;
  if (scan === 'Unknown') return false;
  if (command === 'Sync') return !scan.commands;
  return command === 'ItemOperations' && scan.fetchOnly;
}
