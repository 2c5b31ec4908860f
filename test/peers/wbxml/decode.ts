// Reads WBXML 1.3 as ActiveSync uses it (MS-ASWBXML), strictly: whatever the specification does not allow is an error.
import { isKnownPage, tagOf, type Tag } from './code-pages.ts';
import type { Content, Element } from './element.ts';

const deepest = 32;

/** Not the WBXML that ActiveSync allows; `offset` is the byte where reading stopped. */
export class WbxmlError extends Error {
  override readonly name = 'WbxmlError';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`${message} at byte ${offset}`);
    this.offset = offset;
  }
}

/**
 * Decodes a whole document and returns its root.
 *
 * @throws {WbxmlError} on anything but one well-formed document in version 1.3, public id 1, UTF-8, without string
 *   table, attributes, entities or extensions (MS-ASWBXML 2.1.1)
 */
export function decode(bytes: Uint8Array): Element {
  return new Reader(bytes).document();
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  #page = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  document(): Element {
    this.#expect(0x03, 'version 1.3');
    this.#expect(0x01, 'public identifier 1');
    this.#expect(0x6a, 'character set UTF-8');
    this.#expect(0x00, 'an empty string table');
    let token = this.#byte();
    while (token === 0x00) {
      this.#switchPage();
      token = this.#byte();
    }
    const root = this.#element(token, 1);
    if (this.#at !== this.#bytes.length) this.#fail('bytes after the root element');
    return root;
  }

  #element(token: number, depth: number): Element {
    const at = this.#at - 1;
    if (depth > deepest) throw new WbxmlError(`nested deeper than ${deepest}`, at);
    if ((token & 0x3f) < 0x05) throw new WbxmlError(`token 0x${token.toString(16)} is not allowed`, at);
    if (token & 0x80) throw new WbxmlError('attributes are not allowed', at);
    const tag = tagOf(this.#page, token & 0x3f);
    if (!tag) throw new WbxmlError(`no tag 0x${(token & 0x3f).toString(16)} in code page ${this.#page}`, at);
    return { tag, children: token & 0x40 ? this.#content(tag, depth) : [] };
  }

  #content(tag: Tag, depth: number): Content[] {
    const children: Content[] = [];
    for (;;) {
      const token = this.#byte();
      switch (token) {
        case 0x00:
          this.#switchPage();
          break;
        case 0x01:
          return children;
        case 0x03:
          children.push(this.#string(tag));
          break;
        case 0xc3:
          children.push(this.#opaque());
          break;
        default:
          children.push(this.#element(token, depth + 1));
      }
    }
  }

  #string(tag: Tag): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) this.#fail(`the text of ${tag} has no end`);
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        this.#bytes.subarray(this.#at, end),
      );
      this.#at = end + 1;
      return text;
    } catch {
      return this.#fail(`the text of ${tag} is not UTF-8`);
    }
  }

  #opaque(): Buffer {
    let length = 0;
    for (let count = 1; ; count += 1) {
      if (count > 5) this.#fail('a length of more than five bytes');
      const byte = this.#byte();
      length = length * 128 + (byte & 0x7f);
      if (!(byte & 0x80)) break;
    }
    const end = this.#at + length;
    if (end > this.#bytes.length) this.#fail(`opaque data of ${length} bytes is cut off`);
    const data = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return data;
  }

  #switchPage(): void {
    const page = this.#byte();
    if (!isKnownPage(page)) this.#fail(`unknown code page ${page}`);
    this.#page = page;
  }

  #expect(value: number, what: string): void {
    if (this.#byte() !== value) this.#fail(`expected ${what}`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) return this.#fail('the document ends early');
    this.#at += 1;
    return byte;
  }

  #fail(message: string): never {
    throw new WbxmlError(message, this.#at);
  }
}
