// The metrics of one gateway process, under Prometheus names.
import { X509Certificate } from 'node:crypto';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { GatewayReport } from '../config/report.ts';
import type { Snapshot, SnapshotFiles } from '../config/snapshot.ts';
import type { DiagnosisSource } from './diagnoses.ts';
import { codeLabel, commandLabel, ReasonLabels, versionLabel } from './labels.ts';
import type { RequestRecord } from './request-record.ts';

const LATENCY_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const HEARTBEAT_SECONDS = [60, 300, 540, 900, 1800, 2700, 3540];
/** How often the delay of the event loop is sampled, in ms. */
const EVENT_LOOP_PRECISION = 20;

/** What the gauges are set from at each scrape. */
export interface GaugeState {
  readonly report: GatewayReport;
  readonly handshakes: { readonly arriving: number; readonly queued: number; readonly inFlight: number };
}

export type ReloadResult = 'accepted' | 'refused' | 'incomplete';

/** Requests of one set of labels since the last scrape. */
interface Series {
  readonly requests: Counter.Internal;
  readonly firstByte: Histogram.Internal<'server'>;
  since: number;
}

export class Metrics {
  private readonly registry = new Registry();
  private readonly reasons = new ReasonLabels();
  private readonly series = new Map<string, Series>();
  private readonly handshakeSeries = new Map<string, Counter.Internal>();
  private readonly meanHeartbeat: () => number;
  private received = 0;
  private sent = 0;

  private readonly requests = this.counter(
    'sentry_requests_total',
    'Finished requests. server is <namespace>/<route>/<server>, or empty when the gateway answered; code 0: the phone went away first.',
    ['command', 'version', 'code', 'server'],
  );
  private readonly firstByte = this.histogram(
    'sentry_first_byte_seconds',
    'From the end of the request head to the first byte of the answer, without polls.',
    LATENCY_SECONDS,
    ['server'],
  );
  private readonly heartbeats = this.histogram(
    'sentry_heartbeat_seconds',
    'Heartbeat intervals and waits that polls asked for.',
    HEARTBEAT_SECONDS,
    [],
  );
  private readonly ownAnswers = this.counter(
    'sentry_own_answers_total',
    'Requests that the gateway itself answered or gave up, by reason.',
    ['code', 'reason'],
  );
  private readonly bytes = this.counter(
    'sentry_body_bytes_total',
    'Bytes of bodies received from and sent to phones.',
    ['direction'],
  );
  private readonly replays = this.counter(
    'sentry_replays_total',
    'Requests that were sent again to another server.',
    [],
  );
  private readonly mismatches = this.counter(
    'sentry_identity_mismatches_total',
    'Requests whose credential and query named different users.',
    [],
  );
  private readonly signInErrors = this.counter(
    'sentry_sign_in_errors_total',
    'Sign-ins that the identity provider (AADSTS) or Exchange (x-ms-diagnostics) refused, by reason.',
    ['source', 'reason'],
  );
  private readonly redirects = this.counter(
    'sentry_redirects_total',
    "Exchange's redirects (451) of mailboxes that moved, by what became of them. route is <namespace>/<route>.",
    ['route', 'result'],
  );
  private readonly handshakes = this.counter('sentry_handshakes_total', 'TLS handshakes by outcome.', [
    'listener',
    'outcome',
  ]);
  private readonly reloads = this.counter(
    'sentry_snapshot_reloads_total',
    'Contents of the snapshot directory, by what became of them.',
    ['result'],
  );

  private readonly openPolls = this.gauge('sentry_open_polls', 'Polls that wait for mail.', []);
  private readonly openConnections = this.gauge(
    'sentry_open_connections',
    'Secure connections of phones.',
    [],
  );
  private readonly pendingHandshakes = this.gauge(
    'sentry_pending_handshakes',
    'Connections that are not secure yet, by state.',
    ['state'],
  );
  private readonly devicesSeen = this.gauge('sentry_devices_seen', 'Devices that Exchange has let in.', []);
  private readonly devicesByVersion = this.gauge(
    'sentry_devices_seen_by_version',
    'Devices that Exchange has let in, by each version of the protocol that they spoke.',
    ['version'],
  );
  private readonly heartbeatMean = this.gauge(
    'sentry_heartbeat_mean_seconds',
    'Mean of the last 200 heartbeats; absent before there were so many.',
    [],
  );
  private readonly upstreamHealthy = this.gauge(
    'sentry_upstream_healthy',
    'Whether this gateway takes the server for healthy. server is <namespace>/<route>/<server>.',
    ['server'],
  );
  private readonly redirectedUsers = this.gauge(
    'sentry_redirected_users',
    'Users of mailboxes that moved: those whose requests go to the new server, and those who cannot go there.',
    ['route', 'state'],
  );
  private readonly upstreamFailures = this.counter(
    'sentry_upstream_failures_total',
    'How often a server ceased to be healthy.',
    ['server'],
  );
  private readonly upstreamConnections = this.gauge(
    'sentry_upstream_connections',
    'Requests under way at the server, open polls included.',
    ['server'],
  );
  private readonly waitingRequests = this.gauge(
    'sentry_waiting_requests',
    'Requests that wait until a server has room.',
    [],
  );
  private readonly ready = this.gauge('sentry_ready', 'Whether /readyz answers 200.', []);
  private readonly generation = this.gauge(
    'sentry_snapshot_generation',
    'Generation of the snapshot served.',
    [],
  );
  private readonly notAfter = this.gauge(
    'sentry_certificate_not_after_seconds',
    'When the certificate expires, in seconds since 1970.',
    ['listener', 'key_type'],
  );

