// The gateway's WBXML against libwbxml up to version 16.0, against fixed documents for 16.1, and cut into any pieces.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allTags, type Tag, tagOf } from '../../../gateway/eas/code-pages.ts';
import { WbxmlDecoder, type WbxmlVisitor } from '../../../gateway/eas/wbxml-decoder.ts';
import { element, type Element, encodeWbxml } from '../../../gateway/eas/wbxml-encoder.ts';
import { tokens } from '../../peers/wbxml/code-pages.ts';
import { decodeTree, encodeTree, type XmlElement } from './libwbxml.ts';

/** What version 16.1 added, which libwbxml 0.11.8 does not know. */
const ADDED_BY_16_1 =
  /^(?:Find:|Provision:AccountOnlyRemoteWipe$|MeetingResponse:Proposed(?:Start|End)Time$)/;

/** Where libwbxml calls a tag otherwise than MS-ASWBXML does. */
const NAMES_OF_LIBWBXML: Readonly<Record<string, string>> = {
  'Email:ReplyTo': 'Reply-To',
  'Email:Status': 'FlagStatus',
  'Calendar:Email': 'Attendee_Email',
  'Calendar:Name': 'Attendee_Name',
  'Calendar:AttendeeStatus': 'Attendee_Status',
  'Calendar:AttendeeType': 'Attendee_Type',
  'Calendar:CompressedRTF': 'Compressed_RTF',
  'Calendar:Deleted': 'Exception_Deleted',
  'Calendar:ExceptionStartTime': 'Exception_StartTime',
  'Calendar:OrganizerEmail': 'Organizer_Email',
  'Calendar:OrganizerName': 'Organizer_Name',
  'Provision:RequireStorageCardEncryption': 'DeviceEncryptionEnabled',
  'Settings:RightsManagementInformation': 'ihsManagementInformation',
  'ComposeMail:Name': 'ForwardeeName',
  'ComposeMail:Email': 'ForwardeeEmail',
  'RightsManagement:Owner': 'RMOwner',
  'RightsManagement:RemoveRightsManagementProtection': 'RemoveRightsManagementDistribution',
};
const RECURRENCE =
  /^(?:Email|Calendar|Tasks):(Type|Start|Until|Occurrences|Interval|DayOf\w+|WeekOfMonth|MonthOfYear|Regenerate|DeadOccur)$/;

/** What holds bytes rather than text: libwbxml shows them in base64. */
const BINARY =
  /^(?:(?:ResolveRecipients|GAL):Data|AirSyncBase:Content|ComposeMail:Mime|(?:Search|ItemOperations|Email2):ConversationId|Email2:ConversationIndex)$/;

function nameByLibwbxml(name: string): string {
  const [page = '', local = ''] = name.split(':');
  const recurrence = RECURRENCE.exec(name)?.[1];
  return `${page}:${recurrence === undefined ? (NAMES_OF_LIBWBXML[name] ?? local) : `Recurrence_${recurrence}`}`;
}

const KNOWN_TO_LIBWBXML = [...allTags()].filter(([name]) => !ADDED_BY_16_1.test(name));

/** All tags that libwbxml knows, as it spells them. */
function spelling(): ReadonlyMap<Tag, string> {
  const tags = KNOWN_TO_LIBWBXML.map(([, tag]) => tag);
  const root = decodeTree(encodeWbxml(element(tagOf('AirSync', 'Sync'), ...tags.map((tag) => element(tag)))));
  return new Map(tags.map((tag, at) => [tag, (root.content[at] as XmlElement).name]));
}

/** Builds the document again from what a visitor is told. */
class Rebuilt implements WbxmlVisitor {
  private readonly open: { tag: Tag; content: (Element | string)[] }[] = [];

  get root(): Element | undefined {
    return this.open[0];
  }

  element(tag: Tag, depth: number): void {
    const built = { tag, content: [] };
    this.open[depth - 1]?.content.push(built);
    this.open.length = depth;
    this.open.push(built);
  }

