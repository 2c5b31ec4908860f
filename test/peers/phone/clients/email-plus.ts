// Email+, the mail app of the established product. Its settings are documented, its requests are not.
import { type ClientProfile, HEX, SPECIFIED_REACTIONS } from './profile.ts';

const GUIDE =
  'https://help.ivanti.com/mi/help/en_US/EML/4.x.x/gda/EmailPlusAndroidGuide/App_restrictions_descrip.htm';

export const EMAIL_PLUS: ClientProfile = {
  name: 'email-plus',
  title: 'Email+',
  versions: { value: ['14.1', '16.0', '16.1'], source: 'assumed' },
  query: { value: 'base64', source: 'assumed' },
  otherQuery: { value: true, source: 'assumed' },
  parameterOrder: { value: ['Cmd', 'User', 'DeviceId', 'DeviceType'], source: 'assumed' },
  optionsWithQuery: { value: false, source: 'spec: MS-ASHTTP 2.2.3.1.1' },
  deviceType: { value: 'EmailPlus', source: 'assumed' },
  deviceId: { value: { prefix: '', alphabet: HEX, length: 32 }, source: 'assumed' },
  deviceIdBytes: { value: 'text', source: 'assumed' },
  userName: {
    value: 'mail address',
    source: GUIDE,
    note: 'a name alone and DOMAIN\\name are documented as well',
  },
  userAgent: { value: 'EmailPlus/4.6.0 (Android 15)', source: 'assumed' },
  headers: {
    value: [
      ['User-Agent', null],
      ['Authorization', null],
      ['MS-ASProtocolVersion', null],
      ['X-MS-PolicyKey', null],
      ['MS-ASAcceptMultiPart', null],
      ['Content-Type', null],
      ['Content-Length', null],
      ['Transfer-Encoding', null],
      ['Host', null],
      ['Connection', 'Keep-Alive'],
      ['Accept-Encoding', 'gzip'],
      ['Cookie', null],
    ],
    source: 'assumed',
  },
  exceptions: { value: {}, source: 'assumed' },
  cookies: { value: 'returned', source: 'spec: MS-ASHTTP R4075, R4076' },
  authentication: {
    value: ['Basic', 'Bearer'],
    source: 'spec: oauth.md, settings of the established product',
  },
  sequence: {
    value: ['SignIn', 'OPTIONS', 'FolderSync', 'Provision', 'FolderSync', 'Settings', 'Sync', 'Ping'],
    source: 'assumed',
    note: 'that it signs in before anything else follows from the settings of the established product',
  },
  heartbeatSeconds: { value: 900, source: 'assumed' },
  emptyPing: { value: false, source: 'assumed' },
  breaches: { value: [], source: 'assumed' },
  reactions: SPECIFIED_REACTIONS,
};
