// Defaulting as the API server does it: absent fields take the schema's default, then the default of what that brought.
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
