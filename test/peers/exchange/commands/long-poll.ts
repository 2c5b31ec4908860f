// Holding a request until a folder changes, its heartbeat passes, the client leaves or the device asks anew.
import type { OpenPoll } from '../journal.ts';
import type { Transaction } from '../transaction.ts';

export type PollEnd = 'changed' | 'expired' | 'superseded' | 'gone';

/**
 * Waits until `hasChanged` holds (asked after each change of one of the folders) or the poll ends otherwise.
 * A newer poll of the same device ends the older one.
 */
export async function holdPoll(
  transaction: Transaction,
  options: {
    readonly command: OpenPoll['command'];
    readonly heartbeatSeconds: number;
    readonly folderIds: readonly string[];
    readonly hasChanged: () => boolean;
  },
): Promise<PollEnd> {
  const { device, mailbox, organisation, frontEnd, gone } = transaction;
  const { command, heartbeatSeconds, folderIds, hasChanged } = options;
  const poll: OpenPoll = {
    command,
    heartbeatSeconds,
    frontEnd,
    user: mailbox.user,
    deviceId: device.id,
    since: new Date().toISOString(),
  };
  device.supersede?.();
  organisation.journal.addPoll(poll);
  const { promise, resolve } = Promise.withResolvers<PollEnd>();
  const supersede = (): void => resolve('superseded');
  const leave = (): void => resolve('gone');
  device.supersede = supersede;
  gone.addEventListener('abort', leave);
  if (gone.aborted) leave();
  const timer = setTimeout(resolve, heartbeatSeconds * 1000 * organisation.timeScale, 'expired');
  const unwatch = mailbox.watch((folderId) => {
    if (folderIds.includes(folderId) && hasChanged()) resolve('changed');
  });
  try {
    const end = await promise;
    organisation.journal.endPoll(poll, end);
    return end;
  } finally {
    clearTimeout(timer);
    unwatch();
    gone.removeEventListener('abort', leave);
    if (device.supersede === supersede) device.supersede = undefined;
  }
}
