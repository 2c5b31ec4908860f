// Bytes for the fuzzer: messages made by a grammar that errs now and then, and mutations of these and of the corpus.
import { ACCEPTED, INCOMPLETE, REFUSED } from './corpus.ts';

/** A random source that gives the same for the same seed (mulberry32). */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** An integer in [0, below). */
  below(below: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((((mixed ^ (mixed >>> 14)) >>> 0) * below) / 0x1_0000_0000) >>> 0;
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** Places to cut so many bytes at. */
  cuts(length: number): number[] {
    if (length === 0) return [];
    if (this.chance(4)) return Array.from({ length: Math.min(length, 3000) }, (_, i) => i);
    return Array.from({ length: this.below(12) }, () => this.below(length));
  }
}

const METHODS = [
  'GET',
  'POST',
  'OPTIONS',
  'HEAD',
  'PUT',
  'PROPFIND',
  'FROB',
  'CONNECT',
  'TRACE',
  'get',
  'G T',
  '',
];
const TARGETS = [
  '/',
  '/Microsoft-Server-ActiveSync?Cmd=Sync',
  '/a?b#c',
  '*',
  'http://a/',
  'https://a/x',
  'a:1',
  '/\x80',
  '/a b',
  '',
  '/%00',
  '/"<>\\^`{|}',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/11',
  '',
];
const NAMES = [
  'Host',
  'Content-Length',
  'Transfer-Encoding',
  'Connection',
  'Expect',
  'Upgrade',
  'TE',
  'Trailer',
  'Keep-Alive',
  'Authorization',
  'Cookie',
  'X',
  'x-ms-policykey',
  'Proxy-Authorization',
  'X Y',
  '',
  'X\0',
  '"X"',
  '!#$%&*+^_`|~',
];
const VALUES = [
  'a',
  '',
  '0',
  '5',
  '00005',
  '+5',
  '5, 5',
  '99999999999999999999',
  '-1',
  '0x5',
  'chunked',
  'Chunked',
  'chunked, chunked',
  'gzip, chunked',
  'identity',
  'xchunked',
  'close',
  'keep-alive',
  'close, x',
  'upgrade',
  'h2c',
  '100-continue',
  'a:80',
  '[::1]',
  'a b',
  '\x80\xff',
  'a\0b',
  '\x7f',
  'a\x0b',
  '\ta\t',
];
const SEPARATORS = [': ', ':', ':\t', ' : ', ':  ', ' ', '\r\n '];
const ENDS = ['\n', '\r', '\r\r\n', '\n\r', '', '\0'];
const SIZES = [
  '5',
  '005',
  '5 ',
  ' 5',
  '5;a',
  '5;a=b',
  '5; a',
  '+5',
  '0x5',
  '-5',
  '5\t',
  '',
  'G',
  '100000005',
  'fffffffff',
];
const STATUS_LINES = [
  'HTTP/1.1 200 OK',
  'HTTP/1.1 204 ',
  'HTTP/1.1 304 Not Modified',
  'HTTP/1.1 100 Continue',
  'HTTP/1.1 101 Switching',
  'HTTP/1.0 200 OK',
  'HTTP/1.1 449',
  'HTTP/1.1 20 OK',
  'HTTP/1.1 2000',
  'HTTP/2 200',
  'ICY 200 OK',
  '',
];

/** The first of the choices mostly, another one now and then. */
function mostlyFirst<T>(random: Random, choices: readonly T[]): T {
  return random.chance(12) ? random.pick(choices) : (choices[0] as T);
}

function lineEnd(random: Random): string {
  return random.chance(60) ? random.pick(ENDS) : '\r\n';
}

function fieldLine(random: Random): string {
  return random.pick(NAMES) + mostlyFirst(random, SEPARATORS) + random.pick(VALUES) + lineEnd(random);
}

function chunks(random: Random): string {
  let text = '';
  for (let i = random.below(4); i > 0; i--) {
    const size = mostlyFirst(random, SIZES);
    text += `${size}${lineEnd(random)}hello${lineEnd(random)}`;
  }
  const trailer = random.chance(12) ? fieldLine(random) : '';
  return `${text}0${lineEnd(random)}${trailer}${lineEnd(random)}`;
}

/** Header lines and the body that they frame, or nearly. */
function framed(random: Random): { lines: string; body: string } {
  switch (random.below(4)) {
    case 0:
      return { lines: `Content-Length: 5${lineEnd(random)}`, body: 'hello' };
    case 1:
      return { lines: `Transfer-Encoding: chunked${lineEnd(random)}`, body: chunks(random) };
    case 2:
      return { lines: '', body: '' };
    default:
      return { lines: fieldLine(random), body: random.pick(['', 'hello', chunks(random)]) };
  }
}

function message(random: Random, startLine: string, needsHost: boolean): string {
  let lines = needsHost && !random.chance(20) ? `Host: a${lineEnd(random)}` : '';
  for (let i = random.below(4); i > 0; i--)
    lines += random.chance(3) ? fieldLine(random) : `X-${i}: ${i}\r\n`;
  const { lines: framing, body } = framed(random);
  return `${startLine}${lineEnd(random)}${lines}${framing}${lineEnd(random)}${body}`;
}

export function grammaticalRequests(random: Random): string {
  let text = '';
  for (let i = 1 + random.below(3); i > 0; i--) {
    const method = random.chance(3) ? random.pick(METHODS) : random.pick(['GET', 'POST']);
    const line = `${method} ${mostlyFirst(random, TARGETS)} ${mostlyFirst(random, VERSIONS)}`;
    text += message(random, line, true);
  }
  return text;
}

export function grammaticalResponses(random: Random): string {
  let text = '';
  for (let i = 1 + random.below(2); i > 0; i--)
    text += message(random, mostlyFirst(random, STATUS_LINES), false);
  return text;
}

const CORPUS: readonly string[] = [...REFUSED, ...ACCEPTED, ...INCOMPLETE]
  .map(([, raw]) => raw)
  .filter((raw) => raw.length < 4000);
const TOKENS = [
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '0\r\n\r\n',
  'chunked',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'HTTP/1.1',
  '\x80',
  '\xa0',
  '\x0b',
  '\x7f',
];

function mutate(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const length = random.below(9);
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + text.slice(at + length);
    case 2:
      return text.slice(0, at) + random.pick(TOKENS) + text.slice(at);
    case 3:
      return text.slice(0, at) + text.slice(at, at + 40) + text.slice(at);
    case 4: {
      const other = random.pick(CORPUS);
      return text.slice(0, at) + other.slice(random.below(other.length + 1));
    }
    default:
      return text.slice(0, at);
  }
}

function mutated(random: Random, text: string): string {
  let result = text;
  for (let i = random.below(4); i > 0; i--) result = mutate(random, result);
  return result;
}

export function requestBytes(random: Random): string {
  return mutated(random, random.chance(2) ? random.pick(CORPUS) : grammaticalRequests(random));
}

export function responseBytes(random: Random): string {
  return mutated(random, grammaticalResponses(random));
}
