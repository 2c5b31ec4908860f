// What the pipeline lends to each request under way.
import type { Logger } from 'pino';
import type { Clock } from '../http/deadlines.ts';
import type { RequestHead } from '../http/exchange.ts';
import type { RequestSink as RecordSink } from '../telemetry/request-record.ts';
import type { AddressLimit } from '../listener/address-limit.ts';
import type { DeviceCensus } from './device-census.ts';
import type { OpenRequests } from './open-requests.ts';
import type { Admission, PhoneConnection } from './phone-connection.ts';
import type { Redirects } from './redirects.ts';
import type { ResponseTransform } from './response-transforms.ts';
import type { VersionCensus } from './version-census.ts';
import type { Throttle } from './throttle.ts';

export type PipelineLog = Pick<Logger, 'info' | 'warn' | 'error'>;

export interface PipelineContext {
  readonly clock: Clock;
  readonly sink: RecordSink;
  readonly log: PipelineLog;
  readonly open: OpenRequests;
  readonly census: DeviceCensus;
  readonly versions: VersionCensus;
  readonly unaccepted: AddressLimit;
  readonly throttle: Throttle;
  readonly redirects: Redirects;
  readonly responseTransforms: readonly ResponseTransform[];
  /** Of the snapshot of now; 0 before the first one. */
  readonly generation: number;
  /** Judges a request by the snapshot of now: it may have changed since the request came. */
  admit(request: RequestHead, connection: PhoneConnection): Admission;
}

/** Tells of a stage that threw. The message may quote what a client sent, so only the name and the place are logged. */
export function logStageFailure(log: PipelineLog, error: unknown): void {
  const known = error instanceof Error ? error : undefined;
  const frames = known?.stack?.split('\n').filter((line) => line.trimStart().startsWith('at '));
  log.error(
    { error: known?.name ?? typeof error, at: frames?.slice(0, 5) },
    'a stage of the pipeline failed',
  );
}
