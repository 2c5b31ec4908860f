// Reads one HTTP/1.1 answer from bytes as they come, strictly (RFC 9112): a phone that trusts nobody.

/** The bytes are no HTTP/1.1 answer, or one that breaks its own framing. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

export interface AnswerReader {
  /** Takes bytes; `body` pieces go to the callback. True once the answer is complete. */
  push(bytes: Buffer): boolean;
  /** The connection has ended: true when that completes the answer. */
  end(): boolean;
  /** Undefined until the head of the final answer was read. */
  readonly head: AnswerHead | undefined;
  /** `Connection: close`, or a body that only the end of the connection delimits. */
  readonly closes: boolean;
}

const mostHeadBytes = 64 * 1024;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const statusLine = /^HTTP\/1\.1 ([1-5]\d\d) ([\t\x20-\x7e\x80-\xff]*)$/;

export interface AnswerReaderOptions {
  readonly method: string;
  readonly onBody: (piece: Buffer) => void;
  /** Called for each 100 that comes before the final answer. */
  readonly onContinue?: (() => void) | undefined;
}

type State =
  'head' | 'length' | 'until-close' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailer' | 'done';

/** A reader for the answer to one request. Its methods throw WrongAnswer. */
export function answerReader(options: AnswerReaderOptions): AnswerReader {
  return new Reader(options);
}

class Reader implements AnswerReader {
  readonly #options: AnswerReaderOptions;
  #state: State = 'head';
  #pending: Buffer = Buffer.alloc(0);
  #left = 0;
  head: AnswerHead | undefined;
  closes = false;

  constructor(options: AnswerReaderOptions) {
    this.#options = options;
  }

  push(bytes: Buffer): boolean {
    this.#pending = this.#pending.length > 0 ? Buffer.concat([this.#pending, bytes]) : bytes;
    while (this.#step());
    if (this.#state === 'done' && this.#pending.length > 0) throw new WrongAnswer('bytes after the answer');
    return this.#state === 'done';
  }

  end(): boolean {
    return this.#state === 'done' || this.#state === 'until-close';
  }

  /** Does one step; false when it needs more bytes. */
  #step(): boolean {
    switch (this.#state) {
      case 'head':
        return this.#readHead();
      case 'length':
      case 'chunk-data':
        return this.#readData();
      case 'until-close':
        if (this.#pending.length > 0) this.#options.onBody(this.#take(this.#pending.length));
        return false;
      case 'chunk-size':
      case 'chunk-end':
      case 'trailer':
        return this.#readChunkLine();
      default:
        return false;
    }
  }

  #readHead(): boolean {
    const end = this.#pending.indexOf('\r\n\r\n');
    if (end < 0) {
      if (this.#pending.length > mostHeadBytes) throw new WrongAnswer('a head of more than 64 KiB');
      const start = this.#pending.toString('latin1', 0, 9);
      if (!'HTTP/1.1 '.startsWith(start)) throw new WrongAnswer(`no HTTP/1.1: ${JSON.stringify(start)}`);
      return false;
    }
    const head = parseHead(this.#take(end + 4).toString('latin1', 0, end));
    if (head.status >= 200) this.#begin(head);
    else if (head.status === 100) this.#options.onContinue?.();
    else throw new WrongAnswer(`an answer ${head.status} that was not asked for`);
    return true;
  }

  #begin(head: AnswerHead): void {
    this.head = head;
    const connection = valuesOf(head, 'connection').join(',').toLowerCase();
    this.closes = connection.split(',').some((option) => option.trim() === 'close');
    const codings = valuesOf(head, 'transfer-encoding');
    const lengths = valuesOf(head, 'content-length');
    if (codings.length > 0 && lengths.length > 0)
      throw new WrongAnswer('Content-Length beside Transfer-Encoding');
    if (this.#options.method === 'HEAD' || head.status === 204 || head.status === 304) this.#state = 'done';
    else if (codings.length > 0) this.#beginChunked(codings);
    else if (lengths.length > 0) this.#beginLength(lengths);
    else {
      this.#state = 'until-close';
      this.closes = true;
    }
  }

  #beginChunked(codings: readonly string[]): void {
    if (codings.join(',').toLowerCase() !== 'chunked')
      throw new WrongAnswer(`Transfer-Encoding: ${codings.join(',')}`);
    this.#state = 'chunk-size';
  }

  #beginLength(lengths: readonly string[]): void {
    const [length = ''] = lengths;
    if (lengths.length > 1 || !/^\d{1,15}$/.test(length))
      throw new WrongAnswer(`Content-Length: ${lengths.join(', ')}`);
    this.#left = Number(length);
    this.#state = this.#left === 0 ? 'done' : 'length';
  }

  #readData(): boolean {
    if (this.#pending.length === 0) return false;
    const piece = this.#take(Math.min(this.#left, this.#pending.length));
    this.#left -= piece.length;
    this.#options.onBody(piece);
    if (this.#left === 0) this.#state = this.#state === 'length' ? 'done' : 'chunk-end';
    return true;
  }

  #readChunkLine(): boolean {
    const end = this.#pending.indexOf('\r\n');
    if (end < 0) {
      if (this.#pending.length > 1024) throw new WrongAnswer('an endless line between chunks');
      return false;
    }
    const line = this.#take(end + 2).toString('latin1', 0, end);
    if (this.#state === 'chunk-end' || this.#state === 'trailer') {
      if (line !== '') throw new WrongAnswer(`between chunks: ${JSON.stringify(line.slice(0, 40))}`);
      this.#state = this.#state === 'trailer' ? 'done' : 'chunk-size';
      return true;
    }
    if (!/^[0-9a-f]{1,12}$/i.test(line))
      throw new WrongAnswer(`a chunk size of ${JSON.stringify(line.slice(0, 40))}`);
    this.#left = Number.parseInt(line, 16);
    this.#state = this.#left === 0 ? 'trailer' : 'chunk-data';
    return true;
  }

  #take(bytes: number): Buffer {
    const piece = this.#pending.subarray(0, bytes);
    this.#pending = this.#pending.subarray(bytes);
    return piece;
  }
}

function parseHead(text: string): AnswerHead {
  const [first = '', ...lines] = text.split('\r\n');
  const match = statusLine.exec(first);
  if (!match) throw new WrongAnswer(`the status line is ${JSON.stringify(first.slice(0, 80))}`);
  const rawHeaders: string[] = [];
  for (const line of lines) {
    const at = line.indexOf(':');
    const name = line.slice(0, at);
    const value = line.slice(at + 1).trim();
    if (at < 0 || !token.test(name) || /[\0\r\n]/.test(value)) {
      throw new WrongAnswer(`the header line ${JSON.stringify(line.slice(0, 80))}`);
    }
    rawHeaders.push(name, value);
  }
  return { status: Number(match[1]), reason: match[2] ?? '', rawHeaders };
}

/** All values of a header, in the order they came. */
export function valuesOf({ rawHeaders }: Pick<AnswerHead, 'rawHeaders'>, name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === name) values.push(rawHeaders[index + 1] as string);
  }
  return values;
}

/** Seconds of Retry-After; undefined when it is absent or a date. */
export function retryAfterOf(answer: Pick<AnswerHead, 'rawHeaders'>): number | undefined {
  const [value] = valuesOf(answer, 'retry-after');
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}
