// The peers' WBXML against known documents, against libwbxml, and against itself.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokens, type Tag } from './code-pages.ts';
import { decode, WbxmlError } from './decode.ts';
import { element, type Element } from './element.ts';
import { encode, encodeAround } from './encode.ts';

const blocked: [string, Element, string][] = [
  ['Sync', element('AirSync:Sync', element('AirSync:Status', '129')), '03016A00454E033132390001 01'],
  [
    'FolderSync',
    element('FolderHierarchy:FolderSync', element('FolderHierarchy:Status', '129')),
    '03016A000007564C033132390001 01',
  ],
  ['Ping', element('Ping:Ping', element('Ping:Status', '129')), '03016A00000D4547033132390001 01'],
  [
    'Provision',
    element('Provision:Provision', element('Provision:Status', '129')),
    '03016A00000E454B033132390001 01',
  ],
  [
    'Settings',
    element('Settings:Settings', element('Settings:Status', '129')),
    '03016A0000124546033132390001 01',
  ],
  [
    'ItemOperations',
    element('ItemOperations:ItemOperations', element('ItemOperations:Status', '129')),
    '03016A000014454D033132390001 01',
  ],
  ['Search', element('Search:Search', element('Search:Status', '129')), '03016A00000F454C033132390001 01'],
  [
    'SendMail',
    element('ComposeMail:SendMail', element('ComposeMail:Status', '129')),
    '03016A0000154552033132390001 01',
  ],
  [
    'SmartForward',
    element('ComposeMail:SmartForward', element('ComposeMail:Status', '129')),
    '03016A0000154652033132390001 01',
  ],
  [
    'SmartReply',
    element('ComposeMail:SmartReply', element('ComposeMail:Status', '129')),
    '03016A0000154752033132390001 01',
  ],
  ['an expired Ping', element('Ping:Ping', element('Ping:Status', '1')), '03016A00000D45470331000101'],
];

/** Tags that libwbxml 0.11.8 does not know (MS-ASWBXML 16.1 additions); they are covered by fixed vectors here. */
function unknownToLibwbxml(tag: Tag): boolean {
  return tag.startsWith('Find:') || tag === 'Provision:AccountOnlyRemoteWipe';
}

/** Where libwbxml spells a name otherwise than MS-ASWBXML, but for upper and lower case. */
const spelledByLibwbxml: Partial<Record<Tag, string>> = {
  'Email:ReplyTo': 'Email:Reply-To',
  'Email:Status': 'Email:FlagStatus',
  'Calendar:DtStamp': 'Calendar:DTStamp',
  'Calendar:OrganizerEmail': 'Calendar:Organizer_Email',
  'Calendar:OrganizerName': 'Calendar:Organizer_Name',
  'Provision:RequireStorageCardEncryption': 'Provision:DeviceEncryptionEnabled',
};

