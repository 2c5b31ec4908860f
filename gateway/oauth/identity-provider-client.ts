// Sends requests to one route's identity provider and brings the answers back as they are.
import type { LookupFunction } from 'node:net';
import type { Agent } from 'undici';
import { HeaderList } from '../http/headers.ts';
import type { PlainAnswer } from '../http/plain-answer.ts';
import type { ProviderEndpoint } from './provider-endpoints.ts';
import { appendQuery } from './rewrite.ts';

/** Time from sending to the whole answer, in ms. */
const DEADLINE_MS = 30_000;
const CONNECT_MS = 10_000;
const MAX_ANSWER_BYTES = 1_048_576;

/** Said by the phone about itself to the gateway's host, or by other proxies; not for the identity provider. */
const REQUEST_HEADERS_KEPT_BACK: ReadonlySet<string> = new Set([
  'cookie',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
]);

/** Hop by hop (RFC 9110, 7.6.1), framing, or said about the identity provider's host and wrong about ours. */
const ANSWER_HEADERS_KEPT_BACK: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'cache-control',
  'pragma',
  'set-cookie',
  'strict-transport-security',
  'alt-svc',
  'clear-site-data',
  'nel',
  'report-to',
  'reporting-endpoints',
]);

/** Why there is no answer to pass on: a short code such as `ECONNREFUSED`, never anything of the request. */
export class IdentityProviderError extends Error {
  readonly code: string;

  constructor(code: string, cause?: unknown) {
    super(`the identity provider gave no usable answer (${code})`, { cause });
    this.code = code;
  }
}

/** What is sent: the phone's header lines and, for POST, its body. */
export interface Outgoing {
  readonly method: 'GET' | 'POST';
  readonly endpoint: ProviderEndpoint;
  /** Empty: none; see {@link ProviderEndpoint.path}. */
  readonly tenant: string;
  /** Continues the configured one; null: none. */
  readonly query: string | null;
  readonly headers: HeaderList;
  readonly body: Buffer | undefined;
}

/** One route's identity provider. TLS is always verified, against `ca` where it is given. */
export class IdentityProviderClient {
  private readonly ca: Buffer | undefined;
  private readonly lookup: LookupFunction | undefined;
  private agent: Promise<Agent> | undefined;

  constructor(ca: Buffer | undefined, lookup?: LookupFunction) {
    this.ca = ca;
    this.lookup = lookup;
  }

  /**
   * Sends a request. Answers of 200 to 299 and of 400 upwards come back byte for byte.
   *
   * @throws IdentityProviderError when it cannot be reached, is too slow, redirects, or answers more than 1 MiB.
   */
  async send(outgoing: Outgoing, signal: AbortSignal): Promise<PlainAnswer> {
    const { method, endpoint, tenant, query, headers, body } = outgoing;
    try {
      this.agent ??= createAgent(this.ca, this.lookup);
      const answer = await (
        await this.agent
      ).request({
        origin: endpoint.origin,
        path: appendQuery(endpoint.path(tenant), query),
        method,
        headers: requestHeaders(headers),
        ...(body !== undefined && { body }),
        responseHeaders: 'raw',
        signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
      });
      const bytes = await readBounded(answer.body);
      if (answer.statusCode < 200 || (answer.statusCode >= 300 && answer.statusCode < 400)) {
        throw new IdentityProviderError(`Status${answer.statusCode}`);
      }
      return {
        status: answer.statusCode,
        headers: answerHeaders(answer.headers as unknown as (Buffer | string)[]),
        body: bytes,
      };
    } catch (error) {
      throw error instanceof IdentityProviderError ? error : new IdentityProviderError(codeOf(error), error);
    }
  }

  /** Resolves when the requests under way have been answered. */
  async close(): Promise<void> {
    await (await this.agent)?.close();
  }
}

/** Loaded with the first request: undici takes 8 MB, in every gateway. */
async function createAgent(ca: Buffer | undefined, lookup: LookupFunction | undefined): Promise<Agent> {
  const { Agent } = await import('undici');
  return new Agent({
    allowH2: false,
    autoSelectFamilyAttemptTimeout: 2000,
    connect: {
      timeout: CONNECT_MS,
      ...(ca === undefined ? {} : { ca }),
      ...(lookup === undefined ? {} : { lookup }),
    },
  });
}

function codeOf(error: unknown): string {
  const { code, name } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : (name ?? 'Error');
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > MAX_ANSWER_BYTES) throw new IdentityProviderError('AnswerTooLarge');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function requestHeaders({ lines }: HeaderList): string[] {
  return lines.filter((_, at) => !REQUEST_HEADERS_KEPT_BACK.has((lines[at - (at % 2)] ?? '').toLowerCase()));
}

function answerHeaders(raw: readonly (Buffer | string)[]): HeaderList {
  const lines = raw.map((text) => text.toString('latin1'));
  const named = lines.filter((_, at) => at % 2 === 1 && lines[at - 1]?.toLowerCase() === 'connection');
  const hopByHop = new Set(named.flatMap((value) => value.toLowerCase().split(/[\s,]+/)));
  const headers = new HeaderList();
  for (let at = 0; at < lines.length; at += 2) {
    const name = lines[at] ?? '';
    const lower = name.toLowerCase();
    if (!ANSWER_HEADERS_KEPT_BACK.has(lower) && !hopByHop.has(lower))
      headers.append(name, (lines[at + 1] ?? '').trim());
  }
  return headers.append('Cache-Control', 'no-store');
}
