// The two halves of an exchange as the tests of conformance see them: start line, header lines, body.

/** A header line: name and value as they are on the wire. */
export type Line = readonly [name: string, value: string];

interface Content {
  readonly lines: readonly Line[];
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
export function valuesOf({ lines }: Content, name: string): string[] {
  const wanted = name.toLowerCase();
  return lines.flatMap(([each, value]) => (each.toLowerCase() === wanted ? [value] : []));
}
