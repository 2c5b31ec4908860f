// Shields Exchange, and phones from being blocked by it: who comes too early, too often or with the same wrong password.
import { createHash } from 'node:crypto';
import type { WaitingLogin } from '../throttling/login-turns.ts';
import type { SignIn } from '../access/sign-in.ts';
import type { BucketLimit } from '../throttling/bucket.ts';
import { FailedLogins, type Login, type LoginLimit } from '../throttling/failed-logins.ts';
import type { LoopLimit } from '../throttling/loop.ts';
import { type ThrottledUser, ThrottledUsers } from '../throttling/users.ts';
import type { Clock } from '../http/deadlines.ts';
import type { ResponseHead } from '../http/exchange.ts';
import type { OwnAnswer } from './own-answers.ts';
import type { AskedFor } from './parse.ts';
import { signInRefused, toldToWait } from './throttle-answers.ts';
import { provesSignIn, reasonLines, waitOf } from './throttle-signals.ts';

/** What a route wants; undefined parts are off. */
export interface Throttling {
  readonly honorRetryAfter: boolean;
  readonly failedLogins: LoginLimit | undefined;
  readonly identicalCommands: LoopLimit | undefined;
  readonly deviceRequests: BucketLimit | undefined;
  readonly userRequests: BucketLimit | undefined;
}

/** A request as it is judged. */
export interface Judged {
  readonly throttling: Throttling;
  /** Undefined where no credential names a user: then limits are per client address alone. */
  readonly signIn: SignIn | undefined;
  readonly asked: AskedFor | undefined;
  /** Of the client, as one share. */
  readonly address: string;
}

/** A phone's connection. */
export interface SigningIn {
  /** Exchange has let the credential in that it presents. */
  proven: boolean;
}

export interface ThrottleOptions {
  readonly clock: Clock;
  /** In ms since 1970: Retry-After may be a date. */
  readonly wallClock: Clock;
  /** Users, and users at an address with failed sign-ins, that are remembered; default 65,536 each. */
  readonly maxUsers?: number;
}

const MAX_USERS = 65_536;

/** Nothing in here changes for a user or a device before Exchange has let its credential in, but failures by address. */
export class Throttle {
  readonly users: ThrottledUsers;
  readonly logins: FailedLogins;
  private readonly clock: Clock;
  private readonly wallClock: Clock;
  /** Until then some device has to wait. */
  private someWaitUntil = 0;

  constructor({ clock, wallClock, maxUsers = MAX_USERS }: ThrottleOptions) {
    this.clock = clock;
    this.wallClock = wallClock;
    this.users = new ThrottledUsers(maxUsers);
    this.logins = new FailedLogins(maxUsers);
  }

  /** The answer in place of Exchange's, before a request is sent; undefined: it may go. */
  refusal(judged: Judged): OwnAnswer | undefined {
    const { throttling, signIn } = judged;
    const { deviceRequests, userRequests } = throttling;
    const now = this.clock.now();
    const hasBuckets = deviceRequests !== undefined || userRequests !== undefined;
    if (signIn === undefined || (!hasBuckets && now >= this.someWaitUntil && this.logins.size === 0)) {
      return undefined;
    }
    const user = this.users.accepted(signIn.user, signIn.credential);
    return user === undefined ? this.refusedLogin(judged, signIn, now) : refusedUser(user, judged, now);
  }

  /** The answer in place of Exchange's to a command that is sent again and again; `body` is all of it, in pieces. */
  looping({ throttling, signIn, asked }: Judged, body: readonly Buffer[]): OwnAnswer | undefined {
    const { identicalCommands } = throttling;
    if (identicalCommands === undefined || signIn === undefined || !isOfDevice(asked)) return undefined;
    const user = this.users.accepted(signIn.user, signIn.credential);
    if (user === undefined) return undefined;
    const fingerprint = createHash('sha1').update(asked.target).update('\0');
    for (const piece of body) fingerprint.update(piece);
    const wait = user
      .device(asked.deviceId)
      .loop.judge(fingerprint.digest('base64'), this.clock.now(), identicalCommands);
    return wait > 0 ? toldToWait('identical-commands', wait) : undefined;
  }

