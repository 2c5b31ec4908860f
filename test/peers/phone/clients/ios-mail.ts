// iOS Mail, as its traces show it (specification of OAuth, "What iOS does") and as an iPhone was recorded on a developer forum.
import { BASE32, type ClientProfile, SPECIFIED_REACTIONS } from './profile.ts';

const FORUM = 'https://forums.developer.apple.com/thread/99522';

export const IOS_MAIL: ClientProfile = {
  name: 'ios-mail',
  title: 'iOS Mail',
  versions: {
    value: ['12.1', '14.0', '14.1', '16.0', '16.1'],
    source: 'https://office365itpros.com/2025/12/16/exchange-activesync-161',
    note: 'the page says 16.1 since iOS 10; that it falls back to older versions is assumed',
  },
  query: { value: 'plain', source: FORUM },
  otherQuery: {
    value: true,
    source: 'assumed',
    note: 'the forum shows plain queries; a server must take both (MS-ASHTTP R403)',
  },
  parameterOrder: { value: ['User', 'DeviceId', 'DeviceType', 'Cmd'], source: FORUM },
  optionsWithQuery: { value: false, source: FORUM },
  deviceType: { value: 'iPhone', source: FORUM },
  deviceId: { value: { prefix: '', alphabet: BASE32, length: 26 }, source: FORUM },
  deviceIdBytes: { value: 'text', source: 'assumed' },
  userName: { value: 'mail address', source: FORUM },
  userAgent: {
    value: 'Apple-iPhone16C2/2201.53',
    source: 'https://justworks.ca/blog/tag/Exchange',
    note: 'its form; model and build are ours',
  },
  headers: {
    value: [
      ['Host', null],
      ['Content-Type', null],
      ['Cookie', null],
      ['Accept', '*/*'],
      ['X-User-Identity', null],
      ['Authorization', null],
      ['X-MS-PolicyKey', null],
      ['MS-ASProtocolVersion', null],
      ['MS-ASAcceptMultiPart', null],
      ['Accept-Language', 'de-de'],
      ['Accept-Encoding', 'br, gzip, deflate'],
      ['User-Agent', null],
      ['Content-Length', null],
      ['Transfer-Encoding', null],
      ['Connection', 'keep-alive'],
    ],
    source: FORUM,
    note: 'names and values; their order and keep-alive are assumed (the forum printed them unordered, behind a server that closes)',
  },
  exceptions: { value: { OPTIONS: { with: [['X-MS-PolicyKey', '0']] } }, source: FORUM },
  cookies: { value: 'returned', source: 'spec: MS-ASHTTP R4075, R4076' },
  authentication: { value: ['Basic', 'Bearer'], source: 'spec: oauth.md, what iOS does' },
  sequence: {
    value: ['GET', 'SignIn', 'OPTIONS', 'FolderSync', 'Provision', 'FolderSync', 'Settings', 'Sync', 'Ping'],
    source: 'spec: oauth.md, what iOS does',
  },
  heartbeatSeconds: { value: 470, source: 'assumed' },
  emptyPing: { value: true, source: 'assumed' },
  breaches: { value: [], source: 'assumed' },
  reactions: SPECIFIED_REACTIONS,
};
