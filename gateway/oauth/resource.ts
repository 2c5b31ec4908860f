// Compares resources (audiences) as OAuth clients write them (spec/oauth.md, rule 3).

const ABSOLUTE = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)(.*)$/is;

/** True when both name the same resource: one trailing slash and the case of scheme and host do not matter. */
export function sameResource(a: string, b: string): boolean {
  return comparable(a) === comparable(b);
}

function comparable(resource: string): string {
  const withoutSlash = resource.endsWith('/') ? resource.slice(0, -1) : resource;
  const [, origin, rest] = ABSOLUTE.exec(withoutSlash) ?? [];
  return origin === undefined || rest === undefined ? withoutSlash : origin.toLowerCase() + rest;
}
