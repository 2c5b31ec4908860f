// llhttp as Node builds it in, fed directly: fast enough to stand beside a fuzzer. It is Node's own module and may go with a later Node.
import { createRequire } from 'node:module';
import { METHODS } from 'node:http';
import type { RecordedRequest } from './recording-upstream.ts';

type Callback = (...values: never[]) => unknown;

interface Parser {
  initialize(kind: number, resource: object): void;
  execute(bytes: Buffer): number | Error;
  finish(): undefined | Error;
  close(): void;
  [callback: number]: Callback;
}

interface ParserClass {
  new (): Parser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

const { HTTPParser } = createRequire(import.meta.url)('_http_common') as { HTTPParser: ParserClass };

export interface LlhttpMessage extends RecordedRequest {
  /** Of a response. */
  status: number;
  complete: boolean;
}

export interface LlhttpReading {
  messages: LlhttpMessage[];
  /** It refused to read on. */
  refused: boolean;
  /** It takes what follows the last message for another protocol. */
  upgraded: boolean;
}

export function readRequestsByLlhttp(raw: Buffer): LlhttpReading {
  return read(raw, HTTPParser.REQUEST, methodNames());
}

/** As answers to GET, followed by the end of the connection. */
export function readResponsesByLlhttp(raw: Buffer): LlhttpReading {
  return read(raw, HTTPParser.RESPONSE, methodNames());
}

function read(raw: Buffer, kind: number, names: ReadonlyMap<number, string>): LlhttpReading {
  const reading: LlhttpReading = { messages: [], refused: false, upgraded: false };
  const parser = new HTTPParser();
  let early: string[] = [];
  let earlyTarget = '';
  parser.initialize(kind, {});
  parser[HTTPParser.kOnHeaders] = (lines: string[], target: string) => {
    early.push(...lines);
    earlyTarget += target;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    ...[, , lines, method, target, status, , upgrade]: [
      number,
      number,
      string[] | undefined,
      number,
      string | undefined,
      number,
      string,
      boolean,
    ]
  ) => {
    const message: LlhttpMessage = {
      method: names.get(method) ?? '',
      target: earlyTarget + (target ?? ''),
      lines: [...early, ...(lines ?? [])],
      status,
      body: '',
      complete: false,
    };
    early = [];
    earlyTarget = '';
    reading.messages.push(message);
    reading.upgraded ||= upgrade;
    return 0;
  };
  parser[HTTPParser.kOnBody] = (bytes: Buffer) => {
    const message = reading.messages.at(-1);
    if (message) message.body += bytes.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    const message = reading.messages.at(-1);
    if (message) message.complete = true;
  };
  const result = parser.execute(raw);
  reading.refused = result instanceof Error;
  if (!reading.refused && !reading.upgraded && kind === HTTPParser.RESPONSE)
    reading.refused = parser.finish() instanceof Error;
  parser.close();
  return reading;
}

let known: ReadonlyMap<number, string> | undefined;

/** llhttp tells methods by number; the names are found by asking it about each. */
function methodNames(): ReadonlyMap<number, string> {
  if (known) return known;
  const names = new Map<number, string>();
  for (const name of METHODS) {
    const parser = new HTTPParser();
    parser.initialize(HTTPParser.REQUEST, {});
    parser[HTTPParser.kOnHeadersComplete] = (...[, , , method]: [number, number, string[], number]) => {
      names.set(method, name);
      return 0;
    };
    parser.execute(Buffer.from(`${name} ${name === 'CONNECT' ? 'a:1' : '/'} HTTP/1.1\r\nHost: a\r\n\r\n`));
    parser.close();
  }
  known = names;
  return names;
}