  /** @param meanHeartbeat in seconds, or NaN */
  constructor(build: string, meanHeartbeat: () => number = () => Number.NaN) {
    this.meanHeartbeat = meanHeartbeat;
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION });
    this.gauge('sentry_build_info', 'Always 1.', ['version', 'node']).set(
      { version: build, node: process.version },
      1,
    );
    for (const result of ['accepted', 'refused', 'incomplete'] satisfies ReloadResult[])
      this.reloads.inc({ result }, 0);
    for (const direction of ['received', 'sent']) this.bytes.inc({ direction }, 0);
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** Counts one finished request. */
  count(record: RequestRecord): void {
    const series = this.seriesOf(record);
    series.since++;
    this.received += record.bytesIn;
    this.sent += record.bytesOut;
    if (!record.poll) {
      if (record.firstByteMillis !== null) series.firstByte.observe(record.firstByteMillis / 1000);
    } else if (record.heartbeatSeconds !== null) this.heartbeats.observe(record.heartbeatSeconds);
    if (record.reason !== '') {
      this.ownAnswers.inc({ code: codeLabel(record.code), reason: this.reasons.of(record.reason) });
    }
    if (record.replays > 0) this.replays.inc(record.replays);
    if (record.redirect !== undefined) this.redirects.inc({ route: record.route, result: record.redirect });
    if (record.identityMismatch) this.mismatches.inc();
  }

  countHandshake(listener: string, outcome: string): void {
    const key = `${listener} ${outcome}`;
    let series = this.handshakeSeries.get(key);
    if (series === undefined) {
      series = this.handshakes.labels(listener, outcome);
      this.handshakeSeries.set(key, series);
    }
    series.inc();
  }

  /** Both are of fixed lists (diagnosis-table.ts). */
  countSignInError(source: DiagnosisSource, reason: string): void {
    this.signInErrors.inc({ source, reason });
  }

  countReload(result: ReloadResult): void {
    this.reloads.inc({ result });
  }

  /** Takes the expiry of every certificate of a snapshot that is served from now on. */
  showCertificates(snapshot: Snapshot, files: SnapshotFiles): void {
    this.notAfter.reset();
    for (const { name, certificates } of snapshot.listeners) {
      for (const { certificateFile } of certificates) {
        const leaf = new X509Certificate(files.get(certificateFile) ?? '');
        const labels = { listener: name, key_type: leaf.publicKey.asymmetricKeyType ?? '' };
        this.notAfter.set(labels, leaf.validToDate.getTime() / 1000);
      }
    }
  }

  /** The exposition text of everything. */
  async render({ report, handshakes }: GaugeState): Promise<string> {
    this.flush();
    this.openPolls.set(report.openPolls);
    this.openConnections.set(report.openConnections);
    this.pendingHandshakes.set({ state: 'arriving' }, handshakes.arriving);
    this.pendingHandshakes.set({ state: 'queued' }, handshakes.queued);
    this.pendingHandshakes.set({ state: 'in-flight' }, handshakes.inFlight);
    this.devicesSeen.set(report.devicesSeen);
    for (const [version, devices] of Object.entries(report.devicesByVersion ?? {})) {
      this.devicesByVersion.set({ version }, devices);
    }
    this.showHeartbeats(this.meanHeartbeat());
    this.redirectedUsers.reset();
    for (const { route, moved, stuck } of report.redirects ?? []) {
      this.redirectedUsers.set({ route, state: 'moved' }, moved);
      this.redirectedUsers.set({ route, state: 'stuck' }, stuck);
    }
    this.ready.set(report.ready ? 1 : 0);
    this.generation.set(report.snapshot?.generation ?? 0);
    this.waitingRequests.set(report.waitingRequests ?? 0);
    this.upstreamHealthy.reset();
    this.upstreamFailures.reset();
    this.upstreamConnections.reset();
    for (const { route, server: name, healthy, failures = 0, connections = 0 } of report.servers) {
      const server = `${route}/${name}`;
      this.upstreamHealthy.set({ server }, healthy ? 1 : 0);
      this.upstreamFailures.inc({ server }, failures);
      this.upstreamConnections.set({ server }, connections);
    }
    return this.registry.metrics();
  }

  private showHeartbeats(mean: number): void {
    if (Number.isNaN(mean)) this.heartbeatMean.remove();
    else this.heartbeatMean.set(mean);
  }

  private flush(): void {
    for (const series of this.series.values()) {
      if (series.since > 0) series.requests.inc(series.since);
      series.since = 0;
    }
    this.bytes.inc({ direction: 'received' }, this.received);
    this.bytes.inc({ direction: 'sent' }, this.sent);
    this.received = 0;
    this.sent = 0;
  }

  private seriesOf(record: RequestRecord): Series {
    const command = commandLabel(record.command, record.method);
    const version = versionLabel(record.version);
    const code = codeLabel(record.code);
    const server = record.server === '' ? '' : `${record.route}/${record.server}`;
    const key = `${command} ${version} ${code} ${server}`;
    let series = this.series.get(key);
    if (series === undefined) {
      series = {
        requests: this.requests.labels(command, version, code, server),
        firstByte: this.firstByte.labels(server),
        since: 0,
      };
      this.series.set(key, series);
    }
    return series;
  }

  private counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge<L extends string>(name: string, help: string, labelNames: L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  private histogram<L extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: L[],
  ): Histogram<L> {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.registry] });
  }
}
