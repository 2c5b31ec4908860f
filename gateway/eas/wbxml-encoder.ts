// Writes the small documents of the gateway's own answers as WBXML (MS-ASWBXML 2.1).
import type { Tag } from './code-pages.ts';

/** An element with what it holds; without anything it is an empty one. */
export interface Element {
  readonly tag: Tag;
  readonly content: readonly (Element | string)[];
}

const SWITCH_PAGE = 0x00;
const END = 0x01;
const STR_I = 0x03;
const HAS_CONTENT = 0x40;
/** Version 1.3, public id "unknown", UTF-8, no string table. */
const PROLOGUE = [0x03, 0x01, 0x6a, 0x00] as const;

export function element(tag: Tag, ...content: readonly (Element | string)[]): Element {
  return { tag, content };
}

/**
 * The document with this root.
 * @throws TypeError for a text with a NUL, which no inline string can hold.
 */
export function encodeWbxml(root: Element): Buffer {
  const bytes: number[] = [...PROLOGUE];
  writeElement(root, 0, bytes);
  return Buffer.from(bytes);
}

/** @returns the code page that is in force behind the element. */
function writeElement({ tag, content }: Element, page: number, bytes: number[]): number {
  let inForce = tag >> 8;
  if (inForce !== page) bytes.push(SWITCH_PAGE, inForce);
  const token = tag & 0xff;
  if (content.length === 0) {
    bytes.push(token);
    return inForce;
  }
  bytes.push(token | HAS_CONTENT);
  for (const part of content) {
    if (typeof part === 'string') writeText(part, bytes);
    else inForce = writeElement(part, inForce, bytes);
  }
  bytes.push(END);
  return inForce;
}

function writeText(text: string, bytes: number[]): void {
  if (text.includes('\0')) throw new TypeError('a text of WBXML cannot hold a NUL');
  bytes.push(STR_I, ...Buffer.from(text), 0);
}