  text(value: string, tag: Tag, depth: number): void {
    if (this.open[depth]?.tag !== tag) throw new Error('text of another element');
    this.open[depth]?.content.push(value);
  }
}

function decoded(pieces: readonly Buffer[]): Element | undefined {
  const rebuilt = new Rebuilt();
  const decoder = new WbxmlDecoder(rebuilt);
  for (const piece of pieces) if (!decoder.push(piece)) return undefined;
  return decoder.end() ? rebuilt.root : undefined;
}

/** Documents as phones and servers send them: an element holds one text, or elements, or nothing. */
function documents(tags: readonly Tag[]): fc.Arbitrary<Element> {
  const text = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
    .filter((value) => /^[^\p{C}\s]+(?: [^\p{C}\s]+)*$/u.test(value) && Buffer.byteLength(value) <= 64);
  const tag = fc.constantFrom(...tags);
  const { tree } = fc.letrec<{ tree: Element }>((tie) => ({
    tree: fc.record({
      tag,
      content: fc.oneof(
        { maxDepth: 6, depthSize: 'small' },
        fc.constant([]),
        fc.tuple(text),
        fc.array(tie('tree'), { minLength: 1, maxLength: 5 }),
      ),
    }),
  }));
  return tree;
}

const inXml = (names: ReadonlyMap<Tag, string>, { tag, content }: Element): XmlElement => ({
  name: names.get(tag) ?? '',
  content: content.map((part) => (typeof part === 'string' ? part : inXml(names, part))),
});

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

describe('the tags of the gateway', () => {
  test('are those of libwbxml up to 16.0, page by page and token by token', () => {
    for (const [tag, name] of spelling()) {
      const own = KNOWN_TO_LIBWBXML.find(([, one]) => one === tag)?.[0] ?? '';
      expect(name.toLowerCase()).toBe(nameByLibwbxml(own).toLowerCase());
    }
  });

  test('are those of the peers, who have a table of their own', () => {
    for (const [name, { page, token }] of tokens) {
      const [own = '', local = ''] = name.split(':');
      const found = [...allTags()].find(([one]) => one.toLowerCase() === `${own}:${local}`.toLowerCase());
      expect([name, found?.[1]]).toEqual([name, page * 256 + token]);
    }
  });
});

describe('WBXML agrees with libwbxml', () => {
  const names = spelling();
  const textual = KNOWN_TO_LIBWBXML.filter(([name]) => !BINARY.test(name));
  const corpus = documents(textual.map(([, tag]) => tag));

  test('on documents that the gateway writes', () => {
    fc.assert(
      fc.property(corpus, (document) => {
        expect(decodeTree(encodeWbxml(document))).toEqual(inXml(names, document));
      }),
      { numRuns: 200 },
    );
  });

  test('on documents that the gateway reads, byte by byte', () => {
    fc.assert(
      fc.property(corpus, (document) => {
        const bytes = encodeTree(inXml(names, document));
        expect(decoded([...bytes].map((byte) => Buffer.from([byte])))).toEqual(document);
      }),
      { numRuns: 200 },
    );
  });

  test('on where opaque data ends, whose bytes the gateway passes over', () => {
    const binary = KNOWN_TO_LIBWBXML.filter(([name]) => BINARY.test(name)).map(([, tag]) => tag);
    expect(binary).toHaveLength(8);
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(fc.constantFrom(...binary), bytes, (tag, data) => {
        const content = [Buffer.from(data).toString('base64')];
        const root = { name: 'AirSync:Sync', content: [{ name: names.get(tag) ?? '', content }] };
        expect(decoded([encodeTree(root)])).toEqual(element(tagOf('AirSync', 'Sync'), element(tag)));
      }),
      { numRuns: 50 },
    );
  });
});

