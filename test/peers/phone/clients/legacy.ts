// An old client: Windows Mobile 6 in the years of protocol 12.1, with plain queries and without cookies.
import { type ClientProfile, HEX, SPECIFIED_REACTIONS } from './profile.ts';

const RECORDED = 'https://github.com/tine20/tine20/issues/1069';
const RULE = 'https://learn.microsoft.com/en-us/powershell/module/exchange/new-activesyncdeviceaccessrule';

export const LEGACY: ClientProfile = {
  name: 'legacy',
  title: 'an old 12.1 client (Windows Mobile)',
  versions: {
    value: ['12.1'],
    source: 'assumed',
    note: 'it also spoke 12.0 and 2.5, which we have no judge for',
  },
  query: { value: 'plain', source: RECORDED, note: 'another client of its years' },
  otherQuery: { value: false, source: 'assumed' },
  parameterOrder: { value: ['User', 'DeviceId', 'DeviceType', 'Cmd'], source: 'assumed' },
  optionsWithQuery: { value: false, source: 'spec: MS-ASHTTP 2.2.3.1.1' },
  deviceType: { value: 'PocketPC', source: 'assumed' },
  deviceId: { value: { prefix: '', alphabet: HEX, length: 32 }, source: 'assumed' },
  deviceIdBytes: { value: 'text', source: 'assumed' },
  userName: { value: 'domain and name', source: 'assumed' },
  userAgent: { value: 'MSFT-PPC/5.2.5001', source: RULE },
  headers: {
    value: [
      ['Accept-Language', 'en-us'],
      ['MS-ASProtocolVersion', null],
      ['Content-Type', null],
      ['X-MS-PolicyKey', null],
      ['User-Agent', null],
      ['Host', null],
      ['Content-Length', null],
      ['Transfer-Encoding', null],
      ['Connection', 'Keep-Alive'],
      ['Cache-Control', 'no-cache'],
      ['Authorization', null],
    ],
    source: 'assumed',
    note: 'as comments of several open-source servers of its years show it',
  },
  exceptions: { value: {}, source: 'assumed' },
  cookies: {
    value: 'ignored',
    source: 'spec: MS-ASHTTP R4075',
    note: 'only 16.x and OAuth clients must return them',
  },
  authentication: { value: ['Basic'], source: 'assumed' },
  sequence: {
    value: ['OPTIONS', 'FolderSync', 'Provision', 'FolderSync', 'Sync', 'Ping'],
    source: 'spec: MS-ASCMD 4.2',
  },
  heartbeatSeconds: { value: 480, source: 'assumed' },
  emptyPing: { value: true, source: 'spec: MS-ASCMD 2.2.1.13' },
  breaches: { value: [], source: 'assumed' },
  reactions: SPECIFIED_REACTIONS,
};
