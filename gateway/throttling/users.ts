// What is known of users whom Exchange let in, and of their devices: nobody else can make, change or push out an entry.
import { BoundedMap } from '../bounded-map.ts';
import { TokenBucket } from './bucket.ts';
import { CommandLoop } from './loop.ts';

/** An answer of Exchange that told a device to wait. */
export interface ToldToWait {
  /** By the gateway's clock, in ms. */
  readonly until: number;
  /** Header lines to be repeated, without Retry-After: name, value, name, value, … */
  readonly lines: readonly string[];
}

export class ThrottledDevice {
  readonly requests = new TokenBucket();
  readonly loop = new CommandLoop();
  wait: ToldToWait | undefined;
}

/** Of one user: tokens of several devices, a password. */
const MAX_CREDENTIALS = 16;
/** A user can push out the devices of nobody but himself. */
const MAX_DEVICES = 32;

export class ThrottledUser {
  readonly requests = new TokenBucket();
  /** Digests, the newest last. */
  private readonly credentials: string[] = [];
  private devices: BoundedMap<string, ThrottledDevice> | undefined;

  /** Whether Exchange accepted this credential, and has not refused it since. */
  isAccepted(credential: string): boolean {
    return this.credentials.includes(credential);
  }

  accept(credential: string): void {
    if (this.credentials.includes(credential)) return;
    if (this.credentials.length >= MAX_CREDENTIALS) this.credentials.shift();
    this.credentials.push(credential);
  }

  /** Forgets a credential that Exchange accepts no longer. */
  revoke(credential: string): void {
    const at = this.credentials.indexOf(credential);
    if (at >= 0) this.credentials.splice(at, 1);
  }

  /** The device, from now on remembered. */
  device(id: string): ThrottledDevice {
    this.devices ??= new BoundedMap(MAX_DEVICES);
    let device = this.devices.peek(id);
    if (device === undefined) {
      device = new ThrottledDevice();
      this.devices.set(id, device);
    }
    return device;
  }

  knownDevice(id: string): ThrottledDevice | undefined {
    return this.devices?.peek(id);
  }
}

/** The users of all routes, by route and name. The user whose last connection is the oldest goes first. */
export class ThrottledUsers {
  private readonly users: BoundedMap<string, ThrottledUser>;

  constructor(limit: number) {
    this.users = new BoundedMap(limit);
  }

  get size(): number {
    return this.users.size;
  }

  /** The user if Exchange accepted this credential of his; everybody else is nobody. */
  accepted(key: string, credential: string): ThrottledUser | undefined {
    const user = this.users.peek(key);
    return user?.isAccepted(credential) === true ? user : undefined;
  }

  /** To be called once Exchange has let this credential in. */
  accept(key: string, credential: string): ThrottledUser {
    let user = this.users.get(key);
    if (user === undefined) {
      user = new ThrottledUser();
      this.users.set(key, user);
    }
    user.accept(credential);
    return user;
  }

  /** True where the credential had been accepted before. */
  revoke(key: string, credential: string): boolean {
    const user = this.accepted(key, credential);
    user?.revoke(credential);
    return user !== undefined;
  }
}
