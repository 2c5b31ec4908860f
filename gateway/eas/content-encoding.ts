// Undoes the Content-Encoding of a body for a look at it (RFC 9110, 8.4): on a copy, and never more than is asked for.
import { gunzipSync, inflateRawSync, inflateSync, type InputType, type ZlibOptions } from 'node:zlib';

/** What Node answers with the option `info`, which its types leave out. */
interface Inflation {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}
type Inflate = (body: InputType, options: ZlibOptions) => unknown;

/** What `deflate` means differs: with the header of zlib (RFC 9110, 8.4.1.2), or without it. */
const CODINGS: ReadonlyMap<string, readonly Inflate[]> = new Map([
  ['gzip', [gunzipSync]],
  ['x-gzip', [gunzipSync]],
  ['deflate', [inflateSync, inflateRawSync]],
]);

/**
 * @param contentEncoding the value of the header; `identity` gives the pieces themselves
 * @param maxBytes of the inflated body; the work that is done is bounded by it too
 * @returns undefined for other codings, several of them, a broken body, bytes behind its end, and a larger one
 */
export function inflatedCopy(
  pieces: readonly Buffer[],
  contentEncoding: string,
  maxBytes: number,
): readonly Buffer[] | undefined {
  const coding = contentEncoding.trim().toLowerCase();
  if (coding === 'identity' || coding === '') return pieces;
  const inflates = CODINGS.get(coding);
  if (inflates === undefined) return undefined;
  const body = Buffer.concat(pieces);
  for (const inflate of inflates) {
    const inflated = inflatedBy(inflate, body, maxBytes);
    if (inflated !== undefined) return [inflated];
  }
  return undefined;
}

function inflatedBy(inflate: Inflate, body: Buffer, maxBytes: number): Buffer | undefined {
  try {
    const { buffer, engine } = inflate(body, { maxOutputLength: maxBytes, info: true }) as Inflation;
    return engine.bytesWritten === body.length ? buffer : undefined;
  } catch {
    return undefined;
  }
}
