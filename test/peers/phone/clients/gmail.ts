// Gmail on Android. Its Exchange code grew out of Android's own, which is public; what it does today is not.
import { type ClientProfile, LOWER_HEX, SPECIFIED_REACTIONS } from './profile.ts';

const ANDROID =
  'https://github.com/CyanogenMod/android_packages_apps_Exchange/blob/77711070d9b4970886c727b568fbeffb4b26a301/src/com/android/exchange/service/EasServerConnection.java';
const ANDROID_PING =
  'https://github.com/CyanogenMod/android_packages_apps_Exchange/blob/134c227a0e7d6ed7ba0602824776704a83a72612/src/com/android/exchange/eas/EasPing.java';
const ANCESTOR = "of Android's own client, its ancestor";

export const GMAIL: ClientProfile = {
  name: 'gmail',
  title: 'Gmail on Android',
  versions: {
    value: ['12.1', '14.0', '14.1', '16.0', '16.1'],
    source: 'https://office365itpros.com/2025/12/16/exchange-activesync-161',
    note: 'the page says that 16.1 comes; the older ones are assumed',
  },
  query: { value: 'plain', source: ANDROID, note: ANCESTOR },
  otherQuery: { value: true, source: 'assumed' },
  parameterOrder: { value: ['Cmd', 'User', 'DeviceId', 'DeviceType'], source: ANDROID, note: ANCESTOR },
  optionsWithQuery: { value: false, source: ANDROID, note: ANCESTOR },
  deviceType: { value: 'Android', source: ANDROID, note: ANCESTOR },
  deviceId: { value: { prefix: 'androidc', alphabet: LOWER_HEX, length: 10 }, source: 'assumed' },
  deviceIdBytes: { value: 'text', source: 'assumed' },
  userName: { value: 'mail address', source: 'assumed' },
  userAgent: {
    value: 'Android-Mail/2025.11.30.123456789.Release',
    source: 'assumed',
    note: 'the form, Android-Mail/date.number.Release, is quoted in the source of public servers',
  },
  headers: {
    value: [
      ['Content-Type', null],
      ['Authorization', null],
      ['MS-ASProtocolVersion', null],
      ['User-Agent', null],
      ['Accept-Encoding', 'gzip'],
      ['X-MS-PolicyKey', null],
      ['MS-ASAcceptMultiPart', null],
      ['Cookie', null],
      ['Content-Length', null],
      ['Transfer-Encoding', null],
      ['Host', null],
      ['Connection', 'Keep-Alive'],
    ],
    source: ANDROID,
    note: `${ANCESTOR}; MS-ASAcceptMultiPart, Cookie and everything from Content-Length on are assumed`,
  },
  exceptions: {
    value: { Ping: { without: ['X-MS-PolicyKey', 'Connection'], with: [['Connection', 'close']] } },
    source: ANDROID,
    note: ANCESTOR,
  },
  cookies: { value: 'returned', source: 'spec: MS-ASHTTP R4075, R4076' },
  authentication: {
    value: ['Basic', 'Bearer'],
    source: 'https://github.com/MicrosoftDocs/OfficeDocs-Exchange/issues/1582',
  },
  sequence: {
    value: ['OPTIONS', 'FolderSync', 'Provision', 'FolderSync', 'Settings', 'Sync', 'Ping'],
    source: 'assumed',
  },
  heartbeatSeconds: { value: 480, source: ANDROID_PING, note: ANCESTOR },
  emptyPing: { value: false, source: ANDROID_PING, note: ANCESTOR },
  breaches: { value: [], source: 'assumed' },
  reactions: {
    ...SPECIFIED_REACTIONS,
    '403': { value: 'provision', source: 'assumed', note: 'its ancestor takes 403 for a missing policy' },
  },
};
