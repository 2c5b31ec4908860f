// What PlainExchange asks for an answer: OAuth and Autodiscover.
import type { PlainAnswer, PlainRequest } from '../http/plain-answer.ts';

/** Paths of the gateway's own, all of them with answers of its own. */
export interface PlainService {
  /** Whose answer it is, for metrics and log. */
  readonly reason: string;
  /** What a request of this path is called there; empty for a path that leads nowhere. */
  command(path: string): string;
  /** The route (`namespace/name`) whose path this is on this listener, or null. */
  owner(listener: string, path: string): string | null;
  /** Every failure is an answer. @param signal aborted when the phone is gone */
  answer(listener: string, request: PlainRequest, signal: AbortSignal): PlainAnswer | Promise<PlainAnswer>;
  /** The answer to a body above `MAX_BODY_BYTES`. */
  bodyTooLarge(): PlainAnswer;
}
