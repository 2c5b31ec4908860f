// Every command in both forms of the query, with a document that says what the command is for.
import { element, type Element } from '../../peers/wbxml/element.ts';
import {
  base64Target,
  exchangeCase,
  type ExchangeCase,
  plainTarget,
  protocolVersion,
  statusDocument,
} from './exchange-case.ts';

interface CommandSketch {
  readonly command: string;
  readonly code: number;
  readonly body?: Element;
  readonly answer?: Element;
}

const folder = (root: 'FolderCreate' | 'FolderDelete' | 'FolderUpdate', ...children: Element[]): Element =>
  element(`FolderHierarchy:${root}`, element('FolderHierarchy:SyncKey', '1'), ...children);

const created = element(
  'FolderHierarchy:FolderCreate',
  element('FolderHierarchy:Status', 1),
  element('FolderHierarchy:SyncKey', '2'),
  element('FolderHierarchy:ServerId', '12'),
);

const folderCreate = (type: number, name: string): Element =>
  folder(
    'FolderCreate',
    element('FolderHierarchy:ParentId', '0'),
    element('FolderHierarchy:DisplayName', name),
    element('FolderHierarchy:Type', type),
  );

const meetingResponse = (answer: number): Element =>
  element(
    'MeetingResponse:MeetingResponse',
    element(
      'MeetingResponse:Request',
      element('MeetingResponse:UserResponse', answer),
      element('MeetingResponse:CollectionId', '5'),
      element('MeetingResponse:RequestId', '5:7'),
    ),
  );

const composed = (root: 'SendMail' | 'SmartForward' | 'SmartReply'): Element =>
  element(
    `ComposeMail:${root}`,
    element('ComposeMail:ClientId', 'm-1'),
    element('ComposeMail:SaveInSentItems'),
    root !== 'SendMail' &&
      element(
        'ComposeMail:Source',
        element('ComposeMail:FolderId', '5'),
        element('ComposeMail:ItemId', '5:7'),
      ),
    element('ComposeMail:Mime', Buffer.from('To: bob@example.com\r\nSubject: hello\r\n\r\nhello\r\n')),
  );

