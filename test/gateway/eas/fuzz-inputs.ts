// Bodies for the fuzzer: documents of the commands that the gateway looks at, what errs from them, and both compressed.
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { allTags, type Tag, tagOf } from '../../../gateway/eas/code-pages.ts';
import { element, type Element, encodeWbxml } from '../../../gateway/eas/wbxml-encoder.ts';
import type { Random } from '../http/fuzz-inputs.ts';

/** A body and the header that says how it is compressed. */
export interface FuzzedBody {
  readonly bytes: Buffer;
  readonly contentEncoding: string | undefined;
}

const ALL_TAGS: readonly Tag[] = [...allTags().values()];
const ROOTS: readonly Tag[] = [
  tagOf('AirSync', 'Sync'),
  tagOf('Ping', 'Ping'),
  tagOf('ItemOperations', 'ItemOperations'),
  tagOf('Provision', 'Provision'),
];
/** Where the gateway looks closer. */
const LIKELY: readonly Tag[] = [
  ...['SyncKey', 'Collections', 'Collection', 'CollectionId', 'Commands', 'Wait', 'HeartbeatInterval'].map(
    (name) => tagOf('AirSync', name),
  ),
  ...['HeartbeatInterval', 'Folders', 'Folder', 'Id', 'Status'].map((name) => tagOf('Ping', name)),
  ...['Fetch', 'Move', 'EmptyFolderContents'].map((name) => tagOf('ItemOperations', name)),
  ...['DeviceInformation', 'Model', 'OS', 'UserAgent'].map((name) => tagOf('Settings', name)),
];
const TEXTS = [
  '',
  '0',
  '1',
  '60',
  '480',
  '3540',
  '-1',
  '99999999',
  'a',
  'é',
  '\u{1f4e7}',
  'x'.repeat(63),
  'é'.repeat(64),
];
/** Bytes that mean something to a reader of WBXML. */
const TOKENS = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x0d, 0x40, 0x45, 0x47, 0x48, 0x80, 0x83, 0x84, 0xc3, 0xc5, 0xff,
];
const MAX_PARTS = 6;
const MAX_DEPTH = 40;

/** A text without NUL: most are short, a few far longer than the gateway keeps. */
function text(random: Random): string {
  return random.chance(200) ? 'x'.repeat(random.below(100_000)) : random.pick(TEXTS);
}

function tree(random: Random, tag: Tag, depth: number): Element {
  if (depth > MAX_DEPTH || random.chance(4)) return element(tag);
  if (random.chance(3)) return element(tag, text(random));
  const parts = Array.from({ length: random.below(MAX_PARTS / (1 + depth / 4)) }, () =>
    tree(random, random.pick(random.chance(4) ? ALL_TAGS : LIKELY), depth + 1),
  );
  return element(tag, ...parts);
}

/** A chain of elements, one within the other: around the depth that the gateway follows. */
function nested(random: Random): Element {
  let inner = element(random.pick(LIKELY));
  for (let depth = random.below(MAX_DEPTH); depth > 0; depth--) inner = element(random.pick(LIKELY), inner);
  return inner;
}

function mutated(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  const length = random.below(9);
  switch (random.below(6)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.below(256)]), bytes.subarray(at + 1)]);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.pick(TOKENS)]), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + 40), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), opaque(random), bytes.subarray(at)]);
    default:
      return bytes.subarray(0, at);
  }
}

/** Opaque data whose length is right, or lies. */
function opaque(random: Random): Buffer {
  const data = Buffer.alloc(random.below(300), random.below(256));
  const said = random.chance(4) ? random.below(2 ** 31) : data.length;
  const length = [said >>> 28, said >>> 21, said >>> 14, said >>> 7, said].map((bits) => bits & 0x7f);
  const first = length.findIndex((bits) => bits > 0);
  const shortest = first < 0 ? [0] : length.slice(first);
  const last = shortest.length - 1;
  return Buffer.concat([
    Buffer.from([0xc3, ...shortest.map((bits, place) => (place < last ? bits | 0x80 : bits))]),
    data,
  ]);
}

function noise(random: Random): Buffer {
  const bytes = Array.from({ length: random.below(200) }, () =>
    random.chance(2) ? random.pick(TOKENS) : random.below(256),
  );
  return Buffer.from(random.chance(3) ? bytes : [0x03, 0x01, 0x6a, 0x00, ...bytes]);
}

function document(random: Random): Buffer {
  switch (random.below(8)) {
    case 0:
      return noise(random);
    case 1:
      return encodeWbxml(nested(random));
    case 2:
      return Buffer.alloc(0);
    default:
      return encodeWbxml(tree(random, random.pick(ROOTS), 0));
  }
}

function mutations(random: Random, bytes: Buffer): Buffer {
  let result = bytes;
  for (let i = random.below(4); i > 0; i--) result = mutated(random, result);
  return result;
}

/** A body, sound or not. */
export function fuzzedBody(random: Random): FuzzedBody {
  const plain = mutations(random, document(random));
  if (!random.chance(3)) return { bytes: plain, contentEncoding: undefined };
  const content = random.chance(50) ? Buffer.alloc(random.below(20_000_000), 0x45) : plain;
  const [contentEncoding, compress] = random.pick([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['x-gzip', gzipSync],
  ] as const);
  const bytes = compress(content, { level: 1 });
  const said = random.chance(10)
    ? random.pick(['br', 'gzip, gzip', '', 'identity', '\x80'])
    : contentEncoding;
  return { bytes: random.chance(2) ? mutations(random, bytes) : bytes, contentEncoding: said };
}
