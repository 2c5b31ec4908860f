// An element of a WBXML document, and the ways in which the peers read one.
import type { Tag } from './code-pages.ts';

/** What an element holds: elements, text (STR_I) or bytes (OPAQUE). */
export type Content = Element | string | Uint8Array;

export interface Element {
  readonly tag: Tag;
  readonly children: readonly Content[];
}

/** Builds an element; numbers become their decimal text, undefined and false children are left out. */
export function element(tag: Tag, ...children: (Content | number | undefined | false)[]): Element {
  const kept: Content[] = [];
  for (const child of children) {
    if (child === undefined || child === false) continue;
    kept.push(typeof child === 'number' ? String(child) : child);
  }
  return { tag, children: kept };
}

export function isElement(content: Content): content is Element {
  return typeof content === 'object' && 'tag' in content;
}

/** The child elements, in order; with a tag only those that carry it. */
export function childrenOf(parent: Element | undefined, tag?: Tag): Element[] {
  const found: Element[] = [];
  for (const child of parent?.children ?? []) {
    if (isElement(child) && (tag === undefined || child.tag === tag)) found.push(child);
  }
  return found;
}

/** The first element on the way `path` below `parent`, or undefined. */
export function find(parent: Element | undefined, ...path: Tag[]): Element | undefined {
  let at = parent;
  for (const tag of path) at = childrenOf(at, tag)[0];
  return at;
}

/** The text of the element on the way `path`; undefined when it is absent, '' when it is empty. */
export function textOf(parent: Element | undefined, ...path: Tag[]): string | undefined {
  const at = find(parent, ...path);
  if (!at) return undefined;
  return at.children.map((child) => (typeof child === 'string' ? child : '')).join('');
}

/** The bytes of an opaque element, or of its text. */
export function bytesOf(at: Element): Buffer {
  return Buffer.concat(
    at.children
      .filter((child) => !isElement(child))
      .map((child) => Buffer.from(child as string | Uint8Array)),
  );
}