  /** The sign-in of a request that is to wait for its turn (`logins.begins`), or undefined where there is nothing to wait for. */
  loginOf({ throttling, signIn, address }: Judged): Login | undefined {
    if (throttling.failedLogins === undefined || signIn?.basic !== true) return undefined;
    if (this.users.accepted(signIn.user, signIn.credential) !== undefined) return undefined;
    return { ...signIn, address };
  }

  /** False where others of the user are to be judged before: `waiting` is told. Else `logins.settled` is to be called in the end. */
  begins(login: Login, { failedLogins }: Throttling, waiting: WaitingLogin): boolean {
    return failedLogins === undefined || this.logins.begins(login, failedLogins, waiting);
  }

  /** Exchange has answered. */
  answered(judged: Judged, head: ResponseHead, connection: SigningIn): void {
    const { signIn, throttling } = judged;
    if (signIn === undefined) return;
    if (head.status === 401) return this.signInFailed(judged, signIn, head, connection);
    if (!connection.proven && provesSignIn(head)) this.signedIn(judged, signIn, connection);
    if (head.status < 400 || !throttling.honorRetryAfter) return;
    const wait = waitOf(head, this.wallClock.now());
    if (wait > 0) this.mustWait(judged, signIn, head, wait);
  }

  private refusedLogin({ throttling, address }: Judged, signIn: SignIn, now: number): OwnAnswer | undefined {
    const { failedLogins } = throttling;
    if (failedLogins === undefined || !signIn.basic || this.logins.size === 0) return undefined;
    const login: Login = { ...signIn, address };
    const verdict = this.logins.judge(login, failedLogins, now);
    switch (verdict.kind) {
      case 'Pass':
        return undefined;
      case 'Refused':
        return signInRefused(verdict.challenges);
      case 'Wait':
        return toldToWait('failed-logins', verdict.ms);
    }
  }

  private signInFailed(
    { throttling, address }: Judged,
    signIn: SignIn,
    { headers }: ResponseHead,
    connection: SigningIn,
  ): void {
    connection.proven = false;
    const acceptedBefore = this.users.revoke(signIn.user, signIn.credential);
    const { failedLogins } = throttling;
    if (failedLogins === undefined || !signIn.basic) return;
    const challenges = headers.getAll('www-authenticate');
    const refusal = { challenges, acceptedBefore };
    this.logins.failed({ ...signIn, address }, failedLogins, this.clock.now(), refusal);
  }

  private signedIn({ address }: Judged, signIn: SignIn, connection: SigningIn): void {
    connection.proven = true;
    this.users.accept(signIn.user, signIn.credential);
    if (this.logins.size > 0) this.logins.succeeded({ ...signIn, address });
  }

  private mustWait({ asked }: Judged, signIn: SignIn, { headers }: ResponseHead, wait: number): void {
    const user = this.users.accepted(signIn.user, signIn.credential);
    if (user === undefined || !isOfDevice(asked)) return;
    const until = this.clock.now() + wait;
    user.device(asked.deviceId).wait = { until, lines: reasonLines(headers) };
    this.someWaitUntil = Math.max(this.someWaitUntil, until);
  }
}

function isOfDevice(asked: AskedFor | undefined): asked is AskedFor {
  return asked !== undefined && asked.deviceId !== '';
}

/** A device that was told to wait, or has no token left; else a token of both buckets is taken. */
function refusedUser(user: ThrottledUser, { throttling, asked }: Judged, now: number): OwnAnswer | undefined {
  const { honorRetryAfter, deviceRequests, userRequests } = throttling;
  const id = asked?.deviceId ?? '';
  const wait = honorRetryAfter ? user.knownDevice(id)?.wait : undefined;
  if (wait !== undefined && now < wait.until) return toldToWait('retry-after', wait.until - now, wait.lines);
  const device = deviceRequests === undefined || id === '' ? undefined : user.device(id);
  if (device !== undefined && deviceRequests !== undefined) {
    const ms = device.requests.wait(now, deviceRequests);
    if (ms > 0) return toldToWait('device-requests', ms);
  }
  if (userRequests !== undefined) {
    const ms = user.requests.wait(now, userRequests);
    if (ms > 0) return toldToWait('user-requests', ms);
    user.requests.take(now, userRequests);
  }
  if (deviceRequests !== undefined) device?.requests.take(now, deviceRequests);
  return undefined;
}
