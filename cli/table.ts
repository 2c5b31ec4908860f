// Objects as the table that kubectl prints, by the printer columns of their CustomResourceDefinition.
import { kinds } from '../operator/api/custom-resource-definition.ts';

/** An object of one of our kinds, as far as the table looks at it. */
export interface Row {
  readonly kind: string;
  readonly metadata: { readonly namespace: string; readonly name: string };
}

type Column = (typeof kinds)[number]['columns'][number];
const GAP = '   ';

/**
 * One table for each kind that occurs, as `kubectl get --all-namespaces` prints several kinds at once. Columns that no
 * object has a value for are left out.
 */
export function printTables(objects: readonly Row[]): string {
  return kinds
    .map((description) => {
      const rows = objects.filter(({ kind }) => kind === description.kind);
      return rows.length === 0 ? '' : printTable(description, rows);
    })
    .filter(Boolean)
    .join('\n');
}

function printTable({ kind, columns }: (typeof kinds)[number], objects: readonly Row[]): string {
  const shown = columns.filter(
    (column) => (column.priority ?? 0) === 0 && objects.some((object) => cell(object, column) !== ''),
  );
  const head = ['NAMESPACE', 'NAME', ...shown.map(({ name }) => name.toUpperCase())];
  const rows = objects.map((object) => {
    const { namespace, name } = object.metadata;
    const cells = shown.map((column) => cell(object, column));
    return [namespace, `${kind.toLowerCase()}.sentrygateway.io/${name}`].concat(cells);
  });
  return align([head, ...rows]);
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows
    .map((row) => row.map((text, at) => text.padEnd(widths[at] ?? 0)).join(GAP))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

function cell(object: Row, { jsonPath }: Column): string {
  const value = valueAt(object, jsonPath);
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const step = /\.(\w+)|\[(\d+)\]|\[\?\(@\.(\w+)=="([^"]*)"\)\]/g;

/** The value at a JSONPath of the kind that printer columns use: fields, positions, and filters by one field's text. */
export function valueAt(root: unknown, jsonPath: string): unknown {
  let value = root;
  for (const [, field, index, filterField, filterText] of jsonPath.matchAll(step)) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (filterField === undefined) {
      value = (value as Record<string, unknown>)[field ?? index ?? ''];
    } else {
      const items = Array.isArray(value) ? (value as Record<string, unknown>[]) : [];
      value = items.find((item) => item[filterField] === filterText);
    }
  }
  return value;
}
