// The one path that leads to Exchange.

/** What is sent to Exchange, whatever spelling the client chose. */
export const ACTIVESYNC_PATH = '/Microsoft-Server-ActiveSync';

// Without the flag `u`, `i` folds no character outside ASCII into one of ASCII.
const SPELLINGS = /^\/Microsoft-Server-ActiveSync(?:\/default\.eas)?$/i;

/**
 * True for exactly `/Microsoft-Server-ActiveSync` and `/Microsoft-Server-ActiveSync/default.eas`, in any case: no escapes,
 * dot segments, double slashes, parameters or suffixes. `path` is the target without its query.
 */
export function isActiveSyncPath(path: string): boolean {
  return path === ACTIVESYNC_PATH || SPELLINGS.test(path);
}
