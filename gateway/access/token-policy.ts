// A route's policy about Bearer tokens: it denies what Exchange might accept, and accepts nothing by itself.
import type { Token } from './token.ts';

/** As in the snapshot: an absent list demands nothing. */
export interface TokenPolicySettings {
  /** Tenant ids. */
  readonly allowedTenants?: readonly string[] | undefined;
  readonly allowedClientIds?: readonly string[] | undefined;
  /** All of them. */
  readonly requiredScopes?: readonly string[] | undefined;
  /** Absent: they pass, and Exchange alone judges them. */
  readonly unreadableTokens?: 'Refuse' | undefined;
}

/** `Expired` and `Malformed` are cured by a new token, the others by nothing that the phone can do. */
export type TokenDenial = 'Expired' | 'Malformed' | 'Unreadable' | 'Tenant' | 'ClientId' | 'Scope';

export type TokenVerdict =
  | { readonly denial: TokenDenial }
  /** Accepted until then, in ms since 1970. */
  | { readonly denial: undefined; readonly until: number };

/** Exchange is as patient: clocks differ. */
const CLOCK_SKEW_MS = 300_000;
const FOREVER: TokenVerdict = { denial: undefined, until: Infinity };

export class TokenPolicy {
  private readonly tenants: ReadonlySet<string> | undefined;
  private readonly clientIds: ReadonlySet<string> | undefined;
  private readonly scopes: readonly string[];
  private readonly refusesUnreadable: boolean;

  constructor(settings: TokenPolicySettings) {
    this.tenants = lowerCaseSet(settings.allowedTenants);
    this.clientIds = lowerCaseSet(settings.allowedClientIds);
    this.scopes = settings.requiredScopes ?? [];
    this.refusesUnreadable = settings.unreadableTokens === 'Refuse';
  }

  /** Judges a token. @param now ms since 1970 */
  judge(token: Token, now: number): TokenVerdict {
    if (token.kind === 'Malformed') return { denial: 'Malformed' };
    if (token.kind === 'Unreadable') return this.refusesUnreadable ? { denial: 'Unreadable' } : FOREVER;
    if (this.tenants?.has(token.tenant) === false) return { denial: 'Tenant' };
    if (this.clientIds?.has(token.clientId) === false) return { denial: 'ClientId' };
    if (!this.scopes.every((scope) => token.scopes.includes(scope))) return { denial: 'Scope' };
    const until = token.expiresAt + CLOCK_SKEW_MS;
    return now < until ? { denial: undefined, until } : { denial: 'Expired' };
  }
}

function lowerCaseSet(values: readonly string[] | undefined): ReadonlySet<string> | undefined {
  return values && new Set(values.map((value) => value.toLowerCase()));
}
