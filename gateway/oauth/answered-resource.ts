// Maps the resource that a token answer names back to the gateway's (spec/oauth.md, rule 6), for clients that keep tokens by it.
import type { HeaderList } from '../http/headers.ts';
import type { Audience } from './audience.ts';
import { stringMember, type TextSpan } from './json-text.ts';
import { MAX_BODY_BYTES, type PlainAnswer } from '../http/plain-answer.ts';
import { sameResource, withoutFinalSlash } from './resource.ts';

/** The last slash, which may be escaped, and what follows. */
const PERMISSION = /\\?\/[^/]*$/;
const JSON_TYPE = /^application\/json[\t ]*(;|$)/i;

/**
 * The answer with the gateway's resource in `resource` (v1) and in `scope` (v2): only the bytes of these values change. Any
 * other answer comes back as it is: a failure, another type, one that is encoded or larger than 64 KiB.
 */
export function mapAnsweredResource(answer: PlainAnswer, audience: Audience): PlainAnswer {
  if (answer.status !== 200 || answer.body.length > MAX_BODY_BYTES || !isPlainJSON(answer.headers))
    return answer;
  const before = answer.body.toString('latin1');
  const after = mapScope(mapResource(before, audience), audience);
  return after === before ? answer : { ...answer, body: Buffer.from(after, 'latin1') };
}

function isPlainJSON(headers: HeaderList): boolean {
  return JSON_TYPE.test(headers.get('content-type') ?? '') && !headers.has('content-encoding');
}

function mapResource(json: string, { gatewayResource, destinationResource }: Audience): string {
  const span = stringMember(json, 'resource');
  if (span === undefined || !sameResource(unescape(textOf(json, span)), destinationResource)) return json;
  return replaced(json, span, escape(gatewayResource));
}

function mapScope(json: string, { gatewayResource, destinationResource }: Audience): string {
  const span = stringMember(json, 'scope');
  if (span === undefined) return json;
  const scopes = textOf(json, span).split(' ');
  const mapped = scopes.map((scope) => {
    const value = unescape(scope);
    const rest = PERMISSION.exec(scope)?.[0];
    const resource = value.slice(0, value.lastIndexOf('/'));
    if (rest === undefined || !sameResource(resource, destinationResource)) return scope;
    return escape(withoutFinalSlash(gatewayResource)) + rest;
  });
  return replaced(json, span, mapped.join(' '));
}

function textOf(json: string, { start, end }: TextSpan): string {
  return json.slice(start, end);
}

function replaced(json: string, { start, end }: TextSpan, text: string): string {
  return json.slice(0, start) + text + json.slice(end);
}

function escape(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

/** A blank inside of an escape sequence is none of JSON's, so that a part between blanks is whole. */
function unescape(text: string): string {
  return JSON.parse(`"${text}"`) as string;
}
