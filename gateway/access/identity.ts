// Who a request is for: what Exchange will check decides, what the request merely says routes where nothing better is known.
import type { Credential } from './credential.ts';
import { isOtherUser, parseUserName, type UserName } from './user-name.ts';

export interface Identity {
  /** Undefined where nobody is named. */
  readonly user: UserName | undefined;
  /** True where there is neither a credential nor a name. */
  readonly anonymous: boolean;
  /** The request named another user than its credential did. */
  readonly mismatch: boolean;
}

const ANONYMOUS: Identity = { user: undefined, anonymous: true, mismatch: false };

/**
 * Decides on the user of a request.
 * @param queryUser of the ActiveSync query, or empty
 * @param headerUser of X-User-Identity, or undefined
 */
export function identify(
  credential: Credential,
  queryUser: string,
  headerUser: string | undefined,
): Identity {
  const said = parseUserName(queryUser) ?? (headerUser === undefined ? undefined : parseUserName(headerUser));
  if (credential.kind === 'Named') {
    const mismatch = said !== undefined && isOtherUser(credential.user, said);
    return { user: credential.user, anonymous: false, mismatch };
  }
  if (said === undefined && credential.kind === 'None') return ANONYMOUS;
  return { user: said, anonymous: false, mismatch: false };
}
