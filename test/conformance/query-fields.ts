// The fields of a base64 query (MS-ASHTTP 2.2.1.1.1.1): where each lies, so that one of them can be found and changed.

/** A field by our name, its value in words, and its place among the decoded bytes. */
export interface QueryField {
  readonly name: string;
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

const PARAMETERS: Readonly<Record<number, string>> = {
  0: 'AttachmentName',
  1: 'CollectionId',
  3: 'ItemId',
  4: 'LongId',
  6: 'Occurrence',
  7: 'Options',
  8: 'User',
};

export const PARAMETER_TAGS: ReadonlyMap<string, number> = new Map(
  Object.entries(PARAMETERS).map(([tag, name]) => [name, Number(tag)]),
);

/** Reads the decoded bytes. A parameter `P` has fields `P.tag`, `P.length` and `P`. */
export function fieldsOf(bytes: Buffer): QueryField[] {
  const fields: QueryField[] = [];
  let at = 0;
  const take = (name: string, length: number, kind: 'number' | 'text'): QueryField => {
    const part = bytes.subarray(at, at + length);
    const value =
      kind === 'number' ? String(part.length > 0 ? part.readUIntLE(0, part.length) : '') : textOf(part);
    const field = { name, value, start: at, end: at + part.length };
    if (part.length > 0) fields.push(field);
    at += length;
    return field;
  };
  const counted = (name: string, kind: 'number' | 'text'): QueryField =>
    take(name, Number(take(`${name}.length`, 1, 'number').value), kind);
  take('version', 1, 'number');
  take('command', 1, 'number');
  take('locale', 2, 'number');
  counted('deviceId', 'text');
  counted('policyKey', 'number');
  counted('deviceType', 'text');
  while (at < bytes.length) {
    const tag = Number(bytes[at]);
    const name = PARAMETERS[tag] ?? `tag${tag}`;
    take(`${name}.tag`, 1, 'number');
    counted(name, name === 'Options' ? 'number' : 'text');
  }
  return fields;
}

/** Printable text as it is, other bytes (a GUID) in hex. */
function textOf(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return /^[\x20-\x7e]*$/.test(text) ? text : bytes.toString('hex');
}
