// Nulls, defaults and unknown fields as the API server treats them: a field that is null is absent, an absent one takes the schema's
// default, one that the schema does not know is dropped.
import type { SchemaNode } from './schema-node.ts';

/** A copy of the value with every default of the schema filled in (structural schema defaulting). */
export function withDefaults(node: SchemaNode, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = node;
    return items === undefined ? value : value.map((item) => withDefaults(items, item));
  }
  if (typeof value !== 'object' || value === null) return value;
  const { properties, additionalProperties } = node;
  const filled: Record<string, unknown> = { ...value };
  for (const [name, child] of Object.entries(properties ?? {})) {
    const given = filled[name] === undefined ? structuredClone(child.default) : filled[name];
    if (given !== undefined) filled[name] = withDefaults(child, given);
  }
  if (additionalProperties !== undefined) {
    for (const [name, child] of Object.entries(filled)) {
      filled[name] = withDefaults(additionalProperties, child);
    }
  }
  return filled;
}

/** A copy of the value without the known fields that are null (YAML writes `drain:` for that); items of lists stay. */
export function withoutNulls(node: SchemaNode | undefined, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutNulls(node?.items, item));
  if (typeof value !== 'object' || value === null) return value;
  const childOf = (name: string) => node?.properties?.[name] ?? node?.additionalProperties;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, child]) => child !== null || childOf(name) === undefined)
      .map(([name, child]) => [name, withoutNulls(childOf(name), child)]),
  );
}

/** A copy of the value without the fields that the schema does not know (structural schema pruning). */
export function withoutUnknown(node: SchemaNode | undefined, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutUnknown(node?.items, item));
  if (typeof value !== 'object' || value === null || node === undefined) return value;
  const { properties, additionalProperties } = node;
  if (properties === undefined && additionalProperties === undefined) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, child]) => {
      const known = properties?.[name] ?? additionalProperties;
      return known === undefined ? [] : [[name, withoutUnknown(known, child)]];
    }),
  );
}
