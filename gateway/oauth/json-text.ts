// Finds a member in the text of a JSON object, so that its bytes can be replaced and no others.

/** A string value: where its characters begin and end in the text, without the quotation marks. */
export interface TextSpan {
  readonly start: number;
  readonly end: number;
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s"{}[\]:,]+/gs;

/**
 * The string value of a member of the outermost object; undefined where the text is no JSON object, or holds this member not at
 * all, more than once, or with another kind of value.
 */
export function stringMember(json: string, name: string): TextSpan | undefined {
  if (!isObject(json)) return undefined;
  const spans: (TextSpan | undefined)[] = [];
  let depth = 0;
  let [previous, key] = ['', ''];
  for (const { 0: token, index } of json.matchAll(TOKEN)) {
    if (depth === 1 && previous === ':' && key === name) spans.push(stringAt(token, index));
    if (depth === 1 && token.startsWith('"') && previous !== ':') key = JSON.parse(token) as string;
    if (token === '{' || token === '[') depth++;
    if (token === '}' || token === ']') depth--;
    previous = token;
  }
  return spans.length === 1 ? spans[0] : undefined;
}

function stringAt(token: string, index: number): TextSpan | undefined {
  return token.startsWith('"') ? { start: index + 1, end: index + token.length - 1 } : undefined;
}

function isObject(json: string): boolean {
  if (!/^\s*\{/.test(json)) return false;
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false;
  }
}
