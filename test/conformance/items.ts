// An emitted item: the method, status, parameter, header, value or element that a row is about. It can be found in a message, and
// changed there as a faulty proxy would change it. How one is written: see `parseItem`.
import { fieldsOf } from './query-fields.ts';
import {
  type AnswerMessage,
  type Exchanged,
  type Line,
  type RequestMessage,
  valuesOf,
} from '../gateway/comparison/message.ts';
import type { Meddling } from '../gateway/comparison/recorder.ts';
import { changeElements, hasElement } from './element-paths.ts';

const KINDS = ['method', 'status', 'target', 'query', 'field', 'header', 'element', 'text', 'body'] as const;

export interface Item {
  readonly side: 'request' | 'answer';
  readonly kind: (typeof KINDS)[number];
  /** The item is that there is none. */
  readonly isAbsent: boolean;
  readonly name: string;
  /** Undefined where any value is meant. */
  readonly value: string | undefined;
}

/** Numbers in [0, 1). */
export type Random = () => number;

const SYNTAX = new RegExp(`^(request|answer) (no )?(${KINDS.join('|')})(?: (.+))?$`);

/**
 * Reads an item:
 *
 *     request method POST · answer status 451
 *     request target ?jAAJ                a part of the target
 *     request query SaveInSent=T          a parameter of a plain query
 *     request field policyKey=5           a field of a base64 query (query-fields.ts)
 *     answer header Retry-After: 30       a header with its value, or with any value when none is given
 *     answer element Policy/Status=1      an element with its text, or with any (element-paths.ts)
 *     request text Subject: hello         a part of the body
 *     request no body · request no header Content-Type · … no field … · … no element …
 *
 * @throws TypeError
 */
export function parseItem(text: string): Item {
  const match = SYNTAX.exec(text);
  if (match === null) throw new TypeError(`no item: ${text}`);
  const [, side, no, kind, rest = ''] = match;
  const separator = kind === 'header' ? ': ' : '=';
  const at = kind === 'text' || kind === 'target' ? -1 : rest.indexOf(separator);
  return {
    side: side as Item['side'],
    kind: kind as Item['kind'],
    isAbsent: no !== undefined,
    name: at < 0 ? rest : rest.slice(0, at),
    value: at < 0 ? undefined : rest.slice(at + separator.length),
  };
}

/** Whether the exchange shows the item. */
export function isEmitted(item: Item, { request, answer }: Exchanged): boolean {
  return isIn(item, item.side === 'request' ? request : answer, request.target) !== item.isAbsent;
}

function isIn(item: Item, message: RequestMessage | AnswerMessage, target: string): boolean {
  const { kind, name, value } = item;
  switch (kind) {
    case 'method':
      return 'method' in message && message.method === name;
    case 'status':
      return 'status' in message && String(message.status) === name;
    case 'target':
      return target.includes(name);
    case 'query':
      return plainParameters(target).some((each) => isParameter(item, each));
    case 'field':
      return queryFields(target).some((each) => each.name === name && (value ?? each.value) === each.value);
    case 'header':
      return valuesOf(message, name).some((each) => (value ?? each) === each);
    case 'element':
      return hasElement(message.body, name, value);
    case 'text':
      return message.body.includes(name);
    case 'body':
      return message.body.length > 0;
  }
}

/** What drops the item between gateway and server, alters it, or adds it where the item is that there is none. */
export function mutationOf(item: Item, random: Random): Meddling {
  return item.side === 'request'
    ? { request: (request) => changeRequest(item, request, random) }
    : { answer: (answer) => changeAnswer(item, answer, random) };
}

function changeRequest(item: Item, request: RequestMessage, random: Random): RequestMessage {
  switch (item.kind) {
    case 'method':
      return { ...request, method: 'PUT' };
    case 'target':
      return { ...request, target: request.target.replace(item.name, random() < 0.5 ? '' : `${item.name}x`) };
    case 'query':
      return { ...request, target: changeParameter(item, request.target, random) };
    case 'field':
      return { ...request, target: changeField(item, request.target) };
    default:
      return { ...request, ...changeContent(item, request, random) };
  }
}

function changeAnswer(item: Item, answer: AnswerMessage, random: Random): AnswerMessage {
  if (item.kind === 'status') return { ...answer, status: answer.status + 1 };
  return { ...answer, ...changeContent(item, answer, random) };
}

type Content = Pick<RequestMessage, 'lines' | 'body'>;

function changeContent(item: Item, { lines, body }: Content, random: Random): Content {
  if (item.kind === 'header') return { lines: changeLines(item, lines, random), body };
  const changed = changeBody(item, body, random);
  const length = String(changed.length);
  return {
    lines: lines.map(([name, value]) => [name, name.toLowerCase() === 'content-length' ? length : value]),
    body: changed,
  };
}

function changeBody({ kind, name, value, isAbsent }: Item, body: Buffer, random: Random): Buffer {
  if (kind === 'element') return changeElements(body, { path: name, text: value, isAbsent }, random);
  if (kind === 'body') return isAbsent ? Buffer.from('x') : Buffer.alloc(0);
  const changed = Buffer.from(body);
  const last = changed.indexOf(name) + Buffer.byteLength(name) - 1;
  changed[last] = Number(changed[last]) ^ 1;
  return changed;
}

function changeLines(item: Item, lines: readonly Line[], random: Random): Line[] {
  if (item.isAbsent) return [...lines, [item.name, item.value ?? 'x']];
  const name = item.name.toLowerCase();
  const isMeant = (line: Line): boolean =>
    line[0].toLowerCase() === name && (item.value ?? line[1]) === line[1];
  const isDropped = name === 'content-length' || random() < 0.5;
  return isDropped
    ? lines.filter((line) => !isMeant(line))
    : lines.map((line) => (isMeant(line) ? [line[0], `${line[1]}x`] : line));
}

function plainParameters(target: string): string[] {
  return target.slice(target.indexOf('?') + 1).split('&');
}

function isParameter({ name, value }: Item, parameter: string): boolean {
  return value === undefined ? parameter.startsWith(`${name}=`) : parameter === `${name}=${value}`;
}

function changeParameter(item: Item, target: string, random: Random): string {
  if (item.isAbsent) return `${target}&${item.name}=x`;
  const isDropped = random() < 0.5;
  const parameters = plainParameters(target).flatMap((each) => {
    if (!isParameter(item, each)) return [each];
    return isDropped ? [] : [`${each}x`];
  });
  return `${target.slice(0, target.indexOf('?') + 1)}${parameters.join('&')}`;
}

function queryBytes(target: string): Buffer {
  return Buffer.from(decodeURIComponent(target.slice(target.indexOf('?') + 1)), 'base64');
}

function queryFields(target: string): ReturnType<typeof fieldsOf> {
  return /\?Cmd=/.test(target) ? [] : fieldsOf(queryBytes(target));
}

/** Changes the last byte of the field; one that is absent is made by a policy key of four bytes. */
function changeField({ name, isAbsent }: Item, target: string): string {
  const bytes = queryBytes(target);
  const fields = fieldsOf(bytes);
  const where = (wanted: string): number => (fields.find((each) => each.name === wanted)?.end ?? 0) - 1;
  const path = target.slice(0, target.indexOf('?') + 1);
  if (isAbsent) {
    const at = where('policyKey.length');
    const key = Buffer.from([4, 1, 2, 3, 4]);
    return path + Buffer.concat([bytes.subarray(0, at), key, bytes.subarray(at + 1)]).toString('base64');
  }
  const at = where(name);
  bytes[at] = Number(bytes[at]) ^ 1;
  return path + bytes.toString('base64');
}
