// The paths of Autodiscover: one of v1, and two forms of v2. Case does not matter.

/** What a path asks for. */
export type AutodiscoverPath =
  | { readonly version: 'v1' }
  /** `address` stands percent-encoded in the path; undefined: in the query. */
  | { readonly version: 'v2'; readonly address: string | undefined };

const PATH = /^\/autodiscover\/autodiscover[.](?:(xml)|json(?:\/v1[.]0\/([^/]+))?)$/i;
/** The path of ActiveSync begins with another letter: it costs a comparison. */
const LETTER_A = 0x61;
const LOWER_CASE = 0x20;
const V1: AutodiscoverPath = { version: 'v1' };

/** Takes a path apart, without its query; undefined for every other path. */
export function parseAutodiscoverPath(path: string): AutodiscoverPath | undefined {
  if ((path.charCodeAt(1) | LOWER_CASE) !== LETTER_A) return undefined;
  const match = PATH.exec(path);
  if (match === null) return undefined;
  const [, xml, address] = match;
  return xml === undefined ? { version: 'v2', address } : V1;
}
