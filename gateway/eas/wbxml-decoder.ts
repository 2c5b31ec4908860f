// A strict decoder of WBXML as ActiveSync uses it (MS-ASWBXML 2.1): it reads a document piece by piece and keeps nothing of it.
import type { Tag } from './code-pages.ts';

const MAX_DEPTH = 32;
/** Text longer than this many bytes is of no interest to the visitor and reaches it cut. */
const MAX_TEXT = 64;
/** Of a length, as a multi-byte integer. */
const MAX_LENGTH_BYTES = 4;

const SWITCH_PAGE = 0x00;
const END = 0x01;
const STR_I = 0x03;
const OPAQUE = 0xc3;
const HAS_CONTENT = 0x40;
const HAS_ATTRIBUTES = 0x80;
const TOKEN = 0x3f;
const FIRST_TAG = 0x05;
/** Version 1.3, public id "unknown", UTF-8, no string table: what every ActiveSync document begins with. */
const PROLOGUE = [0x03, 0x01, 0x6a, 0x00] as const;
const NOTHING = Buffer.alloc(0);

/** Is told what a document holds, in its order. */
export interface WbxmlVisitor {
  /** `depth` of the root is 0, `parent` that of the root is -1. */
  element(tag: Tag, depth: number, parent: Tag): void;
  /** Text (inline string) of the element `tag`, whose depth is `depth`. */
  text(value: string, tag: Tag, depth: number): void;
}

/** What the next byte is. */
type Expected = 'Prologue' | 'Token' | 'Page' | 'Text' | 'OpaqueLength' | 'Opaque' | 'Nothing';

/**
 * Takes a document in pieces of any size. It understands page switches, tags without attributes, inline strings and opaque data;
 * of anything else, and of more than 32 levels, it takes nothing further: `push` returns false and `end` as well. Never throws.
 */
export class WbxmlDecoder {
  private readonly visitor: WbxmlVisitor;
  private readonly open: Tag[] = [];
  private expected: Expected = 'Prologue';
  /** The byte of the prologue, or of a length, that comes next. */
  private nth = 0;
  private page = 0;
  private rooted = false;
  /** The beginning of a text that goes on in the next piece. */
  private textBegun = NOTHING;
  /** Of opaque data: its length as far as it is known, then the bytes that are still to come. */
  private opaqueBytes = 0;

  constructor(visitor: WbxmlVisitor) {
    this.visitor = visitor;
  }

  /** @returns false where this is no document that it understands; the visitor may then have seen a part of it. */
  push(piece: Buffer): boolean {
    let at = 0;
    while (at < piece.length && this.expected !== 'Nothing') {
      switch (this.expected) {
        case 'Text':
          at = this.readText(piece, at);
          break;
        case 'Opaque':
          at = this.skipOpaque(piece, at);
          break;
        default:
          if (!this.readByte(piece[at++] as number)) this.expected = 'Nothing';
      }
    }
    return this.expected !== 'Nothing';
  }

  /** @returns true where exactly one complete document was read. */
  end(): boolean {
    return this.expected === 'Token' && this.rooted && this.open.length === 0;
  }

  private readByte(byte: number): boolean {
    switch (this.expected) {
      case 'Token':
        return this.token(byte);
      case 'Page':
        this.page = byte;
        this.expected = 'Token';
        return true;
      case 'OpaqueLength':
        return this.opaqueLength(byte);
      default:
        return this.prologue(byte);
    }
  }

  private prologue(byte: number): boolean {
    if (byte !== PROLOGUE[this.nth]) return false;
    this.nth++;
    if (this.nth === PROLOGUE.length) this.expected = 'Token';
    return true;
  }

  private token(token: number): boolean {
    const depth = this.open.length;
    if (this.rooted && depth === 0) return false;
    switch (token) {
      case SWITCH_PAGE:
        this.expected = 'Page';
        return true;
      case END:
        return this.open.pop() !== undefined;
      case STR_I:
        this.expected = 'Text';
        return depth > 0;
      case OPAQUE:
        this.expected = 'OpaqueLength';
        this.nth = 0;
        this.opaqueBytes = 0;
        return depth > 0;
      default:
        return this.tag(token, depth);
    }
  }

  private tag(token: number, depth: number): boolean {
    if ((token & HAS_ATTRIBUTES) !== 0 || (token & TOKEN) < FIRST_TAG) return false;
    const tag = this.page * 256 + (token & TOKEN);
    this.visitor.element(tag, depth, this.open[depth - 1] ?? -1);
    this.rooted = true;
    return (token & HAS_CONTENT) === 0 || this.open.push(tag) <= MAX_DEPTH;
  }

  private readText(piece: Buffer, at: number): number {
    const end = piece.indexOf(0, at);
    const room = MAX_TEXT - this.textBegun.length;
    const till = Math.min(end < 0 ? piece.length : end, at + room);
    if (end < 0) {
      if (room > 0) this.textBegun = Buffer.concat([this.textBegun, piece.subarray(at, till)]);
      return piece.length;
    }
    this.visitor.text(this.wholeText(piece, at, till), this.open.at(-1) as Tag, this.open.length - 1);
    this.expected = 'Token';
    return end + 1;
  }

  private wholeText(piece: Buffer, at: number, till: number): string {
    const begun = this.textBegun;
    if (begun.length === 0) return piece.toString('utf8', at, till);
    this.textBegun = NOTHING;
    return Buffer.concat([begun, piece.subarray(at, till)]).toString('utf8');
  }

  /** Seven bits of each byte; the eighth says that another one follows. */
  private opaqueLength(byte: number): boolean {
    this.opaqueBytes = this.opaqueBytes * 128 + (byte & 0x7f);
    if ((byte & 0x80) !== 0) return ++this.nth < MAX_LENGTH_BYTES;
    this.expected = this.opaqueBytes > 0 ? 'Opaque' : 'Token';
    return true;
  }

  private skipOpaque(piece: Buffer, at: number): number {
    const skipped = Math.min(this.opaqueBytes, piece.length - at);
    this.opaqueBytes -= skipped;
    if (this.opaqueBytes === 0) this.expected = 'Token';
    return at + skipped;
  }
}
