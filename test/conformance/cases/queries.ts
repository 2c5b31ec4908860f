// What queries hold beside the command: versions, locales, ids, keys and parameters, in both forms.
import { element } from '../../peers/wbxml/element.ts';
import {
  base64Target,
  type Base64Fields,
  type CaseSketch,
  exchangeCase,
  type ExchangeCase,
  PATH,
  plainTarget,
  protocolVersion,
} from './exchange-case.ts';
import type { Line } from '../../gateway/comparison/message.ts';

const MIME: Line = ['Content-Type', 'message/rfc822'];
const MAIL = 'To: bob@example.com\r\nSubject: hello\r\n\r\nhello\r\n';
const folderSync = element('FolderHierarchy:FolderSync', element('FolderHierarchy:SyncKey', '0'));
const fetch = element(
  'ItemOperations:ItemOperations',
  element('ItemOperations:Fetch', element('AirSync:ServerId', '5:7')),
);

const base64 = (name: string, fields: Base64Fields, rest: Partial<CaseSketch> = {}): ExchangeCase =>
  exchangeCase(name, { target: base64Target(fields), ...rest });

const plain = (name: string, target: string, rest: Partial<CaseSketch> = {}): ExchangeCase =>
  exchangeCase(name, { target, headers: [protocolVersion('12.1'), MIME], body: MAIL, ...rest });

const EVERY_PARAMETER = ['CollectionId=5', 'ItemId=5%3A7', 'LongId=RgAAAA', 'Occurrence=20261201T080000Z'];
const every = { CollectionId: '5', ItemId: '5:7', LongId: 'RgAAAA', Occurrence: '20261201T080000Z' };
const mail = { headers: [MIME], body: MAIL };

export const queryCases: readonly ExchangeCase[] = [
  ...[121, 140, 141, 160, 161].map((version) =>
    base64(`version byte ${version}`, { version, command: 9 }, { body: folderSync }),
  ),
  base64('German locale', { version: 161, command: 9, locale: 0x0407 }, { body: folderSync }),
  base64(
    'device id of sixteen bytes',
    { version: 141, command: 9, deviceId: Buffer.from('00112233445566778899aabbccddeeff', 'hex') },
    { body: folderSync },
  ),
  base64(
    'version and key twice',
    { version: 141, command: 9, policyKey: 5 },
    {
      headers: [protocolVersion('14.1'), ['X-MS-PolicyKey', '5']],
      body: folderSync,
    },
  ),
  base64(
    'base64 GetAttachment',
    {
      version: 121,
      command: 4,
      parameters: { AttachmentName: '5:7:0' },
    },
    { answer: { headers: [['Content-Type', 'application/pdf']], body: '%PDF-1.7 attachment' } },
  ),
  base64('base64 SmartForward', { version: 121, command: 2, parameters: { ...every, Options: 1 } }, mail),
  base64('base64 SmartReply', { version: 121, command: 3, parameters: { ...every, Options: 1 } }, mail),
  base64('base64 SendMail', { version: 121, command: 1, parameters: { Options: 1, User: 'alice' } }, mail),
  base64(
    'base64 ItemOperations in parts',
    { version: 141, command: 19, parameters: { Options: 2 } },
    {
      body: fetch,
      answer: {
        headers: [['Content-Type', 'application/vnd.ms-sync.multipart']],
        body: Buffer.from('010000000c00000004000000030101ff', 'hex'),
      },
    },
  ),
  base64(
    'parameters of every length',
    { version: 121, command: 3, parameters: { ItemId: '', LongId: 'R'.repeat(255) } },
    mail,
  ),
  plain('plain GetAttachment', plainTarget('GetAttachment', 'AttachmentName=5%3A7%3A0'), {
    headers: [protocolVersion('12.1')],
    body: undefined,
    answer: { headers: [['Content-Type', 'application/pdf']], body: '%PDF-1.7 attachment' },
  }),
  plain('plain SmartForward', plainTarget('SmartForward', ...EVERY_PARAMETER, 'SaveInSent=T')),
  plain('plain SmartReply', plainTarget('SmartReply', ...EVERY_PARAMETER, 'SaveInSent=T')),
  plain('plain SendMail', plainTarget('SendMail', 'SaveInSent=T')),
  plain('plain SendMail that is not kept', plainTarget('SendMail', 'SaveInSent=F')),
  plain('plain SendMail that says nothing of it', plainTarget('SendMail')),
  plain(
    'plain query of another device',
    `${PATH}?Cmd=SendMail&User=bob&DeviceId=d2&DeviceType=SAMSUNGSMA536B`,
  ),
];
