// The halves of an exchange as both recorders write them down: start line, header lines as they lie on the wire, framing, body.

/** A header line: name, and what follows `: `. */
export type Line = readonly [name: string, value: string];

/** How the end of a body was told: a length, chunks, or the end of the connection. */
export type Framing = 'length' | 'chunked' | 'close' | 'none';

interface Content {
  /** All lines in order, those of the framing included. */
  readonly lines: readonly Line[];
  /** Without the framing of chunks. */
  readonly body: Buffer;
}

export interface RequestMessage extends Content {
  readonly method: string;
  /** Path and query, as they are on the wire. */
  readonly target: string;
}

export interface AnswerMessage extends Content {
  readonly status: number;
  readonly reason: string;
}

/** What one exchange looked like: the request as the server got it, the answer as the client got it. */
export interface Exchanged {
  readonly request: RequestMessage;
  readonly answer: AnswerMessage;
}

/** All values of a header, in order. */
export function valuesOf({ lines }: Pick<Content, 'lines'>, name: string): string[] {
  const wanted = name.toLowerCase();
  return lines.flatMap(([each, value]) => (each.toLowerCase() === wanted ? [value] : []));
}

/** How the body of a message was framed. */
export function framingOf(message: Pick<Content, 'lines'>): Framing {
  if (valuesOf(message, 'transfer-encoding').length > 0) return 'chunked';
  return valuesOf(message, 'content-length').length > 0 ? 'length' : 'none';
}

/** The bytes of a request. Chunked where its lines say so; else the lines must hold the length, if there is one. */
export function writeRequest({ method, target, lines, body }: RequestMessage): Buffer {
  return write(`${method} ${target} HTTP/1.1`, lines, body);
}

/** The bytes of an answer; framed as its lines say. */
export function writeAnswer({ status, reason, lines, body }: AnswerMessage): Buffer {
  return write(`HTTP/1.1 ${status} ${reason}`, lines, body);
}

/** Chunks are cut so, in bytes, so that a body of some length is several. */
const CHUNK_BYTES = 16_000;

function write(startLine: string, lines: readonly Line[], body: Buffer): Buffer {
  const head = [startLine, ...lines.map((line) => line.join(': '))].join('\r\n');
  const bytes = Buffer.from(`${head}\r\n\r\n`, 'latin1');
  if (framingOf({ lines }) !== 'chunked') return Buffer.concat([bytes, body]);
  const parts: Buffer[] = [bytes];
  for (let at = 0; at < body.length; at += CHUNK_BYTES) {
    const piece = body.subarray(at, at + CHUNK_BYTES);
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}
