// Whether a status differs from what stands there: one that does not is not written.
import { isDeepStrictEqual } from 'node:util';

/** Compares as JSON does: the order of fields and fields that are undefined do not count. */
export function isSameStatus(previous: object | undefined, next: object): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(previous ?? {})), JSON.parse(JSON.stringify(next)));
}
