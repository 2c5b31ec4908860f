// What a file says and what the API server stores must be the same object: zod's defaults are the CRD's.
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import { kinds, rootSchema } from './custom-resource-definition.ts';
import { withDefaults, withoutUnknown } from './defaults.ts';
import type { SchemaNode } from './schema-node.ts';

/** Values of a schema that leave out whatever may be left out, at random. */
function valuesOf(node: SchemaNode): fc.Arbitrary<unknown> {
  if (node.enum !== undefined) return fc.constantFrom(...node.enum);
  switch (node.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: node.minimum ?? 0, max: Math.min(node.maximum ?? 1000, 2 ** 31 - 1) });
    case 'string':
      return stringsOf(node);
    case 'array':
      return fc.array(valuesOf(node.items ?? { type: 'string' }), {
        minLength: node.minItems ?? 0,
        maxLength: Math.min(node.maxItems ?? 3, Math.max(node.minItems ?? 0, 3)),
      });
    case 'object':
      return objectsOf(node);
  }
}

function stringsOf({ pattern }: SchemaNode): fc.Arbitrary<string> {
  if (pattern === undefined) return fc.constantFrom('a', 'some text');
  const candidates = ['mail', 'https://mbx1.example.com', '250m', '10.0.0.7', 'ca.crt', 'a b'].filter(
    (text) => new RegExp(pattern).test(text),
  );
  return candidates.length > 0 ? fc.constantFrom(...candidates) : fc.stringMatching(new RegExp(pattern));
}

function objectsOf({ properties, required, additionalProperties }: SchemaNode): fc.Arbitrary<unknown> {
  if (properties === undefined) {
    return additionalProperties === undefined
      ? fc.constant({})
      : fc.dictionary(fc.constantFrom('a', 'b'), valuesOf(additionalProperties));
  }
  return fc.record(
    Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, valuesOf(child)])),
    { requiredKeys: required ?? [] },
  );
}

/** Texts that match, texts with one character too many (odd spaces above all, on which dialects differ), and any other. */
function textsNear(regex: RegExp): fc.Arbitrary<string> {
  const matching = fc.stringMatching(regex);
  const odd = fc.constantFrom(
    ...Array.from('\0\t\n\v\f\r \u0085\u00a0\u1680\u2003\u2028\u2029\u202f\u3000\ufeff\u{1f600}@/\\#?[]:'),
  );
  const spoilt = fc
    .tuple(matching, odd, fc.nat())
    .map(
      ([text, character, at]) =>
        text.slice(0, at % (text.length + 1)) + character + text.slice(at % (text.length + 1)),
    );
  return fc.oneof(matching, spoilt, fc.string({ unit: 'binary' }));
}

function patternsOf(node: SchemaNode): string[] {
  const children = [node.items, node.additionalProperties, ...Object.values(node.properties ?? {})];
  return [
    ...(node.pattern === undefined ? [] : [node.pattern]),
    ...(node['x-kubernetes-validations'] ?? []).flatMap(({ rule }) =>
      [...rule.matchAll(/matches\(r"([^"]*)"\)/g)].map(([, pattern = '']) => pattern),
    ),
    ...children.flatMap((child) => (child === undefined ? [] : patternsOf(child))),
  ];
}

describe.each(kinds)('$kind', (kind) => {
  const root = rootSchema(kind);
  const schema = root.properties?.['spec'] as SchemaNode;

  test("zod's defaults are the CRD's", () => {
    fc.assert(
      fc.property(valuesOf(schema), (spec) => {
        expect(withDefaults(schema, spec)).toEqual(kind.spec.parse(spec));
      }),
      { numRuns: 500 },
    );
  });

  test('every pattern is one that the API server (RE2) understands, and means the same there', () => {
    const patterns = [...new Set(patternsOf(root))];
    expect(patterns.length).toBeGreaterThan(3);
    for (const pattern of patterns) {
      const re2 = RE2JS.compile(pattern);
      const regex = new RegExp(pattern);
      fc.assert(
        fc.property(textsNear(regex), (text) => {
          expect(re2.matcher(text).find()).toBe(regex.test(text));
        }),
        { numRuns: 200 },
      );
    }
  });

  test('every field says its default, or what stands for one, unless it is required or a group of fields', () => {
    const silent: string[] = [];
    const visit = (path: string, node: SchemaNode, required: boolean): void => {
      const description = node.description ?? '';
      const isScalar = ['string', 'number', 'boolean'].includes(typeof node.default);
      if (isScalar && !description.includes(`Default ${String(node.default)}`)) silent.push(path);
      if (!required && node.default === undefined && !/\bdefault\b/i.test(description)) silent.push(path);
      visitChildren(path, node);
    };
    const visitChildren = (path: string, node: SchemaNode): void => {
      for (const [name, child] of Object.entries(node.properties ?? {})) {
        visit(`${path}.${name}`, child, node.required?.includes(name) ?? false);
      }
      if (node.items !== undefined) visitChildren(`${path}[]`, node.items);
    };
    visitChildren('spec', schema);
    expect(silent).toEqual([]);
  });

  test('every number says its unit', () => {
    const units = /seconds|bytes|percent|number|port|pods|lowest/i;
    const silent: string[] = [];
    const visit = (path: string, node: SchemaNode): void => {
      if (node.type === 'integer' && !units.test(node.description ?? '')) silent.push(path);
      for (const [name, child] of Object.entries(node.properties ?? {})) visit(`${path}.${name}`, child);
      if (node.items !== undefined) visit(`${path}[]`, node.items);
    };
    visit('spec', schema);
    expect(silent).toEqual([]);
  });
});

describe('pruning', () => {
  const node: SchemaNode = {
    type: 'object',
    properties: {
      listeners: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } } } },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      anything: { type: 'object' },
    },
  };

  test('drops what the schema does not know, at every depth', () => {
    const given = { listeners: [{ name: 'phones', later: 1 }], later: { deep: true } };
    expect(withoutUnknown(node, given)).toEqual({ listeners: [{ name: 'phones' }] });
  });

  test('keeps maps, and objects of which the schema says nothing', () => {
    const given = { labels: { any: 'thing' }, anything: { goes: [1, null] } };
    expect(withoutUnknown(node, given)).toEqual(given);
  });
});
