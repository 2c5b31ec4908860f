// Writes heads anew: nothing of the framing that was read is ever copied.
import { TARGET_BYTE, TOKEN_BYTE, allIn } from './bytes.ts';
import { CHUNKED, UNTIL_CLOSE } from './exchange.ts';
import type { BodyLength, ResponseHead, UpstreamRequest } from './exchange.ts';
import type { HeaderList } from './headers.ts';

/**
 * The head of a request to an upstream as a latin1 string, empty line included. Throws a TypeError if method, target or
 * host could end the line early: they come from a parsed head or from configuration, so that is a mistake of ours.
 */
export function formatRequestHead(request: UpstreamRequest): string {
  const { method, target, host, body } = request;
  if (!allIn(TOKEN_BYTE, method, 0, method.length)) throw new TypeError('method is not a token');
  if (!allIn(TARGET_BYTE, target, 0, target.length)) throw new TypeError('target is not visible ASCII');
  if (!allIn(TARGET_BYTE, host, 0, host.length)) throw new TypeError('host is not visible ASCII');
  const head = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${formatLines(request.headers)}`;
  if (body === CHUNKED) return `${head}Transfer-Encoding: chunked\r\n\r\n`;
  const hasLength = body > 0 || request.hasContentLength || method === 'POST' || method === 'PUT';
  return hasLength ? `${head}Content-Length: ${checkedLength(body)}\r\n\r\n` : `${head}\r\n`;
}

/** How the answer goes over this connection. */
export interface ResponseFraming {
  /** Says `Connection: close`. */
  readonly close: boolean;
  /** As written: CHUNKED, UNTIL_CLOSE (to HTTP/1.0, with `close`) or the number of bytes. */
  readonly body: BodyLength;
  /** False for 204, 304 and answers to HEAD: no Content-Length. */
  readonly allowsBody: boolean;
}

/** The head of an answer as a latin1 string, empty line included. Throws a TypeError for a status or reason that is not one. */
export function formatResponseHead(head: ResponseHead, framing: ResponseFraming): string {
  const { status, reason } = head;
  if (!(status >= 200 && status <= 599)) throw new TypeError('status is not final');
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (reason !== '' && !/^[\t\x20-\x7e\x80-\xff]*$/.test(reason)) throw new TypeError('reason is not a line');
  const start = `HTTP/1.1 ${status} ${reason}\r\n${formatLines(head.headers)}`;
  const end = framing.close ? 'Connection: close\r\n\r\n' : '\r\n';
  if (!framing.allowsBody || framing.body === UNTIL_CLOSE) return start + end;
  if (framing.body === CHUNKED) return `${start}Transfer-Encoding: chunked\r\n${end}`;
  return `${start}Content-Length: ${checkedLength(framing.body)}\r\n${end}`;
}

/** False where a response cannot have a body (RFC 9110, 6.4.1). */
export function allowsBody(method: string, status: number): boolean {
  return status !== 204 && status !== 304 && method !== 'HEAD';
}

function formatLines(headers: HeaderList): string {
  const { lines } = headers;
  let text = '';
  for (let i = 0; i < lines.length; i += 2) text += `${lines[i]}: ${lines[i + 1]}\r\n`;
  return text;
}

function checkedLength(length: BodyLength): BodyLength {
  if (!Number.isSafeInteger(length) || length < 0) throw new TypeError('body length is not a length');
  return length;
}
