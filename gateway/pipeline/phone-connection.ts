// What is remembered of one connection of a phone, so that its requests need not be judged anew each time.
import { type Credential, parseAuthorization } from '../access/credential.ts';
import type { Identity } from '../access/identity.ts';
import { digestOf, isBasic, type SignIn } from '../access/sign-in.ts';
import type { TokenReader } from '../access/token.ts';
import type { OwnAnswer } from './own-answers.ts';
import type { AskedFor } from './parse.ts';
import type { ServedRoute } from './served-snapshot.ts';

/** The judgement of a request's head: it depends on nothing but the first five fields. */
export interface Admission {
  readonly generation: number;
  readonly method: string;
  readonly target: string;
  readonly authorization: string | undefined;
  readonly userHeader: string | undefined;
  /** In ms since 1970, where a token decided: it is judged anew from then on. */
  readonly validUntil: number | undefined;

  /** Undefined where the request line was refused. */
  readonly asked: AskedFor | undefined;
  readonly identity: Identity;
  readonly decision: Forward | OwnAnswer;
}

/** The request goes to a server of this route. */
export interface Forward {
  readonly route: ServedRoute;
}

/** One for each socket, made by `Pipeline.connection()`. */
export class PhoneConnection {
  /** Name of the listener that accepted it. */
  readonly listener: string;
  /** Exchange has answered the present credential with something else than 401. */
  accepted = false;
  /** Exchange has let the present credential in: no mere 403 or 503, which may come before a sign-in. */
  proven = false;
  /** The judgement of the last request: the next one is often the same. */
  admission: Admission | undefined;
  /** The device that was counted last. */
  private countedUser = '';
  private countedDevice = '';
  private countedVersion = '';
  /** The Authorization header of the last request. */
  authorization: string | undefined;
  private readonly tokens: TokenReader;
  private credential: Credential = parseAuthorization(undefined);
  /** Of that header; empty until it is asked for. */
  private digest = '';
  private signInFor: Admission | undefined;
  private lastSignIn: SignIn | undefined;

  /** @param tokens shared by all connections */
  constructor(listener: string, tokens: TokenReader) {
    this.listener = listener;
    this.tokens = tokens;
  }

  /** The credential of an Authorization header, parsed when it changes. */
  credentialOf(authorization: string | undefined): Credential {
    if (authorization === this.authorization) return this.credential;
    this.authorization = authorization === undefined ? undefined : copy(authorization);
    this.credential = parseAuthorization(this.authorization, this.tokens.read);
    this.accepted = false;
    this.proven = false;
    this.digest = '';
    return this.credential;
  }

  /**
   * Who signs in by a request: undefined where its credential names nobody, and where it goes to no server.
   * @param admission of the request that is under way on this connection
   */
  signIn(admission: Admission): SignIn | undefined {
    if (admission === this.signInFor) return this.lastSignIn;
    this.signInFor = admission;
    this.lastSignIn = this.makeSignIn(admission);
    return this.lastSignIn;
  }

  private makeSignIn({ identity, decision, authorization }: Admission): SignIn | undefined {
    const { user } = identity;
    if (user === undefined || authorization === undefined || 'status' in decision) return undefined;
    if (this.credentialOf(authorization).kind !== 'Named') return undefined;
    this.digest ||= digestOf(authorization);
    return {
      user: `${decision.route.key} ${user.canonical}`,
      credential: this.digest,
      basic: isBasic(authorization),
    };
  }

  /** True the first time that it is asked for this user, device and version of the protocol. */
  isNewDevice(user: string, deviceId: string, version: string): boolean {
    if (this.countedDevice === deviceId && this.countedUser === user && this.countedVersion === version) {
      return false;
    }
    this.countedUser = user;
    this.countedDevice = deviceId;
    this.countedVersion = copy(version);
    return true;
  }
}

/** The same text without the head that it may be a slice of. */
export function copy(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
