// Finds and changes elements of a WBXML body by a path such as `Policy/Status` or `Settings:Model`: names from outer to inner,
// anywhere in the document; a name without a code page is one of Provision's.
import type { Tag } from '../peers/wbxml/code-pages.ts';
import { decode, WbxmlError } from '../peers/wbxml/decode.ts';
import { type Content, element, type Element, isElement } from '../peers/wbxml/element.ts';
import { encode } from '../peers/wbxml/encode.ts';

export interface ElementChange {
  readonly path: string;
  /** Undefined where any text is meant. */
  readonly text: string | undefined;
  /** The element is added instead. */
  readonly isAbsent: boolean;
}

/** Whether the body is a document with such an element; the text `` is that of an element without any content. */
export function hasElement(body: Buffer, path: string, text: string | undefined): boolean {
  const root = documentOf(body);
  if (root === undefined) return false;
  let isFound = false;
  changed(root, [], (at, ancestry) => {
    isFound ||= isMeant(at, ancestry, tagsOf(path), text);
    return at;
  });
  return isFound;
}

/** The body with every such element dropped, emptied or given another text, or with one added to the root. */
export function changeElements(
  body: Buffer,
  { path, text, isAbsent }: ElementChange,
  random: () => number,
): Buffer {
  const root = documentOf(body);
  if (root === undefined) throw new TypeError('the body is no document');
  const tags = tagsOf(path);
  if (isAbsent) return encode({ ...root, children: [...root.children, element(tags.at(-1) as Tag)] });
  const isDropped = random() < 0.5;
  const after = changed(root, [], (at, ancestry) => {
    if (!isMeant(at, ancestry, tags, text)) return at;
    if (isDropped && ancestry.length > 0) return undefined;
    return { ...at, children: at.children.some(isElement) ? [] : [`${textOf(at)}9`] };
  });
  return encode(after ?? root);
}

function documentOf(body: Buffer): Element | undefined {
  try {
    return decode(body);
  } catch (error) {
    if (error instanceof WbxmlError) return undefined;
    throw error;
  }
}

const tagsOf = (path: string): Tag[] =>
  path.split('/').map((name) => (name.includes(':') ? name : `Provision:${name}`) as Tag);

function isMeant(
  at: Element,
  ancestry: readonly Tag[],
  tags: readonly Tag[],
  text: string | undefined,
): boolean {
  const line = [...ancestry, at.tag].slice(-tags.length);
  const isThere = line.length === tags.length && line.every((tag, i) => tag === tags[i]);
  return isThere && (text === undefined || (!at.children.some(isElement) && textOf(at) === text));
}

function textOf({ children }: Element): string {
  return children.map((child) => (typeof child === 'string' ? child : '')).join('');
}

type Change = (at: Element, ancestry: readonly Tag[]) => Element | undefined;

function changed(at: Element, ancestry: readonly Tag[], change: Change): Element | undefined {
  const line = [...ancestry, at.tag];
  const children = at.children.flatMap((child): Content[] => {
    if (!isElement(child)) return [child];
    const after = changed(child, line, change);
    return after === undefined ? [] : [after];
  });
  return change({ ...at, children }, ancestry);
}
