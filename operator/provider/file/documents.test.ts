import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ManifestDocument, readDocuments } from './documents.ts';

function good(document: ManifestDocument | undefined) {
  if (document === undefined || 'error' in document)
    throw new Error(`not readable: ${JSON.stringify(document)}`);
  return document;
}

function values(text: string): unknown[] {
  return readDocuments(text).map((document) => good(document).value);
}

function errors(text: string): string[] {
  return readDocuments(text).flatMap((document) =>
    'error' in document ? [`${document.line}: ${document.error}`] : [],
  );
}

describe('what is read', () => {
  it('takes several documents and leaves out empty ones', () => {
    expect(values('# a comment\n---\na: 1\n---\n---\n# nothing\n---\nb: 2\n')).toEqual([{ a: 1 }, { b: 2 }]);
  });

  it('takes JSON', () => {
    expect(values('{\n\t"a": {"b": [1, "x", true, null]}\n}\n')).toEqual([
      { a: { b: [1, 'x', true, null] } },
    ]);
  });

  it('reads booleans as kubectl does, and dates and times as text', () => {
    expect(values('a: yes\nb: n\nc: on\nd: "n"\ne: 2020-01-01\nf: 12:30:00\ng: 0o17\n')).toEqual([
      { a: true, b: false, c: true, d: 'n', e: '2020-01-01', f: '12:30:00', g: '0o17' },
    ]);
  });

  it('follows anchors and merges', () => {
    expect(values('base: &b {x: 1}\nmore:\n  <<: *b\n  z: 2\n')).toEqual([
      { base: { x: 1 }, more: { x: 1, z: 2 } },
    ]);
  });

  it('takes Windows line ends and a byte order mark', () => {
    expect(values('\uFEFFa: 1\r\nb:\r\n  - c\r\n')).toEqual([{ a: 1, b: ['c'] }]);
  });

  it('reads nothing from an empty text', () => {
    expect(readDocuments('')).toEqual([]);
  });
});

describe('lines', () => {
  const text = [
    '# first',
    '---',
    'spec:',
    '  listeners:',
    '    - name: a',
    '      tls: {}',
    '    - name: b',
    '',
  ].join('\n');
  const document = () => good(readDocuments(text)[0]);

  it('finds a field, an item of a list and a field of it', () => {
    expect(document().line).toBe(3);
    expect(document().lineOf(['spec', 'listeners'])).toBe(4);
    expect(document().lineOf(['spec', 'listeners', 1])).toBe(7);
    expect(document().lineOf(['spec', 'listeners', 0, 'tls'])).toBe(6);
  });

  it('gives the nearest field above one that is missing', () => {
    expect(document().lineOf(['spec', 'listeners', 0, 'hostnames', 0])).toBe(5);
    expect(document().lineOf(['spec', 'port'])).toBe(3);
    expect(document().lineOf(['metadata'])).toBe(3);
  });

  it('looks through an alias', () => {
    const aliased = good(readDocuments('a: &x\n  deep: 1\nb: *x\n')[0]);
    expect(aliased.lineOf(['b', 'deep'])).toBe(2);
  });

  it('counts on over the documents of a file', () => {
    const [, second] = readDocuments('a: 1\n---\nb: 1\nc: 2\n');
    expect(good(second).lineOf(['c'])).toBe(4);
  });
});

describe('what is refused, while the other documents are read', () => {
  it('names the line of a mistake in one document', () => {
    const [first, second] = readDocuments('a: 1\n---\nb: [1,\nc: 2\n---\nd: 4\n');
    expect(good(first).value).toEqual({ a: 1 });
    expect(second).toMatchObject({ line: expect.any(Number), error: expect.any(String) });
  });

  it('refuses a key that occurs twice', () => {
    expect(errors('a: 1\nb: 2\na: 3\n')).toEqual([expect.stringMatching(/^3: Map keys must be unique/)]);
  });

  it('never repeats the text around a mistake, which may be a secret', () => {
    const mistakes = [
      'stringData:\n  password: hunter2: "\n',
      '"a" hunter2\n',
      '}hunter2\n',
      'a: *hunter2\n',
      'a: |hunter2\n x',
      'a: @hunter2\n',
      'a: "hunter2\n',
    ];
    for (const text of mistakes) {
      expect(errors(text)).toHaveLength(1);
      expect(errors(text).join()).not.toContain('hunter2');
    }
  });

  it('refuses anchors that expand to a billion', () => {
    const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 9; i += 1) {
      const alias = `*a${i - 1}`;
      lines.push(`a${i}: &a${i} [${Array.from({ length: 9 }, () => alias).join(',')}]`);
    }
    expect(errors(lines.join('\n'))).toEqual([expect.stringMatching(/alias/i)]);
  });

  it('refuses nesting that would exhaust the stack', () => {
    expect(errors('['.repeat(100_000))).toEqual(['1: is nested too deeply']);
  });

  it('refuses a file of very many documents', () => {
    expect(errors('a: 1\n---\n'.repeat(5_001))).toEqual([
      '1: holds more than 5000 documents: split the file',
    ]);
  });
});

it('reads back whatever JSON says, and never throws on any text', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue()), (object) => {
      const text = JSON.stringify(object);
      expect(values(text)).toEqual([JSON.parse(text)]);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => Array.isArray(readDocuments(text))),
  );
  const yamlish = fc.stringMatching(/^[a-z:\-&*[\]{}'"#|>!%@ \n]{0,80}$/);
  fc.assert(fc.property(yamlish, (text) => Array.isArray(readDocuments(text))));
});