const COMMANDS: readonly CommandSketch[] = [
  {
    command: 'Sync',
    code: 0,
    body: element(
      'AirSync:Sync',
      element(
        'AirSync:Collections',
        element('AirSync:Collection', element('AirSync:SyncKey', '0'), element('AirSync:CollectionId', '5')),
      ),
    ),
    answer: statusDocument('AirSync:Sync', 'AirSync:Status', 1),
  },
  { command: 'SendMail', code: 1, body: composed('SendMail') },
  { command: 'SmartForward', code: 2, body: composed('SmartForward') },
  { command: 'SmartReply', code: 3, body: composed('SmartReply') },
  {
    command: 'FolderSync',
    code: 9,
    body: element('FolderHierarchy:FolderSync', element('FolderHierarchy:SyncKey', '0')),
    answer: element(
      'FolderHierarchy:FolderSync',
      element('FolderHierarchy:Status', 1),
      element('FolderHierarchy:SyncKey', '1'),
      element(
        'FolderHierarchy:Changes',
        element('FolderHierarchy:Count', 1),
        element(
          'FolderHierarchy:Add',
          element('FolderHierarchy:ServerId', '5'),
          element('FolderHierarchy:ParentId', '0'),
          element('FolderHierarchy:DisplayName', 'Übungen'),
          element('FolderHierarchy:Type', 2),
        ),
      ),
    ),
  },
  { command: 'FolderCreate', code: 10, body: folderCreate(12, 'Übungen'), answer: created },
  {
    command: 'FolderDelete',
    code: 11,
    body: folder('FolderDelete', element('FolderHierarchy:ServerId', '12')),
    answer: statusDocument('FolderHierarchy:FolderDelete', 'FolderHierarchy:Status', 1),
  },
  {
    command: 'FolderUpdate',
    code: 12,
    body: folder(
      'FolderUpdate',
      element('FolderHierarchy:ServerId', '12'),
      element('FolderHierarchy:ParentId', '9'),
      element('FolderHierarchy:DisplayName', 'Renamed'),
    ),
    answer: statusDocument('FolderHierarchy:FolderUpdate', 'FolderHierarchy:Status', 1),
  },
  {
    command: 'MoveItems',
    code: 13,
    body: element(
      'Move:MoveItems',
      element(
        'Move:Move',
        element('Move:SrcMsgId', '5:7'),
        element('Move:SrcFldId', '5'),
        element('Move:DstFldId', '12'),
      ),
    ),
    answer: element(
      'Move:MoveItems',
      element('Move:Response', element('Move:SrcMsgId', '5:7'), element('Move:Status', 3)),
    ),
  },
  {
    command: 'GetItemEstimate',
    code: 14,
    body: element(
      'GetItemEstimate:GetItemEstimate',
      element(
        'GetItemEstimate:Collections',
        element('GetItemEstimate:Collection', element('GetItemEstimate:CollectionId', '5')),
      ),
    ),
    answer: element(
      'GetItemEstimate:GetItemEstimate',
      element(
        'GetItemEstimate:Response',
        element('GetItemEstimate:Status', 1),
        element('GetItemEstimate:Collection', element('GetItemEstimate:Estimate', 17)),
      ),
    ),
  },
  {
    command: 'MeetingResponse',
    code: 15,
    body: meetingResponse(1),
    answer: element(
      'MeetingResponse:MeetingResponse',
      element('MeetingResponse:Result', element('MeetingResponse:Status', 1)),
    ),
  },
  {
    command: 'Search',
    code: 16,
    body: element(
      'Search:Search',
      element('Search:Store', element('Search:Name', 'GAL'), element('Search:Query', 'ann')),
    ),
    answer: statusDocument('Search:Search', 'Search:Status', 1),
  },
  {
    command: 'Settings',
    code: 17,
    body: element('Settings:Settings', element('Settings:UserInformation', element('Settings:Get'))),
    answer: statusDocument('Settings:Settings', 'Settings:Status', 1),
  },
  {
    command: 'Ping',
    code: 18,
    body: element(
      'Ping:Ping',
      element('Ping:HeartbeatInterval', 480),
      element(
        'Ping:Folders',
        element('Ping:Folder', element('Ping:Id', '5'), element('Ping:Class', 'Email')),
      ),
    ),
    answer: statusDocument('Ping:Ping', 'Ping:Status', 1),
  },
  {
    command: 'ItemOperations',
    code: 19,
    body: element(
      'ItemOperations:ItemOperations',
      element(
        'ItemOperations:Fetch',
        element('ItemOperations:Store', 'Mailbox'),
        element('AirSync:ServerId', '5:7'),
      ),
    ),
    answer: statusDocument('ItemOperations:ItemOperations', 'ItemOperations:Status', 1),
  },
  {
    command: 'Provision',
    code: 20,
    body: element('Provision:Provision'),
    answer: statusDocument('Provision:Provision', 'Provision:Status', 1),
  },
  {
    command: 'ResolveRecipients',
    code: 21,
    body: element(
      'ResolveRecipients:ResolveRecipients',
      element('ResolveRecipients:To', 'ann@example.com'),
      element('ResolveRecipients:Options', element('ResolveRecipients:CertificateRetrieval', 2)),
    ),
    answer: statusDocument('ResolveRecipients:ResolveRecipients', 'ResolveRecipients:Status', 1),
  },
  {
    command: 'ValidateCert',
    code: 22,
    body: element(
      'ValidateCert:ValidateCert',
      element('ValidateCert:Certificates', element('ValidateCert:Certificate', 'MIIB')),
    ),
    answer: statusDocument('ValidateCert:ValidateCert', 'ValidateCert:Status', 1),
  },
  {
    command: 'Find',
    code: 23,
    body: element('Find:Find', element('Find:SearchId', '1')),
    answer: statusDocument('Find:Find', 'Find:Status', 1),
  },
];

/** Ping carries no policy key (MS-ASPROV 3.1.5.1). */
const hasKey = (command: string): boolean => command !== 'Ping';

const both = COMMANDS.flatMap(({ command, code, body, answer }): ExchangeCase[] => [
  exchangeCase(`${command}, plain`, {
    target: plainTarget(command),
    headers: [
      protocolVersion('14.1'),
      ...(hasKey(command) ? [['X-MS-PolicyKey', '1234567890'] as const] : []),
    ],
    body,
    ...(answer && { answer: { body: answer } }),
  }),
  exchangeCase(`${command}, base64`, {
    target: base64Target({
      version: 161,
      command: code,
      ...(hasKey(command) && { policyKey: 1_234_567_890 }),
      parameters: { User: 'alice@example.com' },
    }),
    body,
    ...(answer && { answer: { body: answer } }),
  }),
]);

const plain = (name: string, command: string, body: Element): ExchangeCase =>
  exchangeCase(name, { target: plainTarget(command), headers: [protocolVersion('14.1')], body });

export const commandCases: readonly ExchangeCase[] = [
  ...both,
  plain('FolderCreate of a calendar', 'FolderCreate', folderCreate(13, 'Plans')),
  plain('FolderCreate of contacts', 'FolderCreate', folderCreate(14, 'People')),
  plain('MeetingResponse, tentative', 'MeetingResponse', meetingResponse(2)),
  plain('MeetingResponse, declined', 'MeetingResponse', meetingResponse(3)),
];
