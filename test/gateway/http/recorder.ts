// Runs the codec over bytes, cut anywhere, and writes down what it reports in a form that can be compared.
import { RequestParser } from '../../../gateway/http/request-parser.ts';
import { ResponseParser } from '../../../gateway/http/response-parser.ts';
import type { RequestHead, ResponseHead } from '../../../gateway/http/exchange.ts';

/** A message as it was read; `body` in latin1. */
export interface ReadMessage<Head> {
  head: Head;
  headers: string[];
  body: string;
  complete: boolean;
  keepAlive: boolean;
}

export interface Reading<Head> {
  messages: ReadMessage<Omit<Head, 'headers'>>[];
  /** The code of the error that ended the reading. */
  error: string | undefined;
}

export type RequestReading = Reading<RequestHead>;
export type ResponseReading = Reading<ResponseHead>;

/** Reads requests one after another until the bytes or the parser's patience end. */
export function readRequests(raw: string | Buffer, cuts: readonly number[] = []): RequestReading {
  const reading: RequestReading = { messages: [], error: undefined };
  const parser = new RequestParser({
    onHead({ headers, ...head }) {
      reading.messages.push({
        head,
        headers: headers.lines,
        body: '',
        complete: false,
        keepAlive: parser.keepAlive,
      });
    },
    onData: (bytes) => appendBody(reading, bytes),
    onEnd: () => markComplete(reading),
    onError(error) {
      reading.error = error.code;
    },
  });
  for (const piece of cutAt(toBytes(raw), cuts)) {
    let index = 0;
    do {
      index = parser.push(piece, index);
      if (parser.done) parser.next();
    } while (index < piece.length && !parser.failed);
    if (parser.failed) break;
  }
  return reading;
}

/** Reads answers to requests with these methods, one after another, and then the end of the connection. */
export function readResponses(
  raw: string | Buffer,
  options: { methods?: readonly string[]; cuts?: readonly number[]; closes?: boolean } = {},
): ResponseReading {
  const { methods = ['GET'], cuts = [], closes = true } = options;
  const reading: ResponseReading = { messages: [], error: undefined };
  const waiting = [...methods];
  const parser = new ResponseParser({
    onHead({ headers, ...head }) {
      reading.messages.push({
        head,
        headers: headers.lines,
        body: '',
        complete: false,
        keepAlive: parser.keepAlive,
      });
    },
    onData: (bytes) => appendBody(reading, bytes),
    onEnd() {
      markComplete(reading);
      const message = reading.messages.at(-1);
      if (message) message.keepAlive = parser.keepAlive;
    },
    onError(error) {
      reading.error ??= error.code;
    },
  });
  parser.begin(waiting.shift() ?? 'GET');
  for (const piece of cutAt(toBytes(raw), cuts)) {
    if (reading.error !== undefined) break;
    parser.push(piece);
    const next = parser.done ? waiting.shift() : undefined;
    if (next !== undefined) parser.begin(next);
  }
  if (closes) parser.close();
  return reading;
}

function toBytes(raw: string | Buffer): Buffer {
  return typeof raw === 'string' ? Buffer.from(raw, 'latin1') : raw;
}

/** Each piece is a copy of its own, as a socket would give it. */
function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts)].filter((cut) => cut > 0 && cut < bytes.length).toSorted((a, b) => a - b);
  return [0, ...places].map((start, i) => Buffer.from(bytes.subarray(start, places[i] ?? bytes.length)));
}

function appendBody<Head>(reading: Reading<Head>, bytes: Buffer): void {
  const message = reading.messages.at(-1);
  if (message === undefined) throw new Error('data without a head');
  if (message.complete) throw new Error('data after the end');
  if (bytes.length === 0) throw new Error('empty data');
  message.body += bytes.toString('latin1');
}

function markComplete<Head>(reading: Reading<Head>): void {
  const message = reading.messages.at(-1);
  if (message === undefined || message.complete) throw new Error('an end without a message');
  message.complete = true;
}
