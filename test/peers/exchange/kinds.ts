// The kinds of Exchange that the simulated one can be, as data: each trait with where it is written down.
import type { Trait } from '../trait.ts';

export type ExchangeKind = '2016' | '2019' | 'online';

/** `{name}` in a value stands for: the front end, its domain, a new id, the time. */
export type HeaderTemplate = readonly [name: string, value: string];

export interface KindTraits {
  readonly kind: ExchangeKind;
  readonly title: string;
  /** In MS-ASProtocolVersions. */
  readonly offeredVersions: Trait<readonly string[]>;
  /** Those that it lets in. */
  readonly acceptedVersions: Trait<readonly string[]>;
  /** In MS-ASProtocolCommands. */
  readonly commands: Trait<readonly string[]>;
  /** Of every answer, in order, before what belongs to the command. */
  readonly headers: Trait<readonly HeaderTemplate[]>;
  /** Of an answer to an authenticated request. */
  readonly authenticatedHeaders: Trait<readonly HeaderTemplate[]>;
  readonly basic: Trait<boolean>;
  /** Beside Basic and Bearer. */
  readonly otherChallenges: Trait<readonly string[]>;
  /** What a request without any Authorization gets: a challenge, or 451 with this address. */
  readonly anonymousLocation: Trait<string | undefined>;
  readonly cookies: Trait<readonly CookieForm[]>;
  /** Lines of the 503 to a device that is throttled. */
  readonly throttleHeaders: Trait<readonly HeaderTemplate[]>;
  /** After so many identical commands the device is refused for so many seconds. */
  readonly identicalCommands: Trait<{ readonly most: number; readonly seconds: number } | undefined>;
  /** Documents of so many bytes and more are compressed for who takes gzip. */
  readonly compressedFrom: Trait<number>;
  /** How a version that is not let in is refused, up to 12.1 and from 14.0 on. */
  readonly versionRefusal: Trait<{ readonly http: number; readonly status: number }>;
}

export interface CookieForm {
  readonly name: string;
  /** `{expires}` stands for a date. */
  readonly attributes: string;
}

const OPTIONS_OF_2019 = 'https://github.com/caddyserver/caddy/issues/6679';
const OPTIONS_OF_ONLINE = 'https://github.com/mustang-im/mustang/pull/1126';
const REFUSAL_OF_ONLINE = 'https://github.com/mustang-im/mustang/issues/1105';
const POST_HEADERS =
  'https://docs.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-ashttp/08ad30b6-5b73-41bc-890b-1cab2cf49827';
const OPTIONS_HEADERS = 'https://msdn.microsoft.com/en-us/library/gg672097(v=exchg.80).aspx';
const THROTTLING = 'https://msdn.microsoft.com/EN-US/library/jj899829(v=exchg.140).aspx';

const ALL_VERSIONS = ['2.0', '2.1', '2.5', '12.0', '12.1', '14.0', '14.1', '16.0', '16.1'];
const ALL_COMMANDS = [
  'Sync',
  'SendMail',
  'SmartForward',
  'SmartReply',
  'GetAttachment',
  'GetHierarchy',
  'CreateCollection',
  'DeleteCollection',
  'MoveCollection',
  'FolderSync',
  'FolderCreate',
  'FolderDelete',
  'FolderUpdate',
  'MoveItems',
  'GetItemEstimate',
  'MeetingResponse',
  'Search',
  'Settings',
  'Ping',
  'ItemOperations',
  'Provision',
  'ResolveRecipients',
  'ValidateCert',
  'Find',
];

const ON_PREMISES_HEADERS: readonly HeaderTemplate[] = [
  ['Cache-Control', 'private'],
  ['Server', 'Microsoft-IIS/10.0'],
  ['request-id', '{id}'],
  ['X-CalculatedBETarget', '{frontEnd}.corp.example.com'],
  ['Date', '{date}'],
];
const ON_PREMISES_COOKIES: readonly CookieForm[] = [
  { name: 'ClientId', attributes: 'expires={expires}; path=/; HttpOnly' },
  {
    name: 'X-BackEndCookie',
    attributes: 'expires={expires}; path=/Microsoft-Server-ActiveSync; secure; HttpOnly',
  },
];

const ON_PREMISES = {
  offeredVersions: { value: ALL_VERSIONS, source: OPTIONS_OF_2019 },
  acceptedVersions: { value: ALL_VERSIONS, source: OPTIONS_OF_2019 },
  commands: { value: ALL_COMMANDS, source: OPTIONS_OF_2019 },
  headers: {
    value: ON_PREMISES_HEADERS,
    source: OPTIONS_OF_2019,
    note: 'names and forms; their order is assumed',
  },
  basic: { value: true, source: 'spec: activesync.md, 9', note: 'what is off is off online only' },
  otherChallenges: { value: [], source: 'assumed', note: 'an administrator may add Negotiate and NTLM' },
  anonymousLocation: { value: undefined, source: 'spec: activesync.md, 7' },
  cookies: {
    value: ON_PREMISES_COOKIES,
    source: OPTIONS_HEADERS,
    note: 'the attributes; the two names are assumed',
  },
  throttleHeaders: {
    value: [['Retry-After', '{seconds}']],
    source: 'spec: MS-ASHTTP R288, R1451',
    note: 'X-MS-ASThrottle is disabled by default on premises',
  },
  identicalCommands: { value: undefined, source: 'spec: MS-ASHTTP R1451' },
  compressedFrom: {
    value: 1024,
    source: POST_HEADERS,
    note: 'that there is gzip; from how many bytes on is assumed',
  },
  versionRefusal: { value: { http: 400, status: 138 }, source: 'assumed' },
} as const satisfies Partial<KindTraits>;

