// A server that writes down the requests it gets from a proxy, with a reader of its own: simple, lenient, and not ours.
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

/** A request as a server behind the reader got it. */
export interface RecordedRequest {
  method: string;
  target: string;
  /** Name, value, name, value, … */
  lines: string[];
  /** In latin1. */
  body: string;
}

/** Stands in every answer of a recorder, so that it is told from answers of the proxy. */
export const RECORDED = 'X-Recorded: yes';

/** Requests of any connection are appended to `requests`. */
export function recordingUpstream(requests: RecordedRequest[]): Server {
  return createServer((socket) => record(socket, requests));
}

function record(socket: Socket, requests: RecordedRequest[]): void {
  let text = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
    for (let read = readOne(text); read !== undefined; read = readOne(text)) {
      text = read.rest;
      requests.push(read.request);
      socket.write(`HTTP/1.1 200 OK\r\n${RECORDED}\r\nContent-Length: 0\r\n\r\n`);
    }
  });
}

function readOne(text: string): { request: RecordedRequest; rest: string } | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [requestLine = '', ...fields] = text.slice(0, headEnd).split('\r\n');
  const [method = '', target = ''] = requestLine.split(' ');
  const lines = fields.flatMap((field) => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon), field.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
  });
  const value = (name: string): string | undefined =>
    lines[lines.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name) + 1];
  const after = text.slice(headEnd + 4);
  const isChunked = lines.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'transfer-encoding');
  const hasLength = lines.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'content-length');
  const length = hasLength ? Number(value('content-length')) : 0;
  const body = isChunked
    ? readChunks(after)
    : { bytes: after.slice(0, length), rest: after.slice(length), isWhole: after.length >= length };
  return body.isWhole ? { request: { method, target, lines, body: body.bytes }, rest: body.rest } : undefined;
}

function readChunks(text: string): { bytes: string; rest: string; isWhole: boolean } {
  let bytes = '';
  let rest = text;
  for (;;) {
    const lineEnd = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, lineEnd), 16);
    if (lineEnd < 0 || rest.length < lineEnd + 4 + size) return { bytes, rest, isWhole: false };
    bytes += rest.slice(lineEnd + 2, lineEnd + 2 + size);
    rest = rest.slice(lineEnd + 4 + size);
    if (size === 0) return { bytes, rest, isWhole: true };
  }
}
