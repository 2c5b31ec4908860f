// The documents of one manifest file, as kubectl would read them, with the line of every field.
import {
  type Document,
  isAlias,
  isDocument,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Tags,
} from 'yaml';

/** Field names and list positions from the document's root. */
export type FieldPath = readonly (string | number)[];

/** One document: either its value or why it cannot be read. Lines count from 1. */
export type ManifestDocument =
  | { readonly line: number; readonly value: unknown; lineOf(path: FieldPath): number }
  | { readonly line: number; readonly error: string };

/** More than anybody writes, and little enough to read a hundred times a minute. */
const MAX_DOCUMENTS = 5_000;
/** Uses of anchors, weighed by what they stand for: a "billion laughs" is refused. */
const MAX_ALIASES = 1_000;
const TOO_DEEP = 'is nested too deeply';

/**
 * Reads every document of a YAML or JSON text; empty ones are left out. YAML 1.1 as kubectl reads it (`yes` and `n` are
 * booleans, `<<` merges), without its dates and base-60 numbers, which kubectl does not read either.
 */
export function readDocuments(text: string): ManifestDocument[] {
  const lineCounter = new LineCounter();
  let documents: Document.Parsed[];
  try {
    const parsed = parseAllDocuments(text, { version: '1.1', customTags: kubectlTags, lineCounter });
    documents = Array.isArray(parsed) ? parsed : [];
  } catch (error) {
    return [{ line: 1, error: describe(error) }];
  }
  if (documents.length > MAX_DOCUMENTS) {
    return [{ line: 1, error: `holds more than ${MAX_DOCUMENTS} documents: split the file` }];
  }
  return documents
    .filter((document) => document.errors.length > 0 || !isEmpty(document))
    .map((document) => readDocument(document, lineCounter));
}

function isEmpty({ contents }: Document.Parsed): boolean {
  return contents === null || (isScalar(contents) && contents.value === null);
}

function readDocument(document: Document.Parsed, lineCounter: LineCounter): ManifestDocument {
  const lineAt = (node: Node | null | undefined) => lineCounter.linePos(node?.range?.[0] ?? 0).line;
  const line = lineAt(document.contents);
  const [error] = document.errors;
  if (error !== undefined) return { line: lineCounter.linePos(error.pos[0]).line, error: describe(error) };
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { line, value, lineOf: (path) => lineAt(nearestNode(document, path)) };
  } catch (error) {
    return { line, error: describe(error) };
  }
}

/** The key or list item that `path` names, or the nearest one above it that is there. */
function nearestNode(document: Document.Parsed, path: FieldPath): Node | null {
  let node: unknown = document.contents;
  let nearest: Node | null = document.contents;
  for (const step of path) {
    const found = childNode(resolveAlias(node, document), step);
    if (found === undefined) break;
    nearest = found.at;
    node = found.node;
  }
  return nearest;
}

function childNode(parent: unknown, step: string | number): { at: Node; node: unknown } | undefined {
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
    return pair === undefined ? undefined : { at: pair.key as Node, node: pair.value };
  }
  if (isSeq(parent)) {
    const item = parent.items[Number(step)] as Node | undefined;
    return item === undefined ? undefined : { at: item, node: item };
  }
  return undefined;
}

function resolveAlias(node: unknown, document: Document.Parsed): unknown {
  return isAlias(node) && isDocument(document) ? node.resolve(document) : node;
}

function kubectlTags(tags: Tags): Tags {
  return tags.filter(
    (tag) =>
      typeof tag === 'string' ||
      (tag.tag !== 'tag:yaml.org,2002:timestamp' && !('format' in tag && tag.format === 'TIME')),
  );
}

/** The library quotes the text after a colon, and that may be a secret: what it says stays, the quotation does not. */
function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RangeError || message.startsWith('Maximum call stack')) return TOO_DEEP;
  const [line = ''] = message.split('\n');
  return line.replace(/ at line \d+, column \d+:?$/, '').replace(/: .*$/, '');
}
