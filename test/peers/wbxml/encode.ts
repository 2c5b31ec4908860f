// Writes WBXML 1.3 as ActiveSync uses it (MS-ASWBXML): UTF-8, inline strings, opaque data, no string table.
import { tokens } from './code-pages.ts';
import type { Content, Element } from './element.ts';

const header = Buffer.from([0x03, 0x01, 0x6a, 0x00]);
const switchPage = 0x00;
const end = 0x01;
const inlineString = 0x03;
const opaque = 0xc3;
const hasContent = 0x40;

/**
 * Encodes a document, header included.
 *
 * @throws {RangeError} when a text holds NUL, which an inline string cannot carry
 */
export function encode(root: Element): Buffer {
  const writer = new Writer();
  writer.element(root);
  return Buffer.concat([header, ...writer.parts]);
}

/** Encodes a document whose one text is too large to hold: what goes before and after the text `placeholder`. */
export function encodeAround(root: Element, placeholder: string): { before: Buffer; after: Buffer } {
  const whole = encode(root);
  const at = whole.indexOf(placeholder);
  if (at < 0) throw new RangeError(`the document does not hold ${placeholder}`);
  return { before: whole.subarray(0, at), after: whole.subarray(at + placeholder.length) };
}

class Writer {
  readonly parts: Buffer[] = [];
  #page = 0;

  element({ tag, children }: Element): void {
    const place = tokens.get(tag);
    if (!place) throw new RangeError(`unknown tag ${tag}`);
    if (place.page !== this.#page) {
      this.parts.push(Buffer.from([switchPage, place.page]));
      this.#page = place.page;
    }
    if (children.length === 0) {
      this.parts.push(Buffer.from([place.token]));
      return;
    }
    this.parts.push(Buffer.from([place.token | hasContent]));
    for (const child of children) this.#content(child);
    this.parts.push(Buffer.from([end]));
  }

  #content(content: Content): void {
    if (typeof content === 'string') {
      if (content.includes('\0')) throw new RangeError('text for an inline string must not hold NUL');
      this.parts.push(Buffer.from([inlineString]), Buffer.from(content), Buffer.from([0]));
    } else if (content instanceof Uint8Array) {
      this.parts.push(Buffer.from([opaque, ...multiByte(content.length)]), Buffer.from(content));
    } else {
      this.element(content);
    }
  }
}

function multiByte(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift((rest & 0x7f) | 0x80);
  }
  return bytes;
}
