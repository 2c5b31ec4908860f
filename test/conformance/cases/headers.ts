// Header lines of requests and answers, and bodies that are empty, in parts or compressed.
import { gzipSync } from 'node:zlib';
import { element } from '../../peers/wbxml/element.ts';
import { encode } from '../../peers/wbxml/encode.ts';
import type { Line } from '../../gateway/comparison/message.ts';
import {
  type AnswerSketch,
  exchangeCase,
  type ExchangeCase,
  PATH,
  plainTarget,
  protocolVersion,
  WBXML,
} from './exchange-case.ts';

const VERSIONS = ['2.5', '12.0', '12.1', '14.0', '14.1', '16.0', '16.1'];
const COMMANDS =
  'Sync,SendMail,SmartForward,SmartReply,GetAttachment,GetHierarchy,CreateCollection,DeleteCollection,MoveCollection,' +
  'FolderSync,FolderCreate,FolderDelete,FolderUpdate,MoveItems,GetItemEstimate,MeetingResponse,Search,Settings,Ping,' +
  'ItemOperations,Provision,ResolveRecipients,ValidateCert,Find';
const CAN: readonly Line[] = [
  ['MS-Server-ActiveSync', '15.2'],
  ['MS-ASProtocolVersions', `2.0,${VERSIONS.join(',')}`],
  ['MS-ASProtocolCommands', COMMANDS],
];
const REBUILD: Line = ['X-MS-RP', `2.0,${VERSIONS.join(',')}`];

const folderSync = (key: string) =>
  element('FolderHierarchy:FolderSync', element('FolderHierarchy:SyncKey', key));
const folders = element('FolderHierarchy:FolderSync', element('FolderHierarchy:Status', 1));
const fetch = element(
  'ItemOperations:ItemOperations',
  element('ItemOperations:Fetch', element('AirSync:ServerId', '5:7')),
);

const synced = (
  name: string,
  key: string,
  answer: AnswerSketch,
  headers: readonly Line[] = [],
): ExchangeCase =>
  exchangeCase(name, {
    target: plainTarget('FolderSync'),
    headers: [protocolVersion('16.1'), ...headers],
    body: folderSync(key),
    answer: { body: folders, ...answer },
  });

const fetched = (name: string, headers: readonly Line[], answer: AnswerSketch): ExchangeCase =>
  exchangeCase(name, {
    target: plainTarget('ItemOperations'),
    headers: [protocolVersion('14.1'), ...headers],
    body: fetch,
    answer,
  });

const empty = (command: string): ExchangeCase =>
  exchangeCase(`empty ${command}`, { target: plainTarget(command), headers: [protocolVersion('14.1')] });

const options = (name: string, versions: string): ExchangeCase =>
  exchangeCase(name, {
    method: 'OPTIONS',
    target: PATH,
    answer: {
      headers: [
        ['MS-Server-ActiveSync', '15.2'],
        ['MS-ASProtocolVersions', versions],
        ['MS-ASProtocolCommands', COMMANDS],
      ],
    },
  });

const PARTS = Buffer.from('010000000c00000004000000030101ff', 'hex');
const SESSION =
  'X-BackEndCookie=S-1-5-21=u56; expires=Wed, 01-Jan-2031 00:00:00 GMT; path=/Microsoft-Server-ActiveSync; secure; HttpOnly';

export const headerCases: readonly ExchangeCase[] = [
  ...VERSIONS.map((version) =>
    exchangeCase(`version ${version}`, {
      target: plainTarget('FolderSync'),
      headers: [protocolVersion(version)],
      body: folderSync('1'),
      answer: { body: folders },
    }),
  ),
  exchangeCase('short content type', {
    target: plainTarget('FolderSync'),
    headers: [protocolVersion('12.1'), ['Content-Type', 'application/vnd.ms-sync']],
    body: folderSync('1'),
    answer: { body: folders },
  }),
  synced(
    'cookies',
    '1',
    {
      headers: [
        ['Set-Cookie', SESSION],
        ['Set-Cookie', 'ClientId=ABC; path=/'],
      ],
    },
    [['Cookie', 'ClientId=ABC; X-BackEndCookie=S-1-5-21=u56']],
  ),
  fetched('multipart asked for', [['MS-ASAcceptMultiPart', 'T']], {
    headers: [['Content-Type', 'application/vnd.ms-sync.multipart']],
    body: PARTS,
  }),
  fetched('multipart refused', [['MS-ASAcceptMultiPart', 'F']], {
    body: element('ItemOperations:ItemOperations', element('ItemOperations:Status', 1)),
  }),
  empty('Sync'),
  empty('Ping'),
  synced(
    'compressed answer',
    '1',
    {
      headers: [
        ['Content-Type', WBXML],
        ['Content-Encoding', 'gzip'],
      ],
      body: gzipSync(encode(folders)),
    },
    [['Accept-Encoding', 'gzip, deflate']],
  ),
  synced('answer of 56 bytes', '1', {
    body: element('FolderHierarchy:FolderSync', element('FolderHierarchy:DisplayName', 'x'.repeat(44))),
  }),
  synced('password near its end', '1', { headers: [['X-MS-Credentials-Expire', '13']] }),
  synced('password of the last day', '1', { headers: [['X-MS-Credentials-Expire', '0']] }),
  synced('first FolderSync', '0', { headers: [REBUILD, ...CAN] }),
  synced('state to be rebuilt', '7', { headers: [REBUILD, ...CAN] }),
  options('OPTIONS', `2.0,${VERSIONS.join(',')}`),
  options('OPTIONS of Exchange 2007', '2.0,2.5,12.0,12.1'),
  options('OPTIONS of Exchange 2010', '2.0,2.5,12.0,12.1,14.0'),
  options('OPTIONS of Exchange 2013', '2.0,2.5,12.0,12.1,14.0,14.1'),
];
