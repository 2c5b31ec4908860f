// Whom the Authorization header names (RFC 7617, RFC 6750). Nothing is verified here: it routes and grants nothing.
import { parseUserName, type UserName } from './user-name.ts';

/**
 * - `None`: no header, or a scheme without anything behind it (iOS asks with an empty `Bearer`).
 * - `ConnectionBound`: NTLM or Negotiate, which authenticate a connection and must not meet a pool.
 * - `Opaque`: a credential that names nobody to us.
 * - `Named`: one that names `user`.
 */
export type Credential =
  | { readonly kind: 'None' | 'ConnectionBound' | 'Opaque' }
  | { readonly kind: 'Named'; readonly user: UserName };

const NONE: Credential = { kind: 'None' };
const CONNECTION_BOUND: Credential = { kind: 'ConnectionBound' };
const OPAQUE: Credential = { kind: 'Opaque' };
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
/** In this order: what Exchange looks a mailbox up by, then what v2 and v1 tokens show to users. */
const CLAIMS = ['upn', 'preferred_username', 'unique_name'] as const;

/** Reads the value of an Authorization header. Never throws; garbage is `Opaque` and left to Exchange to refuse. */
export function parseAuthorization(value: string | undefined): Credential {
  if (value === undefined) return NONE;
  const space = value.indexOf(' ');
  const scheme = (space < 0 ? value : value.slice(0, space)).toLowerCase();
  if (scheme === 'ntlm' || scheme === 'negotiate') return CONNECTION_BOUND;
  const parameters = space < 0 ? '' : value.slice(space + 1).trim();
  if (parameters === '') return NONE;
  const user =
    scheme === 'basic' ? basicUser(parameters) : scheme === 'bearer' ? tokenUser(parameters) : undefined;
  return user === undefined ? OPAQUE : { kind: 'Named', user };
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

function tokenUser(token: string): UserName | undefined {
  const claims = claimsOf(token);
  for (const name of CLAIMS) {
    const claim = claims[name];
    const user = typeof claim === 'string' ? parseUserName(claim) : undefined;
    if (user !== undefined) return user;
  }
  return undefined;
}

/** The claims of a JWT in JWS form (RFC 7519, 7.2, without its verification); of anything else none. */
function claimsOf(token: string): Partial<Record<string, unknown>> {
  const [header, payload, signature, ...more] = token.split('.');
  if (header === undefined || payload === undefined || signature === undefined || more.length > 0) return {};
  if (!BASE64URL.test(payload)) return {};
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? claims : {};
  } catch {
    return {};
  }
}
