// Why sign-ins fail, as the identity provider and Exchange say it: a metric, and now and then a line that says what to do.
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { Logger } from 'pino';
import type { Clock } from '../http/deadlines.ts';
import type { HeaderList } from '../http/headers.ts';
import { type Diagnosis, EXCHANGE_DIAGNOSES, IDENTITY_PROVIDER_DIAGNOSES, OTHER } from './diagnosis-table.ts';

export type DiagnosisSource = 'identity-provider' | 'exchange';

export interface DiagnosesOptions {
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly clock: Clock;
  readonly count: (source: DiagnosisSource, reason: string) => void;
}

/** An error answer of the identity provider: JSON (RFC 6749, 5.2), perhaps compressed. */
interface ErrorAnswer {
  readonly headers: HeaderList;
  readonly body: Buffer;
}

const BY_CODE: ReadonlyMap<number, Diagnosis> = new Map(
  IDENTITY_PROVIDER_DIAGNOSES.flatMap((diagnosis) => diagnosis.codes.map((code) => [code, diagnosis])),
);
const BY_CATEGORY: ReadonlyMap<string, Diagnosis> = new Map(
  EXCHANGE_DIAGNOSES.map((diagnosis) => [diagnosis.category, diagnosis]),
);

/** A line for each reason and route at most so often. */
const LINE_EVERY_MS = 60_000;
const MAX_BODY_BYTES = 65_536;
/** After this long silence the number of lines that were left out is of no interest. */
const FORGET_AFTER_MS = 600_000;
const MAX_CODES = 16;
const AADSTS = /\bAADSTS([0-9]{4,9})\b/;
const EXCHANGE_CODE = /^\s*([0-9]{1,10})\s*(?:;|$)/;
const EXCHANGE_CATEGORY = /;\s*error_category\s*=\s*"?([a-z_]{1,40})"?/i;
const INFLATE: ReadonlyMap<string, (body: Buffer, options: { maxOutputLength: number }) => Buffer> = new Map([
  ['gzip', gunzipSync],
  ['deflate', inflateSync],
  ['br', brotliDecompressSync],
]);

interface Line {
  readonly writtenAt: number;
  /** Since then. */
  more: number;
}

export class Diagnoses {
  private readonly options: DiagnosesOptions;
  /** By source, reason and route, the oldest first: reasons are fixed, and routes are the configuration's. */
  private readonly lines = new Map<string, Line>();

  constructor(options: DiagnosesOptions) {
    this.options = options;
  }

  /** An answer of 400 and above at a token or device code endpoint. @param route `namespace/name` */
  identityProviderRefused(route: string, answer: ErrorAnswer): void {
    const codes = codesOf(answer);
    const code = codes.find((each) => BY_CODE.has(each)) ?? codes[0];
    const diagnosis = (code === undefined ? undefined : BY_CODE.get(code)) ?? OTHER;
    this.note('identity-provider', route, diagnosis, code === undefined ? '' : `AADSTS${code}`);
  }

  /** An answer of Exchange to somebody who did sign in. @param value of `x-ms-diagnostics` */
  exchangeRefused(route: string, value: string): void {
    const category = EXCHANGE_CATEGORY.exec(value)?.[1]?.toLowerCase() ?? '';
    const diagnosis = BY_CATEGORY.get(category) ?? OTHER;
    this.note('exchange', route, diagnosis, EXCHANGE_CODE.exec(value)?.[1] ?? '');
  }

  private note(source: DiagnosisSource, route: string, diagnosis: Diagnosis, code: string): void {
    const { log, clock, count } = this.options;
    const { reason, action } = diagnosis;
    count(source, reason);
    const key = `${source} ${reason} ${route}`;
    const line = this.lines.get(key);
    const now = clock.now();
    if (line !== undefined && now - line.writtenAt < LINE_EVERY_MS) {
      line.more++;
      return;
    }
    this.forgetOld(now);
    this.lines.delete(key);
    this.lines.set(key, { writtenAt: now, more: 0 });
    const event = { route, source, code, reason, action, more: line?.more ?? 0 };
    if (diagnosis.everyday) log.info(event, 'a sign-in failed');
    else log.warn(event, 'a sign-in failed');
  }

  /** Routes come and go. */
  private forgetOld(now: number): void {
    for (const [key, { writtenAt }] of this.lines) {
      if (now - writtenAt < FORGET_AFTER_MS) return;
      this.lines.delete(key);
    }
  }
}

/** The numbers behind `AADSTS`; none of other identity providers. */
function codesOf({ headers, body }: ErrorAnswer): number[] {
  const text = textOf(headers.get('content-encoding') ?? '', body);
  const { error_codes: codes, error_description: description } = parseObject(text);
  if (Array.isArray(codes) && codes.length > 0) {
    return codes.slice(0, MAX_CODES).filter((code): code is number => Number.isSafeInteger(code));
  }
  const code = typeof description === 'string' ? AADSTS.exec(description)?.[1] : undefined;
  return code === undefined ? [] : [Number(code)];
}

function textOf(encoding: string, body: Buffer): string {
  const inflate = INFLATE.get(encoding.trim().toLowerCase());
  if (body.length > MAX_BODY_BYTES) return '';
  try {
    const bytes = inflate === undefined ? body : inflate(body, { maxOutputLength: MAX_BODY_BYTES });
    return bytes.toString('utf8');
  } catch {
    return '';
  }
}

function parseObject(text: string): Partial<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
