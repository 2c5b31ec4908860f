// What the simulated identity provider has granted and not yet turned into tokens: codes, refresh tokens, device codes.
import { randomBytes, randomInt } from 'node:crypto';

export interface Grant {
  readonly user: string;
  readonly clientId: string;
  /** The resource asked for, as it was written; undefined when the token request is to name it. */
  readonly resource: string | undefined;
  /** For the id token; undefined where the request had none. */
  readonly nonce?: string | undefined;
}

export interface CodeGrant extends Grant {
  readonly redirectUri: string;
  /** SHA-256 of the verifier, base64url; undefined without PKCE. */
  readonly codeChallenge: string | undefined;
}

export interface DeviceGrant {
  readonly clientId: string;
  readonly resource: string;
  readonly userCode: string;
  /** Set once somebody has approved it. */
  user: string | undefined;
}

interface Dated<T> {
  readonly grant: T;
  readonly expires: number;
}

const codeMilliseconds = 600_000;
const deviceMilliseconds = 900_000;

export class Grants {
  readonly #codes = new Map<string, Dated<CodeGrant>>();
  readonly #refreshTokens = new Map<string, Grant>();
  readonly #devices = new Map<string, Dated<DeviceGrant>>();

  addCode(grant: CodeGrant): string {
    const code = `0.A${randomBytes(48).toString('base64url')}`;
    this.#codes.set(code, { grant, expires: Date.now() + codeMilliseconds });
    return code;
  }

  /** Takes a code, which works once; undefined when it is unknown, used or too old. */
  takeCode(code: string): CodeGrant | undefined {
    const dated = this.#codes.get(code);
    this.#codes.delete(code);
    return dated && dated.expires > Date.now() ? dated.grant : undefined;
  }

  addRefreshToken(grant: Grant): string {
    const token = `1.A${randomBytes(64).toString('base64url')}`;
    this.#refreshTokens.set(token, grant);
    return token;
  }

  /** The grant behind a refresh token, which stays valid until it is revoked (as Entra's do). */
  refreshGrant(token: string): Grant | undefined {
    return this.#refreshTokens.get(token);
  }

  /** Ends all refresh tokens of a user. */
  revoke(user: string): void {
    for (const [token, grant] of this.#refreshTokens) {
      if (grant.user.toLowerCase() === user.toLowerCase()) this.#refreshTokens.delete(token);
    }
  }

  addDevice(clientId: string, resource: string): { deviceCode: string; userCode: string; seconds: number } {
    const deviceCode = `D${randomBytes(32).toString('base64url')}`;
    const userCode = String(randomInt(100_000_000, 999_999_999));
    const grant = { clientId, resource, userCode, user: undefined };
    this.#devices.set(deviceCode, { grant, expires: Date.now() + deviceMilliseconds });
    return { deviceCode, userCode, seconds: deviceMilliseconds / 1000 };
  }

  /** The user enters the code that the device shows; false when nobody waits for it. */
  approveDevice(userCode: string, user: string): boolean {
    for (const { grant } of this.#devices.values()) {
      if (grant.userCode !== userCode) continue;
      grant.user = user;
      return true;
    }
    return false;
  }

  /** The grant behind a device code; undefined when it is unknown or too old. */
  deviceGrant(deviceCode: string): DeviceGrant | undefined {
    const dated = this.#devices.get(deviceCode);
    return dated && dated.expires > Date.now() ? dated.grant : undefined;
  }

  removeDevice(deviceCode: string): void {
    this.#devices.delete(deviceCode);
  }
}
