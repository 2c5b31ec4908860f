// A bounded, strict scanner of WBXML as ActiveSync uses it (MS-ASWBXML 2.1): it walks over a document and keeps nothing of it.

/** Documents above this size are not looked at. */
export const MAX_SCANNED_BYTES = 65_536;
const MAX_DEPTH = 32;

const SWITCH_PAGE = 0x00;
const END = 0x01;
const STR_I = 0x03;
const OPAQUE = 0xc3;
const HAS_CONTENT = 0x40;
const HAS_ATTRIBUTES = 0x80;
const FIRST_TAG = 0x05;
/** Version 1.3, public id "unknown", UTF-8, no string table: what every ActiveSync document begins with. */
const PROLOGUE = [0x03, 0x01, 0x6a, 0x00] as const;

/** An element as code page × 256 + token. */
export type Tag = number;

/** Is told what a document holds, in its order. */
export interface WbxmlVisitor {
  /** `depth` of the root is 0, `parent` that of the root is -1. */
  element(tag: Tag, depth: number, parent: Tag): void;
  /** Text (inline string) of the element `tag`, whose depth is `depth`. */
  text(value: string, tag: Tag, depth: number): void;
}

/** Text longer than this is of no interest to the visitor and reaches it cut. */
const MAX_TEXT = 64;

/**
 * Walks over a whole document.
 * @returns false for anything that is not exactly one complete, well-formed document of at most 64 KiB made of page
 * switches, tags without attributes, inline strings and opaque data; the visitor may then have seen a part of it.
 */
export function scanWbxml(bytes: Buffer, visitor: WbxmlVisitor): boolean {
  if (bytes.length > MAX_SCANNED_BYTES || PROLOGUE.some((byte, at) => bytes[at] !== byte)) return false;
  return new Scanner(bytes, visitor).scan();
}

class Scanner {
  private readonly bytes: Buffer;
  private readonly visitor: WbxmlVisitor;
  private readonly open: Tag[] = [];
  private at: number = PROLOGUE.length;
  private page = 0;
  private rooted = false;

  constructor(bytes: Buffer, visitor: WbxmlVisitor) {
    this.bytes = bytes;
    this.visitor = visitor;
  }

  scan(): boolean {
    const { length } = this.bytes;
    while (this.at < length) {
      if (this.rooted && this.open.length === 0) return false;
      if (!this.token(this.bytes[this.at++] as number)) return false;
    }
    return this.rooted && this.open.length === 0;
  }

  private token(token: number): boolean {
    switch (token) {
      case SWITCH_PAGE:
        return this.switchPage();
      case END:
        return this.open.pop() !== undefined;
      case STR_I:
        return this.inlineString();
      case OPAQUE:
        return this.opaque();
      default:
        return this.tag(token);
    }
  }

  private switchPage(): boolean {
    const page = this.bytes[this.at++];
    if (page === undefined) return false;
    this.page = page;
    return true;
  }

  private inlineString(): boolean {
    const tag = this.open.at(-1);
    const end = this.bytes.indexOf(0, this.at);
    if (tag === undefined || end < 0) return false;
    const text = this.bytes.toString('utf8', this.at, Math.min(end, this.at + MAX_TEXT));
    this.visitor.text(text, tag, this.open.length - 1);
    this.at = end + 1;
    return true;
  }

  /** A length (multi-byte integer, at most 4 bytes here) and that many bytes. */
  private opaque(): boolean {
    if (this.open.length === 0) return false;
    let length = 0;
    for (let i = 0; i < 4; i++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) return false;
      length = length * 128 + (byte & 0x7f);
      if ((byte & 0x80) !== 0) continue;
      this.at += length;
      return this.at <= this.bytes.length;
    }
    return false;
  }

  private tag(token: number): boolean {
    if ((token & HAS_ATTRIBUTES) !== 0 || (token & 0x3f) < FIRST_TAG) return false;
    const depth = this.open.length;
    const tag = this.page * 256 + (token & 0x3f);
    this.visitor.element(tag, depth, this.open[depth - 1] ?? -1);
    this.rooted = true;
    if ((token & HAS_CONTENT) === 0) return true;
    return this.open.push(tag) <= MAX_DEPTH;
  }
}
