// What each command says and is answered: bodies, parameters and content types as MS-ASCMD gives them for a version.
import type { Command } from '../../peers/phone/clients/commands.ts';
import type { ProtocolVersion } from '../../peers/phone/clients/profile.ts';
import * as requests from '../../peers/phone/requests.ts';
import { element, type Element } from '../../peers/wbxml/element.ts';
import { encode } from '../../peers/wbxml/encode.ts';

export const WBXML = 'application/vnd.ms-sync.wbxml';
export const MULTIPART = 'application/vnd.ms-sync.multipart';
const MAIL = 'message/rfc822';

export interface Content {
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

export interface Conversation {
  readonly request: Content;
  /** Of the query. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly saveInSent?: boolean;
  readonly acceptMultiPart?: boolean;
  readonly answer: Content;
}

/** Versions in which a command exists; undefined for all (MS-ASCMD 2.2.1). */
export const ONLY_IN: Readonly<Partial<Record<Command, readonly ProtocolVersion[]>>> = {
  GetAttachment: ['12.1'],
  Find: ['16.1'],
};

const NOTHING: Content = { contentType: undefined, body: Buffer.alloc(0) };
const MIME = Buffer.from(
  'From: alice@example.com\r\nTo: bob@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@phone.example.com>\r\n\r\n' +
    'Line with \0 and \u00ff and a lone\rCR\r\n.\r\n',
  'latin1',
);
const CERTIFICATE = Buffer.from('3082010a0282010100', 'hex').toString('base64');

const document = (root: Element): Content => ({ contentType: WBXML, body: encode(root) });

/** The conversation of a command in a version. */
export function conversationOf(command: Command, version: ProtocolVersion): Conversation {
  switch (command) {
    case 'SendMail':
    case 'SmartForward':
    case 'SmartReply':
      return Number(version) < 14 ? composedBefore14(command) : composed(command);
    case 'GetAttachment':
      return {
        request: NOTHING,
        parameters: { AttachmentName: '5:7:0 r\u00e9sum\u00e9.pdf' },
        answer: { contentType: 'application/octet-stream', body: Buffer.from([...Array(512).keys()]) },
      };
    default: {
      const [request, answer] = DOCUMENTS[command](Number(version));
      return { request: document(request), answer: document(answer) };
    }
  }
}

function composedBefore14(command: 'SendMail' | 'SmartForward' | 'SmartReply'): Conversation {
  const source =
    command === 'SendMail'
      ? undefined
      : { CollectionId: '5', ItemId: '5:7', Occurrence: '2026-11-23T10:00:00Z' };
  return {
    request: { contentType: MAIL, body: MIME },
    saveInSent: true,
    ...(source !== undefined && { parameters: source }),
    answer: NOTHING,
  };
}

function composed(command: 'SendMail' | 'SmartForward' | 'SmartReply'): Conversation {
  const source = element(
    'ComposeMail:Source',
    element('ComposeMail:FolderId', '5'),
    element('ComposeMail:ItemId', '5:7'),
    element('ComposeMail:InstanceId', '2026-11-23T10:00:00Z'),
  );
  return {
    request: document(
      requests.composeRequest(command, 'c-1', MIME, command === 'SendMail' ? undefined : source),
    ),
    answer: NOTHING,
  };
}

const INFORMATION = {
  model: 'iPhone16C2',
  friendlyName: 'Phone of J\u00fcrgen \u{1f4f1}',
  os: 'iOS 26.1',
  userAgent: 'Apple-iPhone16C2/2201.53',
};

type Documented = Exclude<Command, 'SendMail' | 'SmartForward' | 'SmartReply' | 'GetAttachment'>;

/** Request and answer of each command; `version` as a number. */
const DOCUMENTS: Readonly<Record<Documented, (version: number) => readonly [Element, Element]>> = {
  Sync: (version) => [
    requests.syncRequest(
      [
        {
          id: '5',
          key: '1024',
          commands: [requests.readCommand('5:7', true), requests.deleteCommand('5:8')],
        },
      ],
      version >= 14 ? { window: 50, heartbeatSeconds: 60 } : { window: 50, waitMinutes: 1 },
    ),
    element(
      'AirSync:Sync',
      element(
        'AirSync:Collections',
        element(
          'AirSync:Collection',
          element('AirSync:SyncKey', '1025'),
          element('AirSync:CollectionId', '5'),
          element('AirSync:Status', 1),
          element('AirSync:MoreAvailable'),
          element('AirSync:Commands', mailItem(version)),
        ),
      ),
    ),
  ],
  FolderSync: () => [
    requests.folderSyncRequest('0'),
    element(
      'FolderHierarchy:FolderSync',
      element('FolderHierarchy:Status', 1),
      element('FolderHierarchy:SyncKey', '1'),
      element(
        'FolderHierarchy:Changes',
        element('FolderHierarchy:Count', 1),
        element('FolderHierarchy:Add', ...folder('5', '0', 'Posteingang \u00fc', 2)),
      ),
    ),
  ],
  FolderCreate: () => [
    element(
      'FolderHierarchy:FolderCreate',
      element('FolderHierarchy:SyncKey', '1'),
      element('FolderHierarchy:ParentId', '0'),
      element('FolderHierarchy:DisplayName', 'Projekte & mehr'),
      element('FolderHierarchy:Type', 12),
    ),
    element(
      'FolderHierarchy:FolderCreate',
      element('FolderHierarchy:Status', 1),
      element('FolderHierarchy:SyncKey', '2'),
      element('FolderHierarchy:ServerId', '12'),
    ),
  ],
  FolderDelete: () => [
    element(
      'FolderHierarchy:FolderDelete',
      element('FolderHierarchy:SyncKey', '2'),
      element('FolderHierarchy:ServerId', '12'),
    ),
    element(
      'FolderHierarchy:FolderDelete',
      element('FolderHierarchy:Status', 1),
      element('FolderHierarchy:SyncKey', '3'),
    ),
  ],
  FolderUpdate: () => [
    element(
      'FolderHierarchy:FolderUpdate',
      element('FolderHierarchy:SyncKey', '3'),
      ...folder('12', '5', 'Umbenannt').filter(({ tag }) => tag !== 'FolderHierarchy:Type'),
    ),
    element(
      'FolderHierarchy:FolderUpdate',
      element('FolderHierarchy:Status', 1),
      element('FolderHierarchy:SyncKey', '4'),
    ),
  ],
  MoveItems: () => [
    requests.moveRequest('5:7', '5', '12'),
    element(
      'Move:MoveItems',
      element(
        'Move:Response',
        element('Move:SrcMsgId', '5:7'),
        element('Move:Status', 3),
        element('Move:DstMsgId', '12:1'),
      ),
    ),
  ],
  GetItemEstimate: () => [
    requests.estimateRequest('5', '1024'),
    element(
      'GetItemEstimate:GetItemEstimate',
      element(
        'GetItemEstimate:Response',
        element('GetItemEstimate:Status', 1),
        element(
          'GetItemEstimate:Collection',
          element('GetItemEstimate:CollectionId', '5'),
          element('GetItemEstimate:Estimate', 17),
        ),
      ),
    ),
  ],
  MeetingResponse: () => [
    element(
      'MeetingResponse:MeetingResponse',
      element(
        'MeetingResponse:Request',
        element('MeetingResponse:UserResponse', 1),
        element('MeetingResponse:CollectionId', '5'),
        element('MeetingResponse:RequestId', '5:9'),
        element('MeetingResponse:InstanceId', '20261123T100000Z'),
      ),
    ),
    element(
      'MeetingResponse:MeetingResponse',
      element(
        'MeetingResponse:Result',
        element('MeetingResponse:RequestId', '5:9'),
        element('MeetingResponse:Status', 1),
        element('MeetingResponse:CalendarId', '1:4'),
      ),
    ),
  ],
  Search: () => [
    requests.searchRequest('Quartalszahlen \u20ac'),
    element(
      'Search:Search',
      element('Search:Status', 1),
      element(
        'Search:Response',
        element(
          'Search:Store',
          element('Search:Status', 1),
          element('Search:Result', element('AirSync:Class', 'Email'), element('Search:LongId', '5:7')),
          element('Search:Range', '0-0'),
          element('Search:Total', 1),
        ),
      ),
    ),
  ],
  Settings: (version) => [
    requests.settingsRequest(INFORMATION),
    element(
      'Settings:Settings',
      element('Settings:Status', 1),
      element('Settings:DeviceInformation', element('Settings:Status', 1)),
      element(
        'Settings:UserInformation',
        element('Settings:Status', 1),
        element('Settings:Get', addresses(version)),
      ),
    ),
  ],
  Ping: () => [
    requests.pingRequest(480, ['5', '1', '2']),
    element('Ping:Ping', element('Ping:Status', 2), element('Ping:Folders', element('Ping:Folder', '5'))),
  ],
  ItemOperations: () => [
    requests.attachmentRequest('5:7:0'),
    element(
      'ItemOperations:ItemOperations',
      element('ItemOperations:Status', 1),
      element(
        'ItemOperations:Response',
        element(
          'ItemOperations:Fetch',
          element('ItemOperations:Status', 1),
          element('AirSyncBase:FileReference', '5:7:0'),
          element(
            'ItemOperations:Properties',
            element('AirSyncBase:ContentType', 'application/pdf'),
            element('ItemOperations:Data', Buffer.alloc(3000, 'JVBERi0').toString()),
          ),
        ),
      ),
    ),
  ],
  Provision: (version) => [
    requests.policyRequest(version >= 14.1 ? INFORMATION : undefined),
    element(
      'Provision:Provision',
      version >= 14.1 && element('Settings:DeviceInformation', element('Settings:Status', 1)),
      element('Provision:Status', 1),
      element(
        'Provision:Policies',
        element(
          'Provision:Policy',
          element('Provision:PolicyType', 'MS-EAS-Provisioning-WBXML'),
          element('Provision:Status', 1),
          element('Provision:PolicyKey', '3942919513'),
          element(
            'Provision:Data',
            element(
              'Provision:EASProvisionDoc',
              element('Provision:DevicePasswordEnabled', 1),
              element('Provision:MinDevicePasswordLength', 6),
              element('Provision:RequireDeviceEncryption', 1),
            ),
          ),
        ),
      ),
    ),
  ],
  ResolveRecipients: () => [
    element(
      'ResolveRecipients:ResolveRecipients',
      element('ResolveRecipients:To', 'bob'),
      element(
        'ResolveRecipients:Options',
        element('ResolveRecipients:CertificateRetrieval', 2),
        element('ResolveRecipients:MaxCertificates', 10),
      ),
    ),
    element(
      'ResolveRecipients:ResolveRecipients',
      element('ResolveRecipients:Status', 1),
      element(
        'ResolveRecipients:Response',
        element('ResolveRecipients:To', 'bob'),
        element('ResolveRecipients:Status', 1),
        element('ResolveRecipients:RecipientCount', 1),
        element(
          'ResolveRecipients:Recipient',
          element('ResolveRecipients:Type', 1),
          element('ResolveRecipients:DisplayName', 'Bob'),
          element('ResolveRecipients:EmailAddress', 'bob@example.com'),
        ),
      ),
    ),
  ],
  ValidateCert: () => [
    element(
      'ValidateCert:ValidateCert',
      element('ValidateCert:Certificates', element('ValidateCert:Certificate', CERTIFICATE)),
      element('ValidateCert:CheckCRL', 1),
    ),
    element(
      'ValidateCert:ValidateCert',
      element('ValidateCert:Status', 1),
      element('ValidateCert:Certificate', element('ValidateCert:Status', 1)),
    ),
  ],
  Find: () => [
    element(
      'Find:Find',
      element('Find:SearchId', '6b4d3c2a-0000-4000-8000-000000000001'),
      element(
        'Find:ExecuteSearch',
        element(
          'Find:MailBoxSearchCriterion',
          element('Find:Query', element('Find:FreeText', 'Rechnung')),
          element('Find:Options', element('Find:Range', '0-9'), element('Find:DeepTraversal')),
        ),
      ),
    ),
    element(
      'Find:Find',
      element('Find:Status', 1),
      element('Find:Response', element('Find:Status', 1), element('Find:Total', 0)),
    ),
  ],
};

function folder(id: string, parent: string, name: string, type = 12): Element[] {
  return [
    element('FolderHierarchy:ServerId', id),
    element('FolderHierarchy:ParentId', parent),
    element('FolderHierarchy:DisplayName', name),
    element('FolderHierarchy:Type', type),
  ];
}

function addresses(version: number): Element {
  const list = element('Settings:EmailAddresses', element('Settings:SMTPAddress', 'alice@example.com'));
  return version >= 14.1 ? element('Settings:Accounts', element('Settings:Account', list)) : list;
}

function mailItem(version: number): Element {
  return element(
    'AirSync:Add',
    element('AirSync:ServerId', '5:9'),
    element(
      'AirSync:ApplicationData',
      element('Email:Subject', 'Gr\u00fc\u00dfe \u{1f389}'),
      element('Email:From', '"Bob" <bob@example.com>'),
      element('Email:DateReceived', '2026-11-23T10:00:00.000Z'),
      element('Email:Read', 0),
      version >= 14 && element('Email2:ConversationId', Buffer.from('00ff10c3a9', 'hex')),
      element(
        'AirSyncBase:Body',
        element('AirSyncBase:Type', 2),
        element('AirSyncBase:Data', '<p>Hallo</p>'),
      ),
    ),
  );
}

/** A document and a part in the multipart frame (MS-ASCMD 2.2.2.10.1). */
export function multipartAnswer(part: Buffer): Content {
  const root = encode(
    element(
      'ItemOperations:ItemOperations',
      element('ItemOperations:Status', 1),
      element(
        'ItemOperations:Response',
        element(
          'ItemOperations:Fetch',
          element('ItemOperations:Status', 1),
          element('ItemOperations:Properties', element('ItemOperations:Part', 1)),
        ),
      ),
    ),
  );
  const head = Buffer.alloc(20);
  const numbers = [2, 20, root.length, 20 + root.length, part.length];
  for (const [i, number] of numbers.entries()) head.writeUInt32LE(number, i * 4);
  return { contentType: MULTIPART, body: Buffer.concat([head, root, part]) };
}
