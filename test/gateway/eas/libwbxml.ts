// libwbxml's command line tools: a decoder and an encoder of another origin.
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFileSync, rmSync, writeFileSync, mkdtempSync } from 'node:fs';

/** An element as libwbxml names it: `page:name` with its texts and elements. */
export interface XmlElement {
  readonly name: string;
  readonly content: readonly (XmlElement | string)[];
}

const HEAD = `<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE ActiveSync PUBLIC "-//MICROSOFT//DTD ActiveSync//EN" "http://www.microsoft.com/">
`;

/**
 * The XML of a document.
 * @throws where libwbxml does not understand it, or does not know one of its tags.
 */
export function decodeToXml(bytes: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'wbxml-'));
  try {
    const [input, output] = [join(folder, 'in'), join(folder, 'out')];
    writeFileSync(input, bytes);
    execFileSync('wbxml2xml', ['-k', '-m', '0', '-l', 'ACTIVESYNC', '-o', output, input], { stdio: 'pipe' });
    const xml = readFileSync(output, 'utf8');
    if (xml.includes('<unknown')) throw new Error(`libwbxml does not know a tag: ${xml}`);
    return xml;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The root of a document, as libwbxml reads it. */
export function decodeTree(bytes: Uint8Array): XmlElement {
  return parseXml(decodeToXml(bytes));
}

/** The document that libwbxml writes for a root. */
export function encodeTree(root: XmlElement): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'wbxml-'));
  try {
    const [input, output] = [join(folder, 'in'), join(folder, 'out')];
    writeFileSync(input, HEAD + xmlOf(root, ''));
    execFileSync('xml2wbxml', ['-k', '-a', '-n', '-v', '1.3', '-o', output, input], { stdio: 'pipe' });
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function xmlOf({ name, content }: XmlElement, page: string): string {
  const [own = '', local = ''] = name.split(':');
  const namespace = own === page ? '' : ` xmlns="${own}:"`;
  const inside = content.map((part) => (typeof part === 'string' ? escaped(part) : xmlOf(part, own)));
  return `<${local}${namespace}>${inside.join('')}</${local}>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (_, hex?: string, decimal?: string, name?: string) =>
      name === undefined
        ? String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16))
        : (ENTITIES[name] ?? `&${name};`),
  );
}

/** Reads the XML that libwbxml writes: elements, one namespace each, text. */
function parseXml(xml: string): XmlElement {
  const body = xml.replace(/^[\s\S]*?<!DOCTYPE[^>]*>\s*/, '').trimEnd();
  const root: { name: string; content: (XmlElement | string)[] } = { name: '', content: [] };
  const open = [{ element: root, namespace: '' }];
  for (const [token] of body.matchAll(/<[^>]*>|[^<]+/g)) {
    const top = open.at(-1) as (typeof open)[number];
    if (!token.startsWith('<')) top.element.content.push(unescaped(token));
    else if (token.startsWith('</')) open.pop();
    else {
      const namespace = /xmlns="([^":]*):?"/.exec(token)?.[1] ?? top.namespace;
      const name = /^<([^\s/>]+)/.exec(token)?.[1] ?? '';
      const element = { name: `${namespace}:${name}`, content: [] as (XmlElement | string)[] };
      top.element.content.push(element);
      if (!token.endsWith('/>')) open.push({ element, namespace });
    }
  }
  return root.content[0] as XmlElement;
}
