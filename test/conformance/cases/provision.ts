// Provisioning (MS-ASPROV): every element with every value in each version of the protocol, its acknowledgements, errors and wipes.
import type { Tag } from '../../peers/wbxml/code-pages.ts';
import { element, type Element } from '../../peers/wbxml/element.ts';
import {
  exchangeCase,
  type ExchangeCase,
  plainTarget,
  protocolVersion,
  statusDocument,
} from './exchange-case.ts';

const VERSIONS = ['12.0', '12.1', '14.0', '14.1', '16.0', '16.1'];
const BOOLEANS = [
  'AllowBrowser',
  'AllowCamera',
  'AllowConsumerEmail',
  'AllowDesktopSync',
  'AllowHTMLEmail',
  'AllowInternetSharing',
  'AllowIrDA',
  'AllowPOPIMAPEmail',
  'AllowRemoteDesktop',
  'AllowSimpleDevicePassword',
  'AllowSMIMESoftCerts',
  'AllowStorageCard',
  'AllowTextMessaging',
  'AllowUnsignedApplications',
  'AllowUnsignedInstallationPackages',
  'AllowWiFi',
  'AlphanumericDevicePasswordRequired',
  'AttachmentsEnabled',
  'DevicePasswordEnabled',
  'PasswordRecoveryEnabled',
  'RequireDeviceEncryption',
  'RequireEncryptedSMIMEMessages',
  'RequireManualSyncWhenRoaming',
  'RequireSignedSMIMEAlgorithm',
  'RequireSignedSMIMEMessages',
  'RequireStorageCardEncryption',
] as const;

/** All values of each setting that are emitted; the empty one is an element without content. */
const VALUES: Readonly<Record<string, readonly (string | number)[]>> = {
  ...Object.fromEntries(BOOLEANS.map((name) => [name, [0, 1]])),
  AllowBluetooth: [0, 1, 2],
  AllowSMIMEEncryptionAlgorithmNegotiation: [0, 1, 2],
  DevicePasswordExpiration: ['', 0, 90],
  DevicePasswordHistory: [0, 5],
  MaxAttachmentSize: ['', 1_048_576],
  MaxCalendarAgeFilter: [0, 4, 5, 6, 7],
  MaxDevicePasswordFailedAttempts: ['', 4, 16],
  MaxEmailAgeFilter: [0, 1, 2, 3, 4, 5],
  MaxEmailBodyTruncationSize: [-1, 0, 4096],
  MaxEmailHTMLBodyTruncationSize: [-1, 0, 4096],
  MaxInactivityTimeDeviceLock: ['', 300, 9999],
  MinDevicePasswordComplexCharacters: [1, 2, 3, 4],
  MinDevicePasswordLength: ['', 1, 16],
  RequireEncryptionSMIMEAlgorithm: [0, 1, 2, 3, 4],
};
const MOST_VALUES = 6;
const WBXML_TYPE = 'MS-EAS-Provisioning-WBXML';
const WAP_TYPE = 'MS-WAP-Provisioning-XML';

const tag = (name: string): Tag => `Provision:${name}` as Tag;
const leaf = (name: string, value: string | number): Element =>
  value === '' ? element(tag(name)) : element(tag(name), value);
const provision = (...children: (Element | false)[]): Element => element('Provision:Provision', ...children);
const policies = (...each: Element[]): Element => element('Provision:Policies', ...each);
const policy = (...children: Element[]): Element => element('Provision:Policy', ...children);

/** A policy document in which each setting has the value of this number, or its last one. */
function policyDocument(number: number): Element {
  return element(
    'Provision:EASProvisionDoc',
    ...Object.entries(VALUES).map(([name, values]) =>
      leaf(name, values[Math.min(number, values.length - 1)] ?? ''),
    ),
    element(
      'Provision:UnapprovedInROMApplicationList',
      leaf('ApplicationName', 'game.exe'),
      leaf('ApplicationName', 'chat.exe'),
    ),
    element('Provision:ApprovedApplicationList', leaf('Hash', 'AAEC'), leaf('Hash', 'AwQF')),
  );
}

const deviceInformation = element(
  'Settings:DeviceInformation',
  element(
    'Settings:Set',
    element('Settings:Model', 'iPhone16C2'),
    element('Settings:FriendlyName', 'phone of alice'),
    element('Settings:OS', 'iOS 26.1'),
  ),
);
const informed = element('Settings:DeviceInformation', element('Settings:Status', 1));
const hasInformation = (version: string): boolean => !['12.0', '12.1', '14.0'].includes(version);

