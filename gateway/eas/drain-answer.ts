// How the gateway may finish an open poll itself: the phone learns nothing, asks again and lands on another replica (MS-ASCMD R4233, R667).
import { tagOf } from './code-pages.ts';
import type { Command } from './commands.ts';
import type { RequestScan } from './request-scan.ts';
import { element, encodeWbxml } from './wbxml-encoder.ts';

/** An answer with status 200. */
export interface DrainAnswer {
  /** Empty where the answer has no body. */
  readonly contentType: string;
  readonly body: Buffer;
}

/** Ping, Status 1: the heartbeat expired without changes. */
const PING_EXPIRED: DrainAnswer = {
  contentType: 'application/vnd.ms-sync.wbxml',
  body: encodeWbxml(element(tagOf('Ping', 'Ping'), element(tagOf('Ping', 'Status'), '1'))),
};
/** The empty answer to a Sync: no changes. */
const SYNC_NO_CHANGES: DrainAnswer = { contentType: '', body: Buffer.alloc(0) };

/** True for a request that holds its connection open until something happens: a Ping, a Sync that waits, or an empty one of both. */
export function isPoll(command: Command, scan: RequestScan): boolean {
  if (command === 'Ping') return true;
  return command === 'Sync' && scan !== 'Unknown' && (scan.empty || (scan.waitSeconds ?? 0) > 0);
}

/**
 * The answer that ends an open poll, or undefined where the gateway must not: an unknown body may hold changes of the
 * phone, which would be dropped silently; the first state of a folder is owed; a Sync that does not wait is nearly done.
 */
export function drainAnswer(command: Command, scan: RequestScan): DrainAnswer | undefined {
  if (scan === 'Unknown' || !isPoll(command, scan)) return undefined;
  if (command === 'Ping') return PING_EXPIRED;
  return scan.commands || scan.initial ? undefined : SYNC_NO_CHANGES;
}
