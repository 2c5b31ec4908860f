// What the process says about itself: metrics, the access log, and the log of rare events.
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import type { Snapshot, SnapshotFiles } from '../config/snapshot.ts';
import { AccessLog } from './access-log.ts';
import { type HeartbeatListener, Heartbeats, SHORT_SECONDS } from './heartbeats.ts';
import { Metrics } from './metrics.ts';
import type { RequestRecord, RequestSink } from './request-record.ts';

/** Bytes of log that wait for a slow reader of stderr; beyond it lines are dropped: mail is worth more. */
const MAX_WAITING_LOG_BYTES = 8 * 1024 * 1024;

export interface TelemetryOptions {
  readonly build: string;
  /** Where log lines (JSON) go; default: stderr, written asynchronously. */
  readonly destination?: DestinationStream;
}

export class Telemetry implements RequestSink, HeartbeatListener {
  /** For rare events. Never an identifier, header, body or token. */
  readonly log: Logger;
  readonly metrics: Metrics;
  private readonly accessLog: AccessLog;
  private readonly heartbeats = new Heartbeats(this);

  constructor({ build, destination = stderr() }: TelemetryOptions) {
    this.log = pino({ base: { build }, timestamp: stdTimeFunctions.isoTime }, destination);
    this.metrics = new Metrics(build, () => this.heartbeats.mean);
    this.accessLog = new AccessLog(this.log);
  }

  /** Takes what a snapshot says about logging, and its certificates. */
  configure(snapshot: Snapshot, files: SnapshotFiles): void {
    this.accessLog.configure(snapshot, files);
    this.metrics.showCertificates(snapshot, files);
  }

  requestFinished(record: RequestRecord): void {
    this.metrics.count(record);
    this.heartbeats.observe(record);
    this.accessLog.write(record);
  }

  onHeartbeats(isShort: boolean, meanSeconds: number): void {
    const event = { meanSeconds: Math.round(meanSeconds), threshold: SHORT_SECONDS };
    if (isShort) {
      this.log.warn(event, 'heartbeats are short: a firewall or load balancer may end idle connections');
    } else this.log.info(event, 'heartbeats are long again');
  }
}

function stderr(): DestinationStream {
  return pino.destination({ dest: 2, sync: false, maxLength: MAX_WAITING_LOG_BYTES });
}
