// Compares resources (audiences) as OAuth clients write them (spec/oauth.md, rule 3).

const ABSOLUTE = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)(.*)$/is;

/** True when both name the same resource: one trailing slash and the case of scheme and host do not matter. */
export function sameResource(a: string, b: string): boolean {
  return comparable(a) === comparable(b);
}

/** The resource without one trailing slash. */
export function withoutFinalSlash(resource: string): string {
  return resource.endsWith('/') ? resource.slice(0, -1) : resource;
}

function comparable(resource: string): string {
  const bare = withoutFinalSlash(resource);
  const [, origin, rest] = ABSOLUTE.exec(bare) ?? [];
  return origin === undefined || rest === undefined ? bare : origin.toLowerCase() + rest;
}
