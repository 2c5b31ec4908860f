// The challenges of a WWW-Authenticate line (RFC 9110, 11.6.1): those that authenticate a connection go, and where to sign in may change.

const SUSPECT = /\b(?:ntlm|negotiate)\b/i;
/** An element that begins a challenge: a scheme alone, or a scheme and what follows it; a mere parameter has its `=` first. */
const SCHEME = /^\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:\s+[^=\s]|\s*$)/;

const AUTHORIZATION_URI = /^(\s*(?:bearer\s+)?authorization_uri\s*=\s*)(?:"(?:[^"\\]|\\.)*"|[^\s,"]+)/i;

/**
 * Removes NTLM and Negotiate from the value of a WWW-Authenticate line.
 * @returns the value itself where neither is in it, the others' challenges byte for byte, or undefined where none is left.
 */
export function withoutConnectionBound(value: string): string | undefined {
  if (!SUSPECT.test(value)) return value;
  const kept: string[] = [];
  let keeping = true;
  for (const element of splitList(value)) {
    const scheme = SCHEME.exec(element)?.[1]?.toLowerCase();
    if (scheme !== undefined) keeping = scheme !== 'ntlm' && scheme !== 'negotiate';
    if (keeping) kept.push(element);
  }
  return kept.length === 0 ? undefined : kept.join(',').trim();
}

/**
 * Replaces `authorization_uri` in the Bearer challenges of a WWW-Authenticate line.
 * @param uri without quotation marks and backslashes
 * @returns the value with every other byte of it as it was.
 */
export function withAuthorizationURI(value: string, uri: string): string {
  let isBearer = false;
  const elements = splitList(value).map((element) => {
    const scheme = SCHEME.exec(element)?.[1]?.toLowerCase();
    if (scheme !== undefined) isBearer = scheme === 'bearer';
    return isBearer
      ? element.replace(AUTHORIZATION_URI, (_, before: string) => `${before}"${uri}"`)
      : element;
  });
  return elements.join(',');
}

/** Splits at commas outside of quoted strings (RFC 9110, 5.6.1). */
function splitList(value: string): string[] {
  const elements: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < value.length; at++) {
    const character = value[at];
    if (character === '"') quoted = !quoted;
    else if (quoted && character === '\\') at++;
    else if (!quoted && character === ',') {
      elements.push(value.slice(start, at));
      start = at + 1;
    }
  }
  elements.push(value.slice(start));
  return elements;
}
