// The signing key of the simulated identity provider and the access tokens it signs.
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT, type JSONWebKeySet, type JWK } from 'jose';

export interface TokenClaims {
  /** User principal name. */
  readonly user: string;
  /** As it is written into `aud`. */
  readonly audience: string;
  readonly clientId: string;
  readonly issuer: string;
  readonly tenantId: string;
  /** Negative for a token that has expired already. */
  readonly seconds: number;
}

const algorithm = 'RS256';

interface Key {
  readonly id: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

type CryptoKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

export class TokenIssuer {
  readonly #keys: Key[] = [];
  readonly #objectIds = new Map<string, string>();

  static async create(): Promise<TokenIssuer> {
    const issuer = new TokenIssuer();
    await issuer.rotate();
    return issuer;
  }

  /** Signs with a new key from now on; the one before stays valid. */
  async rotate(): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const id = randomUUID();
    this.#keys.unshift({
      id,
      privateKey,
      jwk: { ...(await exportJWK(publicKey)), kid: id, use: 'sig', alg: algorithm },
    });
    this.#keys.length = Math.min(this.#keys.length, 2);
  }

  /** The public keys that verify tokens. */
  get keySet(): JSONWebKeySet {
    return { keys: this.#keys.map(({ jwk }) => jwk) };
  }

  /** A v1.0 access token, as Exchange gets it whatever the dialect of the request. */
  async accessToken(claims: TokenClaims): Promise<string> {
    const { user, audience, clientId, issuer, tenantId, seconds } = claims;
    return this.#sign(
      {
        appid: clientId,
        appidacr: '0',
        oid: this.#objectId(user),
        scp: 'EAS.AccessAsUser.All',
        sub: this.#objectId(user),
        tid: tenantId,
        unique_name: user,
        upn: user,
        ver: '1.0',
        xms_cc: ['CP1'],
      },
      { issuer, audience, seconds },
    );
  }

  /** The issuer of the claims is that of the dialect: v1 and v2 have each their own. */
  async idToken(
    { user, clientId, issuer, tenantId, seconds }: TokenClaims,
    nonce: string | undefined,
  ): Promise<string> {
    const claims = {
      oid: this.#objectId(user),
      sub: this.#objectId(user),
      tid: tenantId,
      ...(issuer.endsWith('/v2.0') ? { preferred_username: user, ver: '2.0' } : { upn: user, ver: '1.0' }),
      ...(nonce !== undefined && { nonce }),
    };
    return this.#sign(claims, { issuer, audience: clientId, seconds });
  }

  /** What Entra ID answers where `client_info=1` was asked for. */
  clientInfo(user: string, tenantId: string): string {
    return Buffer.from(JSON.stringify({ uid: this.#objectId(user), utid: tenantId })).toString('base64url');
  }

  async #sign(
    claims: Record<string, unknown>,
    { issuer, audience, seconds }: { issuer: string; audience: string; seconds: number },
  ): Promise<string> {
    const [key] = this.#keys;
    if (!key) throw new Error('the issuer has no key');
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ typ: 'JWT', alg: algorithm, kid: key.id })
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt(now)
      .setNotBefore(now - 300)
      .setExpirationTime(now + seconds)
      .sign(key.privateKey);
  }

  #objectId(user: string): string {
    const known = this.#objectIds.get(user.toLowerCase()) ?? randomUUID();
    this.#objectIds.set(user.toLowerCase(), known);
    return known;
  }
}
