// What tells one kind of mail client from another, as data: each trait with where it is written down.
import type { Trait } from '../../trait.ts';
import type { Command } from './commands.ts';

export type ProtocolVersion = '12.1' | '14.0' | '14.1' | '16.0' | '16.1';

/** A parameter of the plain query that every request has. */
export type QueryParameter = 'Cmd' | 'User' | 'DeviceId' | 'DeviceType';

/** A header line; `null` where its value depends on the request, and then it is left out where the request has none. */
export type HeaderSlot = readonly [name: string, value: string | null];

/** One step of an account's set-up, in the words of the commands. */
export type Step =
  | 'Autodiscover'
  | 'GET'
  | 'SignIn'
  | 'OPTIONS'
  | 'Provision'
  | 'FolderSync'
  | 'Settings'
  | 'Sync'
  | 'Ping'
  | 'SendMail';

/** What a server may answer that a client has to react to: an HTTP status, or a status of MS-ASCMD 2.2.2. */
export type Situation =
  | '401'
  | '403'
  | '449'
  | '451'
  | '500'
  | '503'
  | 'status 111'
  | 'status 129'
  | 'status 138'
  | 'status 140'
  | 'status 142'
  | 'status 143'
  | 'status 144'
  | 'status 177';

/**
 * `sign in`: a new token, then the same request; `provision`: both phases, then the same request; `follow`: the same request to
 * X-MS-Location; `wait`: as long as Retry-After says; `wait longer each time`: whatever Retry-After says; `wipe`: acknowledge, erase,
 * end; `ask versions`: OPTIONS, then the same request in a version that is offered; `later`: the same request after a while;
 * `tell the user`: nothing more is sent; `repeat at once`: the same request without any pause.
 */
export type Reaction =
  | 'sign in'
  | 'provision'
  | 'follow'
  | 'wait'
  | 'wait longer each time'
  | 'wipe'
  | 'ask versions'
  | 'later'
  | 'tell the user'
  | 'repeat at once';

export type ClientName =
  'ios-mail' | 'gmail' | 'samsung-mail' | 'email-plus' | 'windows-mail' | 'legacy' | 'rude';

export interface ClientProfile {
  readonly name: ClientName;
  readonly title: string;
  /** Oldest first; of those that a server offers it takes the last. */
  readonly versions: Trait<readonly ProtocolVersion[]>;
  /** The form that it prefers. */
  readonly query: Trait<'plain' | 'base64'>;
  /** Whether it can use the other form as well. */
  readonly otherQuery: Trait<boolean>;
  readonly parameterOrder: Trait<readonly QueryParameter[]>;
  /** OPTIONS carries the parameters of the query but Cmd. */
  readonly optionsWithQuery: Trait<boolean>;
  readonly deviceType: Trait<string>;
  /** Letters of a prefix, then so many characters of an alphabet. */
  readonly deviceId: Trait<DeviceIdForm>;
  /** How the id lies in a base64 query: its characters, or the bytes that they are the hex of. */
  readonly deviceIdBytes: Trait<'text' | 'hex'>;
  /** How it names the user in the query and in Basic: `alice@example.com` or `EXAMPLE\\alice`. */
  readonly userName: Trait<'mail address' | 'domain and name'>;
  readonly userAgent: Trait<string>;
  /** The lines of a POST in order; OPTIONS and GET have those of them that fit. */
  readonly headers: Trait<readonly HeaderSlot[]>;
  /** What is different for some commands. */
  readonly exceptions: Trait<Readonly<Partial<Record<Command | 'OPTIONS' | 'GET', HeaderException>>>>;
  readonly cookies: Trait<'returned' | 'ignored'>;
  readonly authentication: Trait<readonly ('Basic' | 'Bearer')[]>;
  /** Whether it proves that the code is its own (PKCE); absent where nothing is known. */
  readonly proofKey?: Trait<boolean>;
  /** From the first request of a new account to the first poll. */
  readonly sequence: Trait<readonly Step[]>;
  /** Heartbeat of its first Ping in seconds. */
  readonly heartbeatSeconds: Trait<number>;
  /** The second and further Pings with nothing to change are empty. */
  readonly emptyPing: Trait<boolean>;
  readonly reactions: Readonly<Record<Situation, Trait<Reaction>>>;
  /** Rules of the simulated Exchange's judge that it breaks, as the real one does. */
  readonly breaches: Trait<readonly string[]>;
  /** Only of the rude one: what it does that no client should. */
  readonly misbehaviour?: Trait<readonly Misbehaviour[]>;
}

export interface DeviceIdForm {
  readonly prefix: string;
  readonly alphabet: string;
  readonly length: number;
}

export interface HeaderException {
  readonly without?: readonly string[];
  readonly with?: readonly HeaderSlot[];
}

/** `abort`: leaves within a request; `second ping`: a Ping while the first is open; `wrong length`: less body than it said. */
export type Misbehaviour = 'abort' | 'second ping' | 'wrong length';

/** The name of a user as this kind of client sends it. */
export function userNameOf({ userName }: ClientProfile, mailAddress: string): string {
  if (userName.value === 'mail address') return mailAddress;
  const [name = '', domain = ''] = mailAddress.split('@');
  return `${domain.split('.')[0]?.toUpperCase()}\\${name}`;
}

export const HEX = '0123456789ABCDEF';
export const LOWER_HEX = '0123456789abcdef';
export const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** The device id of the n-th phone of this kind: the same for the same number. */
export function deviceIdOf({ prefix, alphabet, length }: DeviceIdForm, n: number): string {
  let id = prefix;
  let state = n * 2_654_435_761 + 12_345;
  for (let i = 0; i < length; i++) {
    state = (state * 48_271 + 11) % 2_147_483_647;
    id += alphabet[state % alphabet.length];
  }
  return id;
}

/** What MS-ASCMD and MS-ASHTTP ask of every client; a profile names what it does otherwise. */
export const SPECIFIED_REACTIONS = {
  '401': { value: 'sign in', source: 'spec: MS-ASHTTP 2.2.2.1.1' },
  '403': { value: 'tell the user', source: 'assumed', note: 'MS-ASHTTP R446 has it run Autodiscover first' },
  '449': { value: 'provision', source: 'spec: MS-ASHTTP 2.2.2.1.1' },
  '451': { value: 'follow', source: 'spec: MS-ASHTTP R270' },
  '500': { value: 'later', source: 'assumed', note: 'MS-ASHTTP R447 has it run Autodiscover first' },
  '503': { value: 'wait', source: 'spec: MS-ASHTTP R275' },
  'status 111': { value: 'later', source: 'spec: MS-ASCMD 2.2.2' },
  'status 129': { value: 'tell the user', source: 'spec: MS-ASCMD 2.2.2' },
  'status 138': { value: 'ask versions', source: 'assumed' },
  'status 140': { value: 'wipe', source: 'spec: MS-ASPROV 3.1.5.1' },
  'status 142': { value: 'provision', source: 'spec: MS-ASCMD 2.2.2' },
  'status 143': { value: 'provision', source: 'spec: MS-ASCMD 2.2.2' },
  'status 144': { value: 'provision', source: 'spec: MS-ASCMD 2.2.2' },
  'status 177': { value: 'tell the user', source: 'spec: MS-ASCMD 2.2.2' },
} as const satisfies ClientProfile['reactions'];