describe('WBXML', () => {
  test.each<[string, Element, string]>([
    [
      'a search by Find',
      element(
        tagOf('Find', 'Find'),
        element(tagOf('Find', 'SearchId'), 'a'),
        element(
          tagOf('Find', 'ExecuteSearch'),
          element(
            tagOf('Find', 'MailBoxSearchCriterion'),
            element(
              tagOf('Find', 'Query'),
              element(tagOf('AirSync', 'Class'), 'Email'),
              element(tagOf('Find', 'FreeText'), 'x'),
            ),
            element(
              tagOf('Find', 'Options'),
              element(tagOf('Find', 'Range'), '0-4'),
              element(tagOf('Find', 'DeepTraversal')),
            ),
          ),
        ),
      ),
      `03016A00 0019 45 46 03 6100 01 47 48 49 0000 50 03 456D61696C00 01 0019 4B 03 7800 01 01
       4C 4D 03 302D3400 01 0E 01 01 01 01`,
    ],
    [
      "Find's Status",
      element(tagOf('Find', 'Find'), element(tagOf('Find', 'Status'), '138')),
      '03016A00 0019 45 4A 03 31333800 01 01',
    ],
    [
      'the wipe of an account alone',
      element(
        tagOf('Provision', 'Provision'),
        element(tagOf('Provision', 'Status'), '1'),
        element(tagOf('Provision', 'AccountOnlyRemoteWipe')),
      ),
      '03016A00 000E 45 4B 03 3100 01 3B 01',
    ],
    [
      'a proposed time',
      element(
        tagOf('MeetingResponse', 'SendResponse'),
        element(tagOf('MeetingResponse', 'ProposedStartTime'), 'T'),
        element(tagOf('MeetingResponse', 'ProposedEndTime'), 'U'),
      ),
      '03016A00 0008 52 50 03 5400 01 51 03 5500 01 01',
    ],
  ])('of 16.1 is as its code pages say: %s', (_, document, bytes) => {
    expect(encodeWbxml(document).toString('hex')).toBe(hex(bytes).toString('hex'));
    expect(decoded([hex(bytes)])).toEqual(document);
  });

  test('says the same in whatever pieces it comes, whether it is sound or not', () => {
    const sound = documents([...allTags().values()]).map((document) => encodeWbxml(document));
    const noise = fc
      .array(fc.constantFrom(0, 1, 2, 3, 0x0d, 0x45, 0x48, 0x05, 0x41, 0xc3, 0x80, 0x84, 0xff), {
        maxLength: 80,
      })
      .map((bytes) => Buffer.from([3, 1, 0x6a, 0, ...bytes]));
    fc.assert(
      fc.property(
        fc.oneof(sound, noise),
        fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 12 }),
        (bytes, cuts) => {
          const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].toSorted(
            (a, b) => a - b,
          );
          const pieces = places.slice(1).map((end, at) => bytes.subarray(places[at], end));
          expect(decoded(pieces)).toEqual(decoded([bytes]));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('cuts a long text after 64 bytes, in whatever pieces it comes', () => {
    const document = encodeWbxml(element(tagOf('Ping', 'Ping'), 'x'.repeat(1000)));
    const cut = element(tagOf('Ping', 'Ping'), 'x'.repeat(64));
    expect(decoded([document])).toEqual(cut);
    expect(decoded([document.subarray(0, 50), document.subarray(50, 90), document.subarray(90)])).toEqual(
      cut,
    );
  });

  test('passes over opaque data without holding it', () => {
    const head = hex('03016A00 0015 45 50 C3 84808000');
    const decoder = new WbxmlDecoder(new Rebuilt());
    expect(decoder.push(head)).toBe(true);
    for (let sent = 0; sent < 8_388_608; sent += 65_536)
      expect(decoder.push(Buffer.alloc(65_536, 1))).toBe(true);
    expect(decoder.push(hex('01 01'))).toBe(true);
    expect(decoder.end()).toBe(true);
  });

  test('cannot be written of a text that would end too soon', () => {
    expect(() => encodeWbxml(element(tagOf('Ping', 'Ping'), 'a\0b'))).toThrow(TypeError);
  });
});
