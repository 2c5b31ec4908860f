// Who presents which credential, as state of users is kept: a name and a digest, never a password or a token.
import { hash, randomBytes } from 'node:crypto';

/** A credential that names a user, on a route. */
export interface SignIn {
  /** By route and name. */
  readonly user: string;
  /** Of the Authorization header, with a salt of this process. */
  readonly credential: string;
  /** It is a password (RFC 7617). */
  readonly basic: boolean;
}

const SALT = randomBytes(16).toString('hex');

/** A digest by which a credential is known again in this process. */
export function digestOf(authorization: string): string {
  return hash('sha256', SALT + authorization, 'base64').slice(0, 22);
}

export function isBasic(authorization: string): boolean {
  return /^basic /i.test(authorization);
}
