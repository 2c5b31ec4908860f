// What a Bearer token says of itself (RFC 7519). Nothing is verified here: it may route and deny, never grant.
import { hash } from 'node:crypto';
import { parseUserName, type UserName } from './user-name.ts';

/**
 * - `Unreadable`: opaque or encrypted. Only its issuer and Exchange can read it.
 * - `Malformed`: three parts as a signed JWT has, and not one. Exchange can accept none of these.
 * - `Readable`: a signed JWT, also one with a `nonce` in its header, which spoils nothing but its signature.
 */
export type Token = { readonly kind: 'Unreadable' } | { readonly kind: 'Malformed' } | ReadableToken;

export interface ReadableToken {
  readonly kind: 'Readable';
  /** Undefined where it names nobody, as the tokens of services do. */
  readonly user: UserName | undefined;
  /** `tid` in lower case; empty where there is none, as in those of AD FS. */
  readonly tenant: string;
  /** `appid` (v1, AD FS) or `azp` (v2) in lower case, or empty. */
  readonly clientId: string;
  /** `scp`; none in tokens of services. */
  readonly scopes: readonly string[];
  /** `exp` in ms since 1970; Infinity where there is none. */
  readonly expiresAt: number;
}

/** In this order: what Exchange looks a mailbox up by, then what v2 and v1 tokens show to users. */
const USER_CLAIMS = ['upn', 'preferred_username', 'unique_name'] as const;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
const UNREADABLE: Token = { kind: 'Unreadable' };
const MALFORMED: Token = { kind: 'Malformed' };

/** Reads a token (what stands behind `Bearer`). Never throws. */
export function parseToken(text: string): Token {
  const parts = text.split('.', 4);
  if (parts.length !== 3) return UNREADABLE;
  const payload = parts[1] ?? '';
  if (!BASE64URL.test(payload)) return MALFORMED;
  const claims = parseObject(Buffer.from(payload, 'base64url'));
  return claims === undefined ? MALFORMED : readClaims(claims);
}

function readClaims(claims: Partial<Record<string, unknown>>): ReadableToken {
  const { tid, appid, azp, scp, exp } = claims;
  return {
    kind: 'Readable',
    user: userOf(claims),
    tenant: textOf(tid).toLowerCase(),
    clientId: (textOf(appid) || textOf(azp)).toLowerCase(),
    scopes: textOf(scp).split(' ').filter(Boolean),
    expiresAt: typeof exp === 'number' ? exp * 1000 : Infinity,
  };
}

function userOf(claims: Partial<Record<string, unknown>>): UserName | undefined {
  for (const name of USER_CLAIMS) {
    const claim = claims[name];
    const user = typeof claim === 'string' ? parseUserName(claim) : undefined;
    if (user !== undefined) return user;
  }
  return undefined;
}

function textOf(claim: unknown): string {
  return typeof claim === 'string' ? claim : '';
}

function parseObject(bytes: Buffer): Partial<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Longer ones are read each time: what is remembered of one is shorter than the token itself. */
const MAX_REMEMBERED_LENGTH = 8_192;

/**
 * Reads tokens, and remembers what they say by their SHA-256: a phone comes with the same token on many connections. Bounded:
 * whatever clients send, it holds at most `limit` tokens of at most 8 KiB. Two generations: what was not used while the younger one
 * filled is forgotten. To move an entry of a map to its end, as an exact order of use would take, costs more than to read a token.
 */
export class TokenReader {
  private readonly half: number;
  private younger = new Map<string, Token>();
  private older = new Map<string, Token>();

  constructor(limit = 8_192) {
    this.half = Math.ceil(limit / 2);
  }

  /** How many are remembered. */
  get size(): number {
    return this.younger.size + this.older.size;
  }

  /** As {@link parseToken}. */
  readonly read = (text: string): Token => {
    if (text.length > MAX_REMEMBERED_LENGTH) return parseToken(text);
    const key = hash('sha256', text, 'base64');
    return this.younger.get(key) ?? this.remember(key, this.older.get(key) ?? parseToken(text));
  };

  private remember(key: string, token: Token): Token {
    this.older.delete(key);
    if (this.younger.size >= this.half) {
      this.older = this.younger;
      this.younger = new Map();
    }
    this.younger.set(key, token);
    return token;
  }
}