describe('WBXML', () => {
  it.each(blocked)(
    'writes and reads the blocked-device answer for %s as the specification has it',
    (_, document, hex) => {
      const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
      expect(encode(document)).toEqual(bytes);
      expect(decode(bytes)).toEqual(document);
    },
  );

  it('knows the 16.1 additions that libwbxml does not: Find and AccountOnlyRemoteWipe', () => {
    const find = element('Find:Find', element('Find:SearchId', 'a'), element('Find:ExecuteSearch'));
    expect(encode(find).toString('hex')).toBe('03016a0000194546036100010701');
    const wipe = element('Provision:Provision', element('Provision:AccountOnlyRemoteWipe'));
    expect(encode(wipe).toString('hex')).toBe('03016a00000e453b01');
  });

  it('reads back whatever it wrote', () => {
    fc.assert(
      fc.property(documents(), (document) => {
        expect(decode(encode(document))).toEqual(document);
      }),
      { numRuns: 300 },
    );
  });

  it('answers arbitrary bytes with a document or a WbxmlError, nothing else', () => {
    const noise = fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 200 }));
    fc.assert(
      fc.property(noise, ([withHeader, bytes]) => {
        const result = outcome(withHeader ? Buffer.concat([Buffer.from([3, 1, 0x6a, 0]), bytes]) : bytes);
        expect(result instanceof WbxmlError || Object.hasOwn(result as object, 'tag')).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['another version', '02016A0045010'],
    ['another public identifier', '03026A00450101'],
    ['another character set', '03010400450101'],
    ['a string table', '03016A0101450101'],
    ['an attribute', '03016A00C50101'],
    ['an entity', '03016A0045020A01'],
    ['an unknown tag', '03016A0051'],
    ['an unknown code page', '03016A00006305'],
    ['a missing end', '03016A00454E033100'],
    ['bytes after the end', '03016A000505'],
    ['a text without end', '03016A00450331'],
    ['a text that is not UTF-8', '03016A004503FF0001'],
    ['opaque data that is cut off', '03016A0045C3050101'],
    ['an endless length', '03016A0045C3FFFFFFFFFFFF01'],
    ['an empty document', '03016A00'],
  ])('refuses %s', (_, hex) => {
    expect(() => decode(Buffer.from(hex, 'hex'))).toThrow(WbxmlError);
  });

  it('refuses to nest without bound', () => {
    expect(() => decode(Buffer.concat([Buffer.from([3, 1, 0x6a, 0]), Buffer.alloc(100, 0x45)]))).toThrow(
      /nested/,
    );
  });

  it('encodes around a text that is streamed', () => {
    const document = element('ItemOperations:Data', '@@', element('ItemOperations:Status', '1'));
    const { before, after } = encodeAround(document, '@@');
    expect(decode(Buffer.concat([before, Buffer.from('hello'), after]))).toEqual(
      element('ItemOperations:Data', 'hello', element('ItemOperations:Status', '1')),
    );
  });
});

describe('WBXML read by libwbxml', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'wbxml-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  function wbxml2xml(bytes: Uint8Array): string {
    const [input, output] = [join(folder, 'in.wbxml'), join(folder, 'out.xml')];
    writeFileSync(input, bytes);
    execFileSync('wbxml2xml', ['-m', '0', '-l', 'ACTIVESYNC', '-o', output, input], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return readFileSync(output, 'utf8');
  }

  it('has the same name for every tag of every code page', () => {
    const tags = [...tokens.keys()].filter((tag) => !unknownToLibwbxml(tag));
    const xml = wbxml2xml(encode(element('AirSync:Sync', ...tags.map((tag) => element(tag)))));
    expect(xml).not.toContain('unknown');
    const names = [...xml.matchAll(/<([A-Za-z0-9_-]+)(?: xmlns="([A-Za-z0-9]+):")?\/>/g)].map(
      ([, name, namespace]) => {
        return `${namespace ?? 'AirSync'}:${name}`.toLowerCase();
      },
    );
    expect(names).toEqual(tags.map((tag) => (spelledByLibwbxml[tag] ?? tag).toLowerCase()));
  });

  it('gives the text and the structure that were meant', () => {
    const ping = element(
      'Ping:Ping',
      element('Ping:HeartbeatInterval', 470),
      element(
        'Ping:Folders',
        element('Ping:Folder', element('Ping:Id', '5'), element('Ping:Class', 'Email')),
      ),
    );
    expect(wbxml2xml(encode(ping))).toContain(
      '<HeartbeatInterval>470</HeartbeatInterval><Folders><Folder><Id>5</Id><Class>Email</Class></Folder></Folders></Ping>',
    );
  });
});

function documents(): fc.Arbitrary<Element> {
  const tag = fc.constantFrom(...tokens.keys());
  const text = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((value) => !value.includes('\0') && value.isWellFormed());
  const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));
  const { tree } = fc.letrec<{ tree: Element }>((tie) => ({
    tree: fc.record({
      tag,
      children: fc.oneof(
        { depthSize: 'small' },
        fc.constant([]),
        fc.tuple(text),
        fc.tuple(bytes),
        fc.array(tie('tree'), { maxLength: 4 }),
      ),
    }),
  }));
  return tree;
}

function outcome(bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch (error) {
    return error;
  }
}
