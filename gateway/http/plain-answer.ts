// A request and an answer that fit in memory, as the pipeline exchanges them with OAuth and Autodiscover.
import type { HeaderList } from './headers.ts';

/** A whole request: `target` is path and query, the client's bytes; `body` at most `MAX_BODY_BYTES`. */
export interface PlainRequest {
  readonly method: string;
  readonly target: string;
  /** `host[:port]` as the client wrote it, its grammar checked, but not against the listener's names. */
  readonly host: string;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

/** A whole answer. `headers` holds neither Content-Length nor Connection: `ServerExchange.respond` frames it. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

/** The largest body that the pipeline reads for a plain answer; above it the answer is `bodyTooLarge()`. */
export const MAX_BODY_BYTES = 65_536;
