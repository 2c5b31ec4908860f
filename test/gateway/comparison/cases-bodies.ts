// Cases about bodies: empty, compressed, in chunks, without a length, multipart, large.
import { deflateSync, gzipSync } from 'node:zlib';
import type { ClientProfile } from '../../peers/phone/clients/profile.ts';
import { element } from '../../peers/wbxml/element.ts';
import { encode } from '../../peers/wbxml/encode.ts';
import { type CaseSketch, type ComparisonCase, comparisonCase } from './case-writer.ts';
import { conversationOf, multipartAnswer } from './documents.ts';

const NO_BODY = Buffer.alloc(0);
const ATTACHMENT_BYTES = 700_000;
const MAIL_BYTES = 3_000_000;

/** Bytes of which no two neighbouring kilobytes are alike. */
function varied(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) buffer[i] = (i * 31 + (i >> 8) * 7 + (i >> 16)) & 0xff;
  return buffer;
}

export function bodyCases(client: ClientProfile): ComparisonCase[] {
  return [...emptyBodies(client), ...codings(client), ...framings(client), ...large(client)].map((sketch) =>
    comparisonCase(sketch),
  );
}

function emptyBodies(client: ClientProfile): CaseSketch[] {
  const ended = encode(element('Ping:Ping', element('Ping:Status', 1)));
  return [
    { client, command: 'Ping', body: NO_BODY, what: 'empty', answer: { body: ended } },
    { client, command: 'Sync', body: NO_BODY, what: 'empty', answer: { body: NO_BODY } },
    { client, command: 'Sync', what: 'answered by nothing', answer: { body: NO_BODY } },
    {
      client,
      command: 'Sync',
      body: NO_BODY,
      what: 'empty and without a length',
      ask: { length: undefined },
      answer: { body: NO_BODY },
    },
    {
      client,
      command: 'Sync',
      body: NO_BODY,
      chunked: true,
      what: 'empty in chunks',
      answer: { body: NO_BODY },
    },
  ];
}

function codings(client: ClientProfile): CaseSketch[] {
  const version = client.versions.value.at(-1) ?? '14.0';
  const { request, answer } = conversationOf('Sync', version);
  const coded = (coding: string, pack: (bytes: Buffer) => Buffer): CaseSketch[] => [
    {
      client,
      command: 'Sync',
      what: `answer in ${coding}`,
      answer: {
        body: pack(answer.body),
        lines: [
          ['Content-Encoding', coding],
          ['Vary', 'Accept-Encoding'],
        ],
      },
    },
    {
      client,
      command: 'Sync',
      what: `request in ${coding}`,
      body: pack(request.body),
      ask: { extra: [['Content-Encoding', coding]] },
    },
  ];
  return [...coded('gzip', gzipSync), ...coded('deflate', deflateSync)];
}

function framings(client: ClientProfile): CaseSketch[] {
  const multipart = multipartAnswer(varied(5000));
  const sync = { client, command: 'Sync' } as const;
  return [
    { ...sync, chunked: true, what: 'request in chunks' },
    { ...sync, what: 'answer in chunks', answer: { framing: 'chunked' } },
    {
      ...sync,
      what: 'answer in gzip and chunks',
      answer: { framing: 'chunked', body: gzipSync(varied(50_000)), lines: [['Content-Encoding', 'gzip']] },
    },
    {
      ...sync,
      what: 'answer that ends with its connection',
      answer: { framing: 'close', lines: [['Connection', 'close']] },
    },
    { ...sync, what: 'answer with a length that closes', answer: { lines: [['Connection', 'close']] } },
    { ...sync, what: 'with Expect: 100-continue', ask: { extra: [['Expect', '100-continue']] } },
    {
      client,
      command: 'ItemOperations',
      what: 'multipart',
      ask: { acceptMultiPart: true },
      answer: multipart,
    },
    {
      client,
      command: 'ItemOperations',
      what: 'multipart in chunks',
      ask: { acceptMultiPart: true },
      answer: { ...multipart, framing: 'chunked' },
    },
  ];
}

/** One of each per client would be many megabytes for nothing new: the large ones are sent by two kinds. */
function large(client: ClientProfile): CaseSketch[] {
  if (client.name !== 'ios-mail' && client.name !== 'legacy') return [];
  const mail = varied(MAIL_BYTES);
  const attachment = multipartAnswer(varied(ATTACHMENT_BYTES));
  return [
    { client, command: 'SendMail', body: mail, what: 'of 3 MB' },
    { client, command: 'SendMail', body: mail, chunked: true, what: 'of 3 MB in chunks' },
    { client, command: 'SmartReply', body: mail.subarray(0, 65_536), what: 'of 64 KiB, all that is held' },
    {
      client,
      command: 'SmartForward',
      body: mail.subarray(0, 65_537),
      what: 'of one byte more than is held',
    },
    {
      client,
      command: 'ItemOperations',
      ask: { acceptMultiPart: true },
      answer: attachment,
      what: 'answered by 700 kB',
    },
    {
      client,
      command: 'ItemOperations',
      ask: { acceptMultiPart: true },
      answer: { ...attachment, framing: 'chunked' },
      what: 'answered by 700 kB in chunks',
    },
  ];
}
