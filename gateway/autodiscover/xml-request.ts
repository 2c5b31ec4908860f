// Reads an Autodiscover v1 request (MS-ASCMD 2.2.1.1). The parser is strict; documents with a DTD, and so entities of their own, are refused.
import { SaxesParser } from 'saxes';

/** The two texts of a request; empty where they are absent. */
export interface XmlRequest {
  readonly address: string;
  readonly acceptableSchema: string;
}

/** Thrown for what is no request: not well-formed, with a DTD, nested too deeply. */
export class XmlRequestError extends Error {
  readonly code = 'XmlRequest';
}

const MAX_DEPTH = 16;
const ADDRESS = 'Autodiscover/Request/EMailAddress';
const SCHEMA = 'Autodiscover/Request/AcceptableResponseSchema';

/**
 * Reads a document of at most 64 KiB in UTF-8. Prefixes of names do not matter.
 * @throws XmlRequestError
 */
export function parseXmlRequest(body: Buffer): XmlRequest {
  const texts = new Map<string, string>();
  const open: string[] = [];
  const parser = new SaxesParser();
  parser.on('error', refuse);
  parser.on('doctype', refuse);
  parser.on('opentagstart', ({ name }) => {
    if (open.push(name.slice(name.indexOf(':') + 1)) > MAX_DEPTH) refuse();
  });
  parser.on('closetag', () => void open.pop());
  const onText = (text: string): void => {
    const path = open.join('/');
    if (path === ADDRESS || path === SCHEMA) texts.set(path, (texts.get(path) ?? '') + text);
  };
  parser.on('text', onText);
  parser.on('cdata', onText);
  parser.write(textOf(body)).close();
  return { address: (texts.get(ADDRESS) ?? '').trim(), acceptableSchema: (texts.get(SCHEMA) ?? '').trim() };
}

function textOf(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return refuse();
  }
}

function refuse(): never {
  throw new XmlRequestError('the document is not well-formed, or not allowed here');
}
