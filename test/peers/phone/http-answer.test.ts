// The phone's strict reading of answers, however the bytes are cut.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerReader, valuesOf, WrongAnswer } from './http-answer.ts';

function read(
  text: string,
  cuts: readonly number[] = [],
  method = 'POST',
): { body: string; status: number; complete: boolean } {
  const pieces: Buffer[] = [];
  const reader = answerReader({ method, onBody: (piece) => pieces.push(piece) });
  const bytes = Buffer.from(text, 'latin1');
  let complete = false;
  let from = 0;
  for (const cut of [...new Set(cuts.map((each) => each % (bytes.length + 1)))].toSorted((a, b) => a - b)) {
    if (cut > from) complete = reader.push(bytes.subarray(from, cut));
    from = cut;
  }
  if (from < bytes.length) complete = reader.push(bytes.subarray(from));
  return {
    body: Buffer.concat(pieces).toString('latin1'),
    status: reader.head?.status ?? 0,
    complete: complete || reader.end(),
  };
}

describe('an HTTP answer', () => {
  it.each<[string, string, string]>([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
    [
      'in chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
      'hello',
    ],
    ['until the end of the connection', 'HTTP/1.1 200 OK\r\nServer: x\r\n\r\nhello', 'hello'],
    [
      'after a 100',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
      'hello',
    ],
    ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
    ['without a reason', 'HTTP/1.1 449 \r\nContent-Length: 0\r\n\r\n', ''],
  ])('%s is read however it is cut', (_, text, body) => {
    fc.assert(
      fc.property(fc.array(fc.nat(200)), (cuts) => {
        expect(read(text, cuts)).toMatchObject({ body, complete: true });
      }),
    );
  });

  it.each([
    ['another version', 'HTTP/1.0 200 OK\r\n\r\n'],
    ['no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nA : b\r\n\r\n'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n'],
    ['a bare line feed', 'HTTP/1.1 200 OK\nA: b\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx'],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx'],
    [
      'length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['a chunk extension', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\n\r\n'],
    ['a trailer', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n'],
    [
      'a chunk that is longer than it says',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n',
    ],
    ['bytes behind it', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx'],
    ['an upgrade', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ])('with %s is wrong', (_, text) => {
    expect(() => read(text)).toThrow(WrongAnswer);
  });

  it('that ends early is not complete', () => {
    expect(read('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel').complete).toBe(false);
    expect(read('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n').complete).toBe(false);
    expect(read('HTTP/1.1 200').complete).toBe(false);
  });

  it('keeps lines that come twice apart and in order', () => {
    const reader = answerReader({ method: 'GET', onBody: () => undefined });
    reader.push(
      Buffer.from(
        'HTTP/1.1 401 x\r\nWWW-Authenticate: Bearer a\r\nwww-authenticate: Basic\r\nContent-Length: 0\r\n\r\n',
      ),
    );
    expect(valuesOf(reader.head ?? { rawHeaders: [] }, 'www-authenticate')).toEqual(['Bearer a', 'Basic']);
  });
});
