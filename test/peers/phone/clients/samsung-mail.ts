// Samsung Mail, after a request of an older Galaxy that was captured for a bug report.
import { type ClientProfile, HEX, SPECIFIED_REACTIONS } from './profile.ts';

const CAPTURED = 'https://github.com/tine20/tine20/issues/3136';

export const SAMSUNG_MAIL: ClientProfile = {
  name: 'samsung-mail',
  title: 'Samsung Mail',
  versions: {
    value: ['12.1', '14.0', '14.1', '16.0', '16.1'],
    source: 'https://office365itpros.com/2025/12/16/exchange-activesync-161',
    note: 'the page says that 16.1 comes; the older ones are assumed',
  },
  query: { value: 'plain', source: CAPTURED },
  otherQuery: { value: true, source: 'assumed' },
  parameterOrder: { value: ['Cmd', 'User', 'DeviceId', 'DeviceType'], source: CAPTURED },
  optionsWithQuery: { value: false, source: 'assumed' },
  deviceType: {
    value: 'SAMSUNGSMS928B',
    source: CAPTURED,
    note: 'its form: SAMSUNG and the model; the model is ours',
  },
  deviceId: { value: { prefix: 'SEC', alphabet: HEX, length: 16 }, source: 'assumed' },
  deviceIdBytes: { value: 'text', source: 'assumed' },
  userName: { value: 'domain and name', source: CAPTURED },
  userAgent: {
    value: 'SAMSUNG-SM-S928B/101.150',
    source: CAPTURED,
    note: 'that it begins with SAMSUNG; the rest is assumed',
  },
  headers: {
    value: [
      ['Authorization', null],
      ['MS-ASProtocolVersion', null],
      ['Connection', 'keep-alive'],
      ['User-Agent', null],
      ['X-MS-PolicyKey', null],
      ['MS-ASAcceptMultiPart', null],
      ['Content-Type', null],
      ['Accept-Encoding', 'gzip'],
      ['Cookie', null],
      ['Content-Length', null],
      ['Transfer-Encoding', null],
      ['Host', null],
    ],
    source: CAPTURED,
    note: 'up to User-Agent; the rest is assumed',
  },
  exceptions: { value: {}, source: 'assumed' },
  cookies: { value: 'returned', source: 'spec: MS-ASHTTP R4075, R4076' },
  authentication: { value: ['Basic', 'Bearer'], source: 'assumed' },
  sequence: {
    value: ['OPTIONS', 'Provision', 'Settings', 'FolderSync', 'Sync', 'Ping'],
    source: 'assumed',
  },
  heartbeatSeconds: { value: 720, source: 'assumed' },
  emptyPing: { value: true, source: 'assumed' },
  breaches: { value: [], source: 'assumed' },
  reactions: SPECIFIED_REACTIONS,
};
