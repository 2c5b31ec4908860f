// Wrong passwords: held back before the directory locks the account, by user and client address.
import { BoundedMap } from '../bounded-map.ts';
import { LoginTurns, type WaitingLogin } from './login-turns.ts';

export interface LoginLimit {
  /** Refused sign-ins of one user from one address that reach Exchange until there was none for `windowMs`. */
  readonly limit: number;
  readonly windowMs: number;
  /** The same for all users of one address together. */
  readonly addressLimit: number;
}

/** Whose sign-in it is: never a password, only a digest of the credential. */
export interface Login {
  readonly address: string;
  /** By route and name. */
  readonly user: string;
  readonly credential: string;
}

/**
 * - `Pass`: Exchange decides.
 * - `Refused`: it is what Exchange refused already; its challenges are to be repeated.
 * - `Wait`: too many were refused, and this one is new: so many ms.
 */
export type LoginVerdict =
  | { readonly kind: 'Pass' }
  | { readonly kind: 'Refused'; readonly challenges: readonly string[] }
  | { readonly kind: 'Wait'; readonly ms: number };

interface UserFailures {
  count: number;
  lastAt: number;
  challenges: readonly string[];
  readonly credentials: BoundedMap<string, RefusedCredential>;
}

interface RefusedCredential {
  count: number;
  heldUntil: number;
  /** Exchange once let it in. */
  acceptedBefore: boolean;
}

interface AddressFailures {
  count: number;
  lastAt: number;
}

const PASS: LoginVerdict = { kind: 'Pass' };
/** A credential that had been accepted is tried again after this: the directory may have been away for a moment. */
const ACCEPTED_BEFORE_HOLD_MS = 300_000;

export class FailedLogins {
  private readonly users: BoundedMap<string, UserFailures>;
  private readonly addresses: BoundedMap<string, AddressFailures>;
  private readonly turns = new LoginTurns();

  /** @param limit of entries, for users (at an address) and for addresses each */
  constructor(limit: number) {
    this.users = new BoundedMap(limit);
    this.addresses = new BoundedMap(limit);
  }

  /** Users with failures, by address. While it is 0 nothing need be asked. */
  get size(): number {
    return this.users.size;
  }

  /** Whether a sign-in that Exchange has not accepted before may go to it. */
  judge(login: Login, limit: LoginLimit, now: number): LoginVerdict {
    const user = this.userOf(login, limit, now);
    if (user !== undefined) {
      const verdict = judgeUser(user, login.credential, limit, now);
      if (verdict !== PASS) return verdict;
    }
    const address = this.addresses.peek(login.address);
    if (address === undefined || address.count < limit.addressLimit) return PASS;
    const rest = address.lastAt + limit.windowMs - now;
    return rest > 0 ? { kind: 'Wait', ms: rest } : PASS;
  }

  /**
   * A sign-in that passed goes to Exchange: true, and `settled` is to be called in the end. Or it is to wait until others of
   * the user were judged: `waiting` is told.
   */
  begins(login: Login, { limit }: LoginLimit, waiting: WaitingLogin): boolean {
    const key = keyOf(login);
    return this.turns.begins(key, limit - (this.users.peek(key)?.count ?? 0), waiting);
  }

  /** What `begins` let go is over, however. */
  settled(login: Login): void {
    this.turns.ends(keyOf(login));
  }

  waitsNoMore(login: Login, waiting: WaitingLogin): void {
    this.turns.leaves(keyOf(login), waiting);
  }

  /**
   * Exchange answered 401.
   * @param challenges values of WWW-Authenticate
   * @param acceptedBefore Exchange once accepted this very credential
   */
  failed(login: Login, limit: LoginLimit, now: number, { challenges, acceptedBefore }: Refusal): void {
    const user = this.userOf(login, limit, now) ?? this.newUser(login, limit);
    user.count++;
    user.lastAt = now;
    user.challenges = challenges;
    const refused = user.credentials.get(login.credential) ?? {
      count: 0,
      heldUntil: 0,
      acceptedBefore,
    };
    refused.count++;
    const holdMs = refused.acceptedBefore
      ? Math.min(ACCEPTED_BEFORE_HOLD_MS, limit.windowMs)
      : limit.windowMs;
    refused.heldUntil = Math.max(refused.heldUntil, now + holdMs);
    user.credentials.set(login.credential, refused);
    const address = this.addresses.get(login.address);
    if (address === undefined || now - address.lastAt >= limit.windowMs) {
      this.addresses.set(login.address, { count: 1, lastAt: now });
    } else {
      address.count++;
      address.lastAt = now;
    }
  }

  /** Exchange let the user in from there: what was refused before is forgotten, as the directory does. */
  succeeded(login: Login): void {
    this.users.delete(keyOf(login));
  }

  private userOf(login: Login, { windowMs }: LoginLimit, now: number): UserFailures | undefined {
    const key = keyOf(login);
    const user = this.users.peek(key);
    if (user === undefined || now - user.lastAt < windowMs) return user;
    this.users.delete(key);
    return undefined;
  }

  private newUser(login: Login, { limit }: LoginLimit): UserFailures {
    const credentials = new BoundedMap<string, RefusedCredential>(limit);
    const user: UserFailures = { count: 0, lastAt: 0, challenges: [], credentials };
    this.users.set(keyOf(login), user);
    return user;
  }
}

export interface Refusal {
  readonly challenges: readonly string[];
  readonly acceptedBefore: boolean;
}

function keyOf({ address, user }: Login): string {
  return `${address} ${user}`;
}

/** The same credential gets half of the tries, so that a corrected one has some left. */
function judgeUser(
  user: UserFailures,
  credential: string,
  { limit, windowMs }: LoginLimit,
  now: number,
): LoginVerdict {
  const refused = user.credentials.peek(credential);
  const tries = Math.ceil(limit / 2);
  if (refused !== undefined && now < refused.heldUntil && (refused.count >= tries || user.count >= limit)) {
    return { kind: 'Refused', challenges: user.challenges };
  }
  if (user.count >= limit) return { kind: 'Wait', ms: user.lastAt + windowMs - now };
  return PASS;
}
