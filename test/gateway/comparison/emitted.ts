// What a case shows of the protocol: every name and value that its bytes hold, read by the peers' own readers.
import { decode, WbxmlError } from '../../peers/wbxml/decode.ts';
import { type Element, isElement } from '../../peers/wbxml/element.ts';
import { parseQuery } from '../../peers/exchange/query.ts';
import type { AnswerMessage, Exchanged, Line, RequestMessage } from './message.ts';

/** A name and its value; '' where it has none. */
export type Pair = readonly [name: string, value: string];

export interface Emitted {
  readonly request: {
    readonly method: string;
    /** Of the query, plain or base64: Cmd, User, DeviceId, DeviceType, PolicyKey, Version, Options, CollectionId, … */
    readonly parameters: readonly Pair[];
    readonly headers: readonly Line[];
    /** Paths such as `Provision:Provision/Provision:Policies/…` with their text. */
    readonly elements: readonly Pair[];
  };
  readonly answer: {
    readonly status: number;
    readonly headers: readonly Line[];
    readonly elements: readonly Pair[];
  };
}

/** Everything that the exchange emits. */
export function emittedBy({ request, answer }: Exchanged): Emitted {
  return {
    request: {
      method: request.method,
      parameters: parametersOf(request),
      headers: request.lines,
      elements: elementsOf(request),
    },
    answer: { status: answer.status, headers: answer.lines, elements: elementsOf(answer) },
  };
}

function parametersOf({ method, target }: RequestMessage): Pair[] {
  const mark = target.indexOf('?');
  if (method !== 'POST' || mark < 0) return [];
  const text = target.slice(mark + 1);
  if (/(^|&)Cmd=/.test(text)) return [...new URLSearchParams(text)];
  const query = parseQuery(text);
  const pairs: (readonly [string, string | number | undefined])[] = [
    ['Cmd', query.command],
    ['User', query.user],
    ['DeviceId', query.deviceId],
    ['DeviceType', query.deviceType],
    ['Version', query.protocolVersion],
    ['PolicyKey', query.policyKey],
    ['SaveInSent', query.saveInSent ? 'T' : undefined],
    ['AcceptMultiPart', query.acceptMultiPart ? 'T' : undefined],
    ...query.parameters,
  ];
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as const]));
}

function elementsOf({ body }: RequestMessage | AnswerMessage): Pair[] {
  if (body.length === 0 || body[0] !== 0x03) return [];
  try {
    return flatten(decode(body), '');
  } catch (error) {
    if (error instanceof WbxmlError) return [];
    throw error;
  }
}

function flatten({ tag, children }: Element, above: string): Pair[] {
  const path = `${above}${tag}`;
  const text = children.flatMap((child) => {
    if (isElement(child)) return [];
    return typeof child === 'string' ? [child] : [Buffer.from(child).toString('latin1')];
  });
  return [
    [path, text.join('')],
    ...children.filter(isElement).flatMap((child) => flatten(child, `${path}/`)),
  ];
}
