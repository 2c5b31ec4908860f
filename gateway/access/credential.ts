// Whom the Authorization header names (RFC 7617, RFC 6750). Nothing is verified here: it routes and grants nothing.
import { parseToken, type Token } from './token.ts';
import { parseUserName, type UserName } from './user-name.ts';

/**
 * - `None`: no header, or a scheme without anything behind it (iOS asks with an empty `Bearer`).
 * - `ConnectionBound`: NTLM or Negotiate, which authenticate a connection and must not meet a pool.
 * - `Opaque`: a credential that names nobody to us.
 * - `Named`: one that names `user`.
 */
export type Credential = (
  | { readonly kind: 'None' | 'ConnectionBound' | 'Opaque' }
  | { readonly kind: 'Named'; readonly user: UserName }
) & {
  /** Of a Bearer credential. */
  readonly token?: Token;
};

const NONE: Credential = { kind: 'None' };
const CONNECTION_BOUND: Credential = { kind: 'ConnectionBound' };
const OPAQUE: Credential = { kind: 'Opaque' };
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const BLANK = /[ \t]/;

/**
 * Reads the value of an Authorization header. Never throws; garbage is `Opaque` and left to Exchange to refuse.
 * @param readToken how Bearer tokens are read: they may be known already
 */
export function parseAuthorization(
  value: string | undefined,
  readToken: (text: string) => Token = parseToken,
): Credential {
  if (value === undefined) return NONE;
  const space = value.search(BLANK);
  const scheme = (space < 0 ? value : value.slice(0, space)).toLowerCase();
  if (scheme === 'ntlm' || scheme === 'negotiate') return CONNECTION_BOUND;
  const parameters = space < 0 ? '' : value.slice(space + 1).trim();
  if (parameters === '') return NONE;
  if (scheme === 'bearer') return bearer(readToken(parameters));
  const user = scheme === 'basic' ? basicUser(parameters) : undefined;
  return user === undefined ? OPAQUE : { kind: 'Named', user };
}

function bearer(token: Token): Credential {
  const user = token.kind === 'Readable' ? token.user : undefined;
  return user === undefined ? { kind: 'Opaque', token } : { kind: 'Named', user, token };
}

function basicUser(parameters: string): UserName | undefined {
  if (!BASE64.test(parameters)) return undefined;
  const bytes = Buffer.from(parameters, 'base64');
  const colon = bytes.indexOf(0x3a);
  return colon < 0 ? undefined : parseUserName(textOf(bytes.subarray(0, colon)));
}

/** RFC 7617 leaves the character set open: UTF-8 where it is that, else latin1. */
function textOf(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes('\u{fffd}') ? bytes.toString('latin1') : text;
}
