// Versions of objects as the API server counts them: whole numbers of any length, one count for all objects of a kind.

/** True when version `a` of an object is older than version `b`; an unknown version is older than any. */
export function isOlderVersion(a = '', b = ''): boolean {
  return a.length === b.length ? a < b : a.length < b.length;
}
