// Checks Bearer tokens as Exchange does: signature by the identity provider's keys, audience, expiry, user.
import { createLocalJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet } from 'jose';

export interface TokenRules {
  /** The identity provider's current keys; asked again when a token names an unknown key. */
  readonly keys: () => JSONWebKeySet | Promise<JSONWebKeySet>;
  /** Accepted audiences; one trailing slash makes no difference. */
  readonly audiences: readonly string[];
  /** What the challenge tells clients, e.g. `https://login.windows.net/common/oauth2/authorize`. */
  readonly authorizationUri: string;
}

/** A token that Exchange refuses; the message goes into x-ms-diagnostics. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
}

const remembered = 50_000;

export class TokenVerifier {
  readonly authorizationUri: string;
  readonly #rules: TokenRules;
  readonly #audiences: readonly string[];
  readonly #verified = new Map<string, { user: string; expires: number }>();
  #keySet: ReturnType<typeof createLocalJWKSet> | undefined;

  constructor(rules: TokenRules) {
    this.#rules = rules;
    this.authorizationUri = rules.authorizationUri;
    this.#audiences = rules.audiences.flatMap((audience) => {
      const bare = audience.replace(/\/$/, '');
      return [bare, `${bare}/`];
    });
  }

  /**
   * The user (`upn`) of a valid token.
   *
   * @throws {TokenError}
   */
  async verify(token: string): Promise<string> {
    const known = this.#verified.get(token);
    if (known && known.expires > Date.now()) return known.user;
    try {
      const { payload } = await this.#jwtVerify(token);
      const { upn, exp } = payload;
      if (typeof upn !== 'string' || exp === undefined)
        throw new TokenError('the token has no upn or no exp');
      if (this.#verified.size >= remembered) this.#verified.clear();
      this.#verified.set(token, { user: upn, expires: exp * 1000 });
      return upn;
    } catch (error) {
      throw error instanceof TokenError ? error : new TokenError((error as Error).message, { cause: error });
    }
  }

  async #jwtVerify(token: string): ReturnType<typeof jwtVerify> {
    const options = { audience: [...this.#audiences], requiredClaims: ['exp', 'upn'] };
    try {
      this.#keySet ??= createLocalJWKSet(await this.#rules.keys());
      return await jwtVerify(token, this.#keySet, options);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_JWKS_NO_MATCHING_KEY') throw error;
      this.#keySet = createLocalJWKSet(await this.#rules.keys());
      return jwtVerify(token, this.#keySet, options);
    }
  }
}

/** Whom a token claims to be for, unverified; undefined when it is no JWT or names nobody. */
export function claimedUserOf(token: string): string | undefined {
  try {
    const { upn } = decodeJwt(token);
    return typeof upn === 'string' ? upn : undefined;
  } catch {
    return undefined;
  }
}