const traces = (server: string): HeaderTemplate[] => [
  ['MS-Server-ActiveSync', server],
  ['X-BEServer', '{frontEnd}'],
  ['X-MS-BackOffDuration', 'L/-470'],
  ['X-AspNet-Version', '4.0.30319'],
  ['X-Powered-By', 'ASP.NET'],
  ['X-FEServer', '{FRONTEND}'],
];

export const KINDS: Readonly<Record<ExchangeKind, KindTraits>> = {
  '2016': {
    kind: '2016',
    title: 'Exchange 2016',
    ...ON_PREMISES,
    authenticatedHeaders: {
      value: traces('15.1'),
      source: POST_HEADERS,
      note: 'the version; the rest as of 2019',
    },
  },
  '2019': {
    kind: '2019',
    title: 'Exchange 2019 or SE',
    ...ON_PREMISES,
    authenticatedHeaders: { value: traces('15.2'), source: OPTIONS_OF_2019 },
  },
  online: {
    kind: 'online',
    title: 'Exchange Online',
    offeredVersions: {
      value: ['2.5', '14.0', '14.1', '16.0', '16.1'],
      source: OPTIONS_OF_ONLINE,
      note: 'seen in March 2026, at a private mailbox',
    },
    acceptedVersions: {
      value: ['16.1'],
      source: 'https://office365itpros.com/2025/12/16/exchange-activesync-161',
    },
    commands: { value: ALL_COMMANDS, source: OPTIONS_OF_2019, note: 'as of 2019' },
    headers: {
      value: [
        ['Cache-Control', 'private'],
        ['Server', 'Microsoft-HTTPAPI/2.0'],
        ['request-id', '{id}'],
        ['Strict-Transport-Security', 'max-age=31536000; includeSubDomains'],
        ['Report-To', '{"group":"NelOfficeUpload1","max_age":7200}'],
        [
          'NEL',
          '{"report_to":"NelOfficeUpload1","max_age":7200,"failure_fraction":1.0,"success_fraction":0.01}',
        ],
        ['X-FEServer', 'AM0P190CA0008'],
        ['Date', '{date}'],
      ],
      source: REFUSAL_OF_ONLINE,
    },
    authenticatedHeaders: {
      value: [
        ['MS-Server-ActiveSync', '15.20'],
        ['X-BEServer', 'AM0P190MB0001'],
        ['X-CalculatedBETarget', 'AM0P190MB0001.EURP190.PROD.OUTLOOK.COM'],
        ['X-MS-BackOffDuration', 'L/-470'],
        ['x-proxy-backendserverstatus', '200'],
      ],
      source: OPTIONS_OF_ONLINE,
      note: 'MS-Server-ActiveSync and x-proxy-backendserverstatus; the others as of 2019',
    },
    basic: { value: false, source: 'spec: activesync.md, 9' },
    otherChallenges: { value: [], source: 'spec: oauth.md, what iOS does' },
    anonymousLocation: {
      value: 'https://outlook-cba.office365.com/Microsoft-Server-ActiveSync',
      source: 'spec: activesync.md, 6',
      note: 'the host; the path is assumed',
    },
    cookies: {
      value: [
        { name: 'ClientId', attributes: 'expires={expires}; path=/;SameSite=None; secure' },
        {
          name: 'DefaultAnchorMailbox',
          attributes: 'expires={expires}; path=/Microsoft-Server-ActiveSync; secure; HttpOnly',
        },
      ],
      source: OPTIONS_OF_ONLINE,
      note: 'the name DefaultAnchorMailbox; everything else is assumed',
    },
    throttleHeaders: {
      value: [
        ['Retry-After', '{seconds}'],
        ['X-MS-ASThrottle', '{reason}'],
        ['X-MS-BackOffDuration', 'M/{seconds}'],
      ],
      source: THROTTLING,
      note: 'Retry-After and X-MS-ASThrottle; X-MS-BackOffDuration is assumed',
    },
    identicalCommands: {
      value: { most: 100, seconds: 600 },
      source: 'spec: activesync.md, 9',
      note: 'about ten minutes; how many is assumed',
    },
    compressedFrom: {
      value: 1024,
      source: POST_HEADERS,
      note: 'that there is gzip; from how many bytes on is assumed',
    },
    versionRefusal: { value: { http: 400, status: 138 }, source: 'assumed' },
  },
};
