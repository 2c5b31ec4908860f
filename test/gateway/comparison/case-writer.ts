// Writes cases: a request as a kind of client writes it, an answer as a kind of Exchange writes it.
import { createHash } from 'node:crypto';
import { type ExchangeKind, type HeaderTemplate, KINDS } from '../../peers/exchange/kinds.ts';
import { type ClientAsk, clientRequest } from '../../peers/phone/client-request.ts';
import type { Command } from '../../peers/phone/clients/commands.ts';
import {
  type ClientProfile,
  deviceIdOf,
  type ProtocolVersion,
  userNameOf,
} from '../../peers/phone/clients/profile.ts';
import { type ExchangeCase, HOST } from './comparison.ts';
import { type Conversation, conversationOf, WBXML } from './documents.ts';
import { type Emitted, emittedBy } from './emitted.ts';
import type { AnswerMessage, Line, RequestMessage } from './message.ts';

export interface ComparisonCase extends ExchangeCase {
  /** Stable and unique: `<client>: <command> <version> <query>` and what is particular. The test has the same name. */
  readonly name: string;
  readonly client: ClientProfile['name'];
  readonly command: Command | 'OPTIONS' | 'GET';
  readonly version: ProtocolVersion;
  readonly query: 'plain' | 'base64';
  /** All names and values in the bytes of the case. */
  readonly emits: Emitted;
}

export interface CaseSketch {
  readonly client: ClientProfile;
  readonly command: Command | 'OPTIONS' | 'GET';
  /** Default: the newest of the client. */
  readonly version?: ProtocolVersion;
  /** Default: the client's own. */
  readonly query?: 'plain' | 'base64';
  /** What is particular about the case. */
  readonly what?: string;
  /** Changes of what the client asks. */
  readonly ask?: Partial<ClientAsk>;
  /** The request's body in place of the command's; empty with an empty one. */
  readonly body?: Buffer;
  readonly chunked?: boolean;
  /** The last word on the request. */
  readonly request?: (request: RequestMessage) => RequestMessage;
  readonly answer?: AnswerSketch;
  readonly kind?: ExchangeKind;
  /** Cases whose answers count against a server have one user, as those of a single trouble would have. */
  readonly user?: string;
}

export interface AnswerSketch {
  readonly status?: number;
  readonly reason?: string;
  readonly lines?: readonly Line[];
  readonly contentType?: string | undefined;
  readonly body?: Buffer;
  readonly framing?: 'length' | 'chunked' | 'close';
}

export function comparisonCase(sketch: CaseSketch): ComparisonCase {
  const { client, command, what } = sketch;
  const version = sketch.version ?? newestOf(client);
  const query = sketch.query ?? client.query.value;
  const name = `${client.name}: ${command} ${version} ${query}${what === undefined ? '' : `, ${what}`}`;
  const isBare = command === 'OPTIONS' || command === 'GET';
  const conversation = isBare ? undefined : conversationOf(command, version);
  const written = requestOf(sketch, { name, version, query, conversation });
  const request = sketch.request?.(written) ?? written;
  const answer = answerOf(sketch, conversation);
  const emits = emittedBy({ request, answer });
  return { name, client: client.name, command, version, query, request, answer, emits };
}

function newestOf({ versions }: ClientProfile): ProtocolVersion {
  const newest = versions.value.at(-1);
  if (newest === undefined) throw new RangeError('a client speaks at least one version');
  return newest;
}

interface Worked {
  readonly name: string;
  readonly version: ProtocolVersion;
  readonly query: 'plain' | 'base64';
  readonly conversation: Conversation | undefined;
}

function requestOf(sketch: CaseSketch, { name, version, query, conversation }: Worked): RequestMessage {
  const { client, command, ask = {}, chunked = false } = sketch;
  const number = createHash('sha256').update(name).digest().readUInt32BE(0);
  const user = userNameOf(client, sketch.user ?? `u${number}@example.com`);
  const isBare = command === 'OPTIONS' || command === 'GET';
  const body = sketch.body ?? conversation?.request.body ?? Buffer.alloc(0);
  const { contentType } = conversation?.request ?? {};
  const head = clientRequest(client, {
    ...(isBare
      ? { method: command }
      : { command, policyKey: number, length: chunked ? 'chunked' : body.length }),
    ...conversationFields(conversation),
    version,
    query,
    user,
    host: HOST,
    deviceId: deviceIdOf(client.deviceId.value, number),
    authorization: `Basic ${Buffer.from(`${user}:pass:w\u00f6rd`, 'latin1').toString('base64')}`,
    cookie: `ClientId=${number}; X-BackEndCookie=S-1-5-21=u56Lnp2e`,
    ...(body.length > 0 && contentType !== undefined && { contentType }),
    ...ask,
  });
  return { ...head, body };
}

function conversationFields(conversation: Conversation | undefined): Partial<ClientAsk> {
  const { parameters, saveInSent, acceptMultiPart } = conversation ?? {};
  return {
    ...(parameters !== undefined && { parameters }),
    ...(saveInSent !== undefined && { saveInSent }),
    ...(acceptMultiPart !== undefined && { acceptMultiPart }),
  };
}

function answerOf(
  { answer = {}, kind = '2019' }: CaseSketch,
  conversation: Conversation | undefined,
): AnswerMessage {
  const { status = 200, reason = 'OK', lines = [], framing = 'length' } = answer;
  const body = answer.body ?? conversation?.answer.body ?? Buffer.alloc(0);
  return {
    status,
    reason,
    lines: [
      ...kindLines(kind),
      ...typeLines(answer, conversation, body.length),
      ...lines,
      ...framingLines(status, framing, body.length),
    ],
    body,
  };
}

function typeLines(answer: AnswerSketch, conversation: Conversation | undefined, length: number): Line[] {
  const usual = conversation?.answer.contentType ?? WBXML;
  const contentType = 'contentType' in answer ? answer.contentType : usual;
  return contentType === undefined || length === 0 ? [] : [['Content-Type', contentType]];
}

function framingLines(status: number, framing: 'length' | 'chunked' | 'close', length: number): Line[] {
  if (framing === 'chunked') return [['Transfer-Encoding', 'chunked']];
  return framing === 'close' || status === 204 ? [] : [['Content-Length', String(length)]];
}

const STANDS_FOR: Readonly<Record<string, string>> = {
  '{frontEnd}': 'mbx1',
  '{FRONTEND}': 'MBX1',
  '{id}': 'b77d77df-d9a3-47d3-a331-5fa018ae4a5d',
  '{date}': 'Mon, 23 Nov 2026 22:00:00 GMT',
  '{expires}': 'Thu, 23-Dec-2027 22:00:00 GMT',
  '{seconds}': '600',
  '{reason}': 'CommandFrequency',
};

/** Lines of every answer of a kind of Exchange, and one Set-Cookie for each cookie that it gives. */
function kindLines(kind: ExchangeKind): Line[] {
  const { headers, authenticatedHeaders, cookies } = KINDS[kind];
  return [
    ...filled([...headers.value, ...authenticatedHeaders.value]),
    ...filled(
      cookies.value.map((each) => ['Set-Cookie', `${each.name}=u56Lnp2e; ${each.attributes}`] as const),
    ),
  ];
}

/** Lines of a template with their places filled in. */
export function filled(lines: readonly HeaderTemplate[]): Line[] {
  return lines.map(([name, value]) => [
    name,
    value.replaceAll(/\{\w+\}/g, (place) => STANDS_FOR[place] ?? place),
  ]);
}
