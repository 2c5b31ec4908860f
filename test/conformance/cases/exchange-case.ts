// One exchange of a case: what a client sends and what the server answers, and short ways to write both.
import { element, type Element } from '../../peers/wbxml/element.ts';
import { encode } from '../../peers/wbxml/encode.ts';
import { type ExchangeCase, HOST } from '../../gateway/comparison/comparison.ts';
import type { Line } from '../../gateway/comparison/message.ts';
import { PARAMETER_TAGS } from '../query-fields.ts';

export type { ExchangeCase };

/** A document, text in UTF-8, or bytes. */
export type Body = Element | string | Buffer;

export interface AnswerSketch {
  readonly status?: number;
  readonly reason?: string;
  readonly headers?: readonly Line[];
  readonly body?: Body;
}

export interface CaseSketch {
  readonly method?: string;
  /** Path and query. */
  readonly target: string;
  readonly headers?: readonly Line[];
  readonly body?: Body | undefined;
  readonly answer?: AnswerSketch;
}

export const PATH = '/Microsoft-Server-ActiveSync';
export const WBXML = 'application/vnd.ms-sync.wbxml';

/** Stands for a credential of each run's own, so that no run is held back for what another did. */
const CREDENTIAL = 'CREDENTIAL';

const FIRST_LINES: readonly Line[] = [
  ['Host', HOST],
  ['Authorization', CREDENTIAL],
  ['User-Agent', 'Apple-iPhone16C2/2201.53'],
];

/** A case of its parts; bodies that are documents get their Content-Type unless `headers` name one. */
export function exchangeCase(name: string, sketch: CaseSketch): ExchangeCase {
  const { method = 'POST', target, headers = [], answer = {} } = sketch;
  const { status = 200, reason = 'OK' } = answer;
  const [body, answerBody] = [bytesOf(sketch.body), bytesOf(answer.body)];
  const framing = method === 'POST' ? [length(body)] : [];
  const answerLines = [...typeOf(answer.body, answer.headers ?? []), ...(answer.headers ?? [])];
  return {
    name,
    request: {
      method,
      target,
      lines: [...FIRST_LINES, ...typeOf(sketch.body, headers), ...headers, ...framing],
      body,
    },
    answer: {
      status,
      reason,
      lines: [...answerLines, length(answerBody)],
      body: answerBody,
    },
  };
}

/** The case as a user of this number sends it. */
export function asUser(each: ExchangeCase, number: number): ExchangeCase {
  const credential = Buffer.from(`run${number}@example.com:secret`).toString('base64');
  const lines = each.request.lines.map(([name, value]): Line => [
    name,
    value === CREDENTIAL ? `Basic ${credential}` : value,
  ]);
  return { ...each, request: { ...each.request, lines } };
}

/** The target of a plain query; parameters are `Name=value` as they are on the wire. */
export function plainTarget(command: string, ...parameters: readonly string[]): string {
  const fixed = ['User=alice%40example.com', 'DeviceId=ABCDEF0123456789', 'DeviceType=iPhone'];
  return `${PATH}?${[`Cmd=${command}`, ...fixed, ...parameters].join('&')}`;
}

export interface Base64Fields {
  /** The version byte, e.g. 161. */
  readonly version: number;
  readonly command: number;
  readonly locale?: number;
  readonly deviceId?: Buffer;
  readonly policyKey?: number;
  readonly deviceType?: string;
  /** By name; Options is a number. */
  readonly parameters?: Readonly<Record<string, string | number>>;
}

/** The target of a base64 query. */
export function base64Target(fields: Base64Fields): string {
  const { version, command, locale = 0x0409, deviceId, policyKey, deviceType = 'iPhone' } = fields;
  const key = Buffer.alloc(policyKey === undefined ? 0 : 4);
  if (policyKey !== undefined) key.writeUInt32LE(policyKey);
  const bytes = Buffer.concat([
    Buffer.from([version, command, locale & 0xff, locale >> 8]),
    counted(deviceId ?? Buffer.from('ABCDEF0123456789')),
    counted(key),
    counted(Buffer.from(deviceType)),
    ...Object.entries(fields.parameters ?? {}).map(([name, value]) =>
      Buffer.concat([
        Buffer.from([PARAMETER_TAGS.get(name) ?? 0]),
        counted(typeof value === 'number' ? Buffer.from([value]) : Buffer.from(value)),
      ]),
    ),
  ]);
  return `${PATH}?${bytes.toString('base64')}`;
}

/** `version` as a header, as plain queries need it. */
export function protocolVersion(version: string): Line {
  return ['MS-ASProtocolVersion', version];
}

/** A document of a root with one Status, as most answers begin. */
export function statusDocument(root: Element['tag'], status: Element['tag'], code: number): Element {
  return element(root, element(status, code));
}

function length(body: Buffer): Line {
  return ['Content-Length', String(body.length)];
}

function counted(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function bytesOf(body: Body | undefined): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (typeof body === 'string') return Buffer.from(body);
  return Buffer.isBuffer(body) ? body : encode(body);
}

function typeOf(body: Body | undefined, headers: readonly Line[]): Line[] {
  const isDocument = body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body);
  const isNamed = headers.some(([name]) => name.toLowerCase() === 'content-type');
  return isDocument && !isNamed ? [['Content-Type', WBXML]] : [];
}
