// Readings of a request by different readers, brought to a form in which they must be equal.
import type { RequestReading } from './recorder.ts';
import type { RecordedRequest } from './recording-upstream.ts';

export interface ComparableRequest {
  method: string;
  target: string;
  host: string | undefined;
  /** End-to-end lines, names in lower case (HAProxy writes them so). */
  lines: string[];
  body: string;
}

export type OurRequest = RequestReading['messages'][number];

export function comparableMessage({ head, headers, body }: OurRequest, raw: string): ComparableRequest {
  return { method: head.method, target: head.target, host: head.host, lines: endToEnd(headers, raw), body };
}

export function comparableRecord(
  { method, target, lines, body }: RecordedRequest,
  raw: string,
): ComparableRequest {
  const host = lines[lines.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === 'host') + 1];
  return { method, target: originForm(target), host, lines: endToEnd(lines, raw), body };
}

/** A reader may hand the absolute form on as it came. */
function originForm(target: string): string {
  return target.replace(/^https:\/\/[^/]+(?=\/)/i, '');
}

const NOT_COMPARED =
  /^(?:host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|proxy-.*)$/;

/** Without what Connection names: nginx and HAProxy hand it on (RFC 9110, 7.6.1 forbids it); that is policy, not reading. */
export function endToEnd(lines: readonly string[], raw: string): string[] {
  const named = new Set(
    [...raw.matchAll(/^connection:(.*)$/gim)].flatMap(([line]) => line.toLowerCase().split(/[:, \t\r]+/)),
  );
  return lines.flatMap((name, i) => {
    const lowerName = name.toLowerCase();
    if (i % 2 === 1 || NOT_COMPARED.test(lowerName) || named.has(lowerName)) return [];
    return [lowerName, lines[i + 1] ?? ''];
  });
}