const provisioned = (
  name: string,
  version: string,
  key: string,
  request: Element,
  answer: Element,
): ExchangeCase =>
  exchangeCase(name, {
    target: plainTarget('Provision'),
    headers: [protocolVersion(version), ...(key === '' ? [] : [['X-MS-PolicyKey', key] as const])],
    body: request,
    answer: { body: answer },
  });

const asked = (version: string): Element =>
  provision(hasInformation(version) && deviceInformation, policies(policy(leaf('PolicyType', WBXML_TYPE))));

const given = (version: string): Element =>
  provision(
    hasInformation(version) && informed,
    leaf('Status', 1),
    policies(
      ...Array.from({ length: MOST_VALUES }, (_, number) =>
        policy(
          leaf('PolicyType', WBXML_TYPE),
          leaf('Status', 1),
          leaf('PolicyKey', '3942919513'),
          element('Provision:Data', policyDocument(number)),
        ),
      ),
    ),
  );

const acknowledged = (status: number): Element =>
  provision(
    policies(policy(leaf('PolicyType', WBXML_TYPE), leaf('PolicyKey', '3942919513'), leaf('Status', status))),
  );

const confirmed = provision(
  leaf('Status', 1),
  policies(policy(leaf('PolicyType', WBXML_TYPE), leaf('Status', 1), leaf('PolicyKey', '1307199584'))),
);

const refused = (policyStatus: number): Element =>
  provision(
    leaf('Status', 1),
    policies(policy(leaf('PolicyType', WBXML_TYPE), leaf('Status', policyStatus))),
  );

type Wipe = 'RemoteWipe' | 'AccountOnlyRemoteWipe';
const wipeCases = (wipe: Wipe, version: string): ExchangeCase[] => {
  const order = (status: number): Element => provision(leaf('Status', status), element(tag(wipe)));
  const report = (status: number): Element => provision(element(tag(wipe), leaf('Status', status)));
  return [
    provisioned(`${wipe} in ${version}`, version, '0', provision(), order(1)),
    provisioned(`${wipe} done in ${version}`, version, '0', report(1), provision(leaf('Status', 1))),
    provisioned(`${wipe} done in ${version}, said again`, version, '0', report(1), order(1)),
    provisioned(`${wipe} failed in ${version}`, version, '0', report(2), order(2)),
    provisioned(`${wipe} failed in ${version}, said 1`, version, '0', report(2), order(1)),
  ];
};

const told = (status: number): ExchangeCase =>
  exchangeCase(`told status ${status}`, {
    target: plainTarget('FolderSync'),
    headers: [protocolVersion('14.1'), ['X-MS-PolicyKey', '0']],
    body: element('FolderHierarchy:FolderSync', element('FolderHierarchy:SyncKey', '0')),
    answer: { body: statusDocument('FolderHierarchy:FolderSync', 'FolderHierarchy:Status', status) },
  });

export const provisionCases: readonly ExchangeCase[] = [
  ...VERSIONS.map((version) =>
    provisioned(`policies in ${version}`, version, '0', asked(version), given(version)),
  ),
  ...VERSIONS.map((version) =>
    provisioned(`policies acknowledged in ${version}`, version, '3942919513', acknowledged(1), confirmed),
  ),
  ...[2, 3, 4].map((status) =>
    provisioned(
      `policies acknowledged with ${status}`,
      '14.1',
      '3942919513',
      acknowledged(status),
      confirmed,
    ),
  ),
  ...[2, 3, 4, 5].map((status) =>
    provisioned(`policy status ${status}`, '14.1', '0', asked('14.1'), refused(status)),
  ),
  ...[2, 3, 5, 139, 141, 145].map((status) =>
    provisioned(`provision status ${status}`, '14.1', '0', asked('14.1'), provision(leaf('Status', status))),
  ),
  provisioned(
    'policies of WAP',
    '12.0',
    '',
    provision(policies(policy(leaf('PolicyType', WAP_TYPE)))),
    provision(
      leaf('Status', 1),
      policies(
        policy(
          leaf('PolicyType', WAP_TYPE),
          leaf('Status', 1),
          leaf('PolicyKey', '3942919513'),
          leaf('Data', '<wap-provisioningdoc><characteristic type="SecurityPolicy"/></wap-provisioningdoc>'),
        ),
      ),
    ),
  ),
  ...[140, 142, 143, 144].map(told),
  provisioned('nothing to wipe', '16.1', '0', provision(), provision(leaf('Status', 1))),
  ...VERSIONS.flatMap((version) => wipeCases('RemoteWipe', version)),
  ...wipeCases('AccountOnlyRemoteWipe', '16.1'),
];
