// One Exchange organisation: users, their mailboxes and devices, faults and records, shared by all its front ends.
import { Chance } from '../chance.ts';
import { FaultTable } from '../faults.ts';
import { Device } from './device.ts';
import { type ExchangeKind, KINDS, type KindTraits } from './kinds.ts';
import { Journal, type JournalLimits, type Violation } from './journal.ts';
import { Mailbox, type Item, type NewMail } from './mailbox.ts';
import { TokenVerifier, type TokenRules } from './token-verifier.ts';

export interface UserOptions {
  /** User principal name, e.g. `alice@example.com`; also known as `EXAMPLE\alice`. */
  readonly name: string;
  /** For Basic authentication; without one only tokens get in. */
  readonly password?: string;
}

export interface OrganisationOptions {
  /** Behaves as this product; without it as none in particular. */
  readonly kind?: ExchangeKind;
  /** Keys, ids and cookies are the same for the same seed. */
  readonly seed?: string;
  /** What the time is; default the real one. */
  readonly now?: () => Date;
  readonly users?: readonly UserOptions[];
  readonly protocolVersions?: readonly string[];
  /** Whether devices must provision first; default true. */
  readonly provisioning?: boolean;
  /** Bounds of Ping and Sync heartbeats in seconds; default 60 to 3540. */
  readonly heartbeat?: { readonly min: number; readonly max: number };
  /** How long a second of a heartbeat lasts in real seconds; default 1. Tests shorten their polls with it. */
  readonly timeScale?: number;
  /** Bearer tokens that are accepted; without it only Basic is offered. */
  readonly tokens?: TokenRules;
  /** Whether Basic is offered; default true. */
  readonly basic?: boolean;
  readonly journal?: Partial<JournalLimits>;
  /** Called for each breach of the specification as it is seen. */
  readonly onViolation?: (violation: Violation) => void;
}

interface User {
  readonly mailbox: Mailbox;
  readonly password: string | undefined;
  readonly devices: Map<string, Device>;
}

const protocolVersions = ['2.5', '12.0', '12.1', '14.0', '14.1', '16.0', '16.1'];

const defaults = {
  protocolVersions,
  acceptedVersions: protocolVersions,
  provisioning: true,
  heartbeat: { min: 60, max: 3540 },
  timeScale: 1,
  basic: true,
  now: () => new Date(),
};

function traitsOf(kind: KindTraits | undefined): Partial<typeof defaults> {
  if (kind === undefined) return {};
  return {
    protocolVersions: [...kind.offeredVersions.value],
    acceptedVersions: [...kind.acceptedVersions.value],
    basic: kind.basic.value,
  };
}

export class Organisation {
  readonly journal: Journal;
  readonly faults = new FaultTable();
  readonly kind: KindTraits | undefined;
  readonly chance: Chance;
  readonly now: () => Date;
  /** On offer in MS-ASProtocolVersions. */
  readonly protocolVersions: readonly string[];
  /** Those that are let in. */
  readonly acceptedVersions: readonly string[];
  readonly provisioning: boolean;
  readonly heartbeat: { readonly min: number; readonly max: number };
  timeScale: number;
  readonly basic: boolean;
  readonly tokens: TokenVerifier | undefined;
  readonly #users = new Map<string, User>();
  readonly #names = new Map<string, User>();
  readonly #cookieOwners = new Map<string, Device>();

  constructor(options: OrganisationOptions = {}) {
    this.journal = new Journal(options.journal, options.onViolation);
    this.kind = options.kind && KINDS[options.kind];
    this.chance = new Chance(options.seed);
    const settings = { ...defaults, ...traitsOf(this.kind), ...options };
    this.now = settings.now;
    this.protocolVersions = settings.protocolVersions;
    this.acceptedVersions = options.protocolVersions ?? settings.acceptedVersions;
    this.provisioning = settings.provisioning;
    this.heartbeat = settings.heartbeat;
    this.timeScale = settings.timeScale;
    this.basic = settings.basic;
    this.tokens = options.tokens && new TokenVerifier(options.tokens);
    for (const user of options.users ?? []) this.addUser(user);
  }

  /** Adds a user with an empty mailbox, or gives the user a new password. */
  addUser({ name, password }: UserOptions): Mailbox {
    const known = this.#users.get(name.toLowerCase());
    const user = known
      ? { ...known, password }
      : { mailbox: new Mailbox(name, this.now), password, devices: new Map<string, Device>() };
    this.#users.set(name.toLowerCase(), user);
    for (const alias of aliases(name)) this.#names.set(alias, user);
    return user.mailbox;
  }

  get users(): string[] {
    return [...this.#users.values()].map(({ mailbox }) => mailbox.user);
  }

  /** The mailbox of a user by any of the user's names; undefined when there is none. */
  mailboxOf(name: string): Mailbox | undefined {
    return this.#names.get(name.toLowerCase())?.mailbox;
  }

  /** Whether the password is that of the user. */
  checkPassword(name: string, password: string): boolean {
    const user = this.#names.get(name.toLowerCase());
    return user?.password !== undefined && user.password === password;
  }

  /**
   * Puts a mail into the inbox of a user, which wakes the polls that watch it.
   *
   * @throws {RangeError} when there is no such user
   */
  deliver(user: string, mail: NewMail): Item {
    const mailbox = this.mailboxOf(user);
    if (!mailbox) throw new RangeError(`no user ${user}: add the user first`);
    return mailbox.add(mail);
  }

  /** The device of a user, made when it comes for the first time. */
  device(user: string, id: string, type: string): Device {
    const devices = this.#devices(user);
    const known = devices.get(id);
    if (known) return known;
    const device = new Device(user, id, type, {
      chance: this.chance,
      ...(this.kind && { cookieNames: this.kind.cookies.value.map(({ name }) => name) }),
    });
    devices.set(id, device);
    for (const { value } of device.cookies) this.#cookieOwners.set(value, device);
    return device;
  }

  /** The devices of a user that have come so far. */
  devicesOf(user: string): Device[] {
    return [...this.#devices(user).values()];
  }

  /** The device that was given this cookie; undefined when none was. */
  cookieOwner(value: string): Device | undefined {
    return this.#cookieOwners.get(value);
  }

  /** Refuses a device's requests by 503 for so many seconds, as Exchange does to one that asks too much. */
  throttle(device: Device, seconds: number, reason: string): void {
    device.throttledUntil = this.now().getTime() + seconds * 1000;
    device.throttleReason = reason;
  }

  /** Makes every device of the user fetch the policy anew (status 142 to 144, HTTP 449 up to 12.1). */
  changePolicy(user: string): void {
    for (const device of this.#devices(user).values()) device.policyOutdated = true;
  }

  #devices(name: string): Map<string, Device> {
    const user = this.#names.get(name.toLowerCase());
    if (!user) throw new RangeError(`no user ${name}: add the user first`);
    return user.devices;
  }
}

function aliases(name: string): string[] {
  const lower = name.toLowerCase();
  const [local, domain] = lower.split('@');
  return domain === undefined ? [lower] : [lower, `${domain.split('.')[0]}\\${local}`];
}
