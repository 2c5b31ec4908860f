// What a file says and what the API server stores must be the same object: zod's defaults are the CRD's.
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import { kinds, rootSchema } from './custom-resource-definition.ts';
import { withDefaults } from './defaults.ts';
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

function patternsOf(node: SchemaNode): string[] {
  const children = [node.items, node.additionalProperties, ...Object.values(node.properties ?? {})];
  return [
    ...(node.pattern === undefined ? [] : [node.pattern]),
    ...children.flatMap((child) => (child === undefined ? [] : patternsOf(child))),
  ];
}

describe.each(kinds)('$kind', (kind) => {
  const schema = rootSchema(kind).properties?.['spec'] as SchemaNode;

  test("zod's defaults are the CRD's", () => {
    fc.assert(
      fc.property(valuesOf(schema), (spec) => {
        expect(withDefaults(schema, spec)).toEqual(kind.spec.parse(spec));
      }),
      { numRuns: 500 },
    );
  });

  test('every pattern is one that the API server (RE2) understands, and means the same there', () => {
    const patterns = [...new Set(patternsOf(schema))];
    expect(patterns.length).toBeGreaterThan(3);
    for (const pattern of patterns) {
      const re2 = RE2JS.compile(pattern);
      const regex = new RegExp(pattern);
      fc.assert(
        fc.property(fc.oneof(fc.string(), fc.stringMatching(regex)), (text) => {
          fc.pre(!/\s$/.test(text));
          expect(re2.matcher(text).find()).toBe(regex.test(text));
        }),
        { numRuns: 100 },
      );
    }
  });

  test('every field says what it is, and its default where it has one', () => {
    const missing: string[] = [];
    const visit = (path: string, node: SchemaNode): void => {
      const description = node.description ?? '';
      if (
        typeof node.default === 'string' ||
        typeof node.default === 'number' ||
        typeof node.default === 'boolean'
      ) {
        if (!description.includes(`Default ${String(node.default)}`)) missing.push(path);
      }
      for (const [name, child] of Object.entries(node.properties ?? {})) visit(`${path}.${name}`, child);
      if (node.items !== undefined) visit(`${path}[]`, node.items);
    };
    visit('spec', schema);
    expect(missing).toEqual([]);
  });
});
