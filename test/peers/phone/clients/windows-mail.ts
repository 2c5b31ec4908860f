// Windows Mail (the Windows Communication Apps of the specifications), after access logs in bug reports.
import { type ClientProfile, HEX, SPECIFIED_REACTIONS } from './profile.ts';

const LOGGED = 'https://github.com/tine20/tine20/issues/3705';
const PHONE_LOGGED = 'https://github.com/tine20/tine20/issues/5242';

export const WINDOWS_MAIL: ClientProfile = {
  name: 'windows-mail',
  title: 'Windows Mail',
  versions: {
    value: ['12.1', '14.0'],
    source: 'spec: MS-ASHTTP R453',
    note: 'https://techcommunity.microsoft.com/t5/exchange-team-blog/supporting-windows-mail-8-1-in-your-organization/ba-p/591060 names 2.5 to 14.1',
  },
  query: { value: 'base64', source: PHONE_LOGGED, note: 'Windows Phone 8.1, of the same family' },
  otherQuery: { value: true, source: LOGGED },
  parameterOrder: {
    value: ['User', 'DeviceId', 'DeviceType', 'Cmd'],
    source: LOGGED,
    note: 'that Cmd is the last is assumed',
  },
  optionsWithQuery: { value: true, source: LOGGED },
  deviceType: { value: 'WindowsMail', source: LOGGED },
  deviceId: { value: { prefix: '', alphabet: HEX, length: 32 }, source: LOGGED },
  deviceIdBytes: { value: 'hex', source: PHONE_LOGGED },
  userName: { value: 'mail address', source: 'assumed' },
  userAgent: {
    value: 'MSFT-WIN-3/10.0.19045',
    source:
      'https://github.com/nextcloud/server/blob/59fac23dc32ace903a7ab219030ccef7b15a978b/apps/dav/lib/CalDAV/WebcalCaching/Plugin.php',
    note: 'its beginning; the build is ours',
  },
  headers: {
    value: [
      ['Connection', 'Keep-Alive'],
      ['Content-Type', null],
      ['Accept-Encoding', 'gzip, deflate'],
      ['Authorization', null],
      ['User-Agent', null],
      ['MS-ASProtocolVersion', null],
      ['X-MS-PolicyKey', null],
      ['MS-ASAcceptMultiPart', null],
      ['Content-Length', null],
      ['Transfer-Encoding', null],
      ['Host', null],
      ['Cookie', null],
    ],
    source: 'assumed',
  },
  exceptions: { value: {}, source: 'assumed' },
  cookies: { value: 'returned', source: 'assumed', note: 'before 16.x nothing asks for it' },
  authentication: { value: ['Basic'], source: 'assumed' },
  sequence: {
    value: ['OPTIONS', 'Settings', 'Provision', 'Settings', 'FolderSync', 'Sync', 'Ping'],
    source: PHONE_LOGGED,
    note: 'OPTIONS, then Settings; what follows is assumed',
  },
  heartbeatSeconds: { value: 600, source: 'assumed' },
  emptyPing: { value: true, source: 'assumed' },
  breaches: { value: ['query'], source: LOGGED, note: 'its OPTIONS carries a query' },
  reactions: {
    ...SPECIFIED_REACTIONS,
    '503': { value: 'wait longer each time', source: 'spec: MS-ASHTTP R454, R495' },
  },
};
