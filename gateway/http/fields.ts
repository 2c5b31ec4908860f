// Reads header lines: keeps what is end to end, judges what frames the message or belongs to one connection.
import { TOKEN_BYTE, allIn } from './bytes.ts';
import type { GrammarErrorCode } from './errors.ts';
import { CHUNKED } from './exchange.ts';
import { HeaderList } from './headers.ts';

const MAX_LENGTH_DIGITS = 15;
const HTAB = 0x09;
const SP = 0x20;
const COLON = 0x3a;
const LOWER_P = 0x70;
const ZERO = 0x30;

/** Between two neighbours only, whether Connection names them or not. */
const ALWAYS_DROPPED = new Set(['keep-alive', 'te', 'upgrade', 'trailer']);

/**
 * End-to-end fields that Connection must not remove on the way: a server would read another request than this gateway judged.
 */
const NEVER_HOP_BY_HOP =
  /^(?:host|content-.*|transfer-encoding|authorization|cookie|set-cookie|expect|date|user-agent|accept.*|location|www-authenticate|retry-after|ms-.*|x-ms-.*|x-user-identity|x-forwarded-.*|forwarded)$/;

/** The names that `sortByName` tells apart. */
const SORTED_NAMES = [
  ...ALWAYS_DROPPED,
  'host',
  'expect',
  'connection',
  'content-length',
  'transfer-encoding',
  'authorization',
];

/** 1 where a name of this length and first letter may be one of them: spares nearly all others the comparison. */
const MAY_BE_SORTED = new Uint8Array(1024);
for (const name of SORTED_NAMES) MAY_BE_SORTED[nameKey(name)] = 1;

/** What was said about framing and the connection, taken out of the list. Reused from message to message. */
export class Fields {
  headers = new HeaderList();
  host: string | undefined;
  expect: string | undefined;
  /** Two lines of Host, Expect or Authorization. */
  duplicate: 'host' | 'expect' | 'authorization' | undefined;
  contentLength: number | undefined;
  chunked = false;
  close = false;
  /** Upgrade was there: what follows the message may be meant in another protocol. */
  upgrade = false;
  private transferEncoding: string | undefined;
  private authorized = false;
  private named: string[] | undefined;

  /** Reads lines that end in CRLF each, once between two calls of `clear`. Returns why they are refused, if they are. */
  read(text: string): GrammarErrorCode | undefined {
    const { length } = text;
    for (let start = 0; start < length;) {
      const end = text.indexOf('\r', start);
      const error = this.readLine(text, start, end);
      if (error !== undefined) return error;
      start = end + 2;
    }
    return this.judge();
  }

  /** The length of the body as the fields say, or undefined if they say nothing. */
  get bodyLength(): number | undefined {
    return this.chunked ? CHUNKED : this.contentLength;
  }

  /** Gets ready for the next message, and lets go of this one's strings. */
  clear(): void {
    this.headers = new HeaderList();
    this.host = undefined;
    this.expect = undefined;
    this.duplicate = undefined;
    this.contentLength = undefined;
    this.chunked = false;
    this.close = false;
    this.upgrade = false;
    this.transferEncoding = undefined;
    this.authorized = false;
    this.named = undefined;
  }

  private readLine(text: string, start: number, end: number): GrammarErrorCode | undefined {
    let colon = start;
    while (colon < end && TOKEN_BYTE[text.charCodeAt(colon)] === 1) colon++;
    if (colon === start || text.charCodeAt(colon) !== COLON) {
      const first = text.charCodeAt(start);
      return first === SP || first === HTAB ? 'FoldedHeader' : 'BadHeaderName';
    }
    let valueStart = colon + 1;
    let valueEnd = end;
    while (valueStart < valueEnd && isBlank(text.charCodeAt(valueStart))) valueStart++;
    while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--;
    const name = text.slice(start, colon);
    const value = text.slice(valueStart, valueEnd);
    if (MAY_BE_SORTED[nameKey(name)] === 1) {
      return this.sortByName(name, value, text.slice(colon + 1, end).includes('\t'));
    }
    if (!isProxyField(name)) this.headers.lines.push(name, value);
    return undefined;
  }

  /** `hasTab`: also around the value. Node and nginx take a tab there for a part of it, and then frame the body otherwise. */
  private sortByName(name: string, value: string, hasTab: boolean): GrammarErrorCode | undefined {
    const lowerName = name.toLowerCase();
    if (ALWAYS_DROPPED.has(lowerName)) {
      this.upgrade ||= lowerName === 'upgrade';
      return undefined;
    }
    switch (lowerName) {
      case 'host':
        if (this.host !== undefined) this.duplicate = 'host';
        this.host = hasTab ? '\t' : value;
        return undefined;
      case 'expect':
        if (this.expect !== undefined) this.duplicate = 'expect';
        this.expect = value;
        return undefined;
      case 'connection':
        return this.readConnection(value);
      case 'content-length':
        return this.readContentLength(hasTab ? '' : value);
      case 'transfer-encoding':
        if (this.transferEncoding !== undefined || hasTab) return 'BadTransferEncoding';
        this.transferEncoding = value;
        return undefined;
      case 'authorization':
        if (this.authorized) this.duplicate = 'authorization';
        this.authorized = true;
    }
    this.headers.lines.push(name, value);
    return undefined;
  }

  private readContentLength(value: string): GrammarErrorCode | undefined {
    if (this.contentLength !== undefined) return 'BadContentLength';
    this.contentLength = parseLength(value);
    return this.contentLength === undefined ? 'BadContentLength' : undefined;
  }

  private readConnection(value: string): GrammarErrorCode | undefined {
    if (value === 'keep-alive' || value === 'Keep-Alive') return undefined;
    for (const element of value.split(',')) {
      const option = element.replace(/^[\t ]+|[\t ]+$/g, '').toLowerCase();
      if (option === '') continue;
      if (!allIn(TOKEN_BYTE, option, 0, option.length)) return 'BadConnection';
      if (option === 'close') this.close = true;
      else if (NEVER_HOP_BY_HOP.test(option)) return 'BadConnection';
      else if (!ALWAYS_DROPPED.has(option)) (this.named ??= []).push(option);
    }
    return undefined;
  }

  private judge(): GrammarErrorCode | undefined {
    const { transferEncoding, named } = this;
    if (transferEncoding !== undefined) {
      if (this.contentLength !== undefined) return 'AmbiguousLength';
      if (transferEncoding.toLowerCase() !== 'chunked') {
        return allIn(TOKEN_BYTE, transferEncoding, 0, transferEncoding.length)
          ? 'UnknownTransferCoding'
          : 'BadTransferEncoding';
      }
      this.chunked = true;
    }
    if (named !== undefined) this.headers.removeWhere((lowerName) => named.includes(lowerName));
    return undefined;
  }
}

function isBlank(code: number): boolean {
  return code === SP || code === HTAB;
}

function nameKey(name: string): number {
  return ((name.charCodeAt(0) & 0x1f) << 5) | (name.length & 0x1f);
}

/** Proxy-Connection, Proxy-Authorization, …: between two neighbours only. */
function isProxyField(name: string): boolean {
  return (name.charCodeAt(0) | 0x20) === LOWER_P && name.slice(0, 6).toLowerCase() === 'proxy-';
}

/** Decimal digits without a sign or leading zeros, which some readers take for octal. */
function parseLength(text: string): number | undefined {
  if (text.length === 0 || text.length > MAX_LENGTH_DIGITS) return undefined;
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    length = length * 10 + digit;
  }
  return text.length > 1 && text.charCodeAt(0) === ZERO ? undefined : length;
}
