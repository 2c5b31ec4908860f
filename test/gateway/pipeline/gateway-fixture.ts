// A gateway inside the test's process: the real pipeline behind real TLS sockets, without the shell's ports and metrics.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import pino from 'pino';
import { Deadlines } from '../../../gateway/http/deadlines.ts';
import type { Snapshot } from '../../../gateway/config/snapshot.ts';
import type { RequestHandler } from '../../../gateway/http/exchange.ts';
import { HttpServer } from '../../../gateway/http/server.ts';
import { Pipeline, type PipelineOptions } from '../../../gateway/pipeline.ts';
import type { PhoneConnection } from '../../../gateway/pipeline/phone-connection.ts';
import type { RequestRecord } from '../../../gateway/telemetry/request-record.ts';
import type { CertificateAuthority, Credentials } from '../../peers/certificates.ts';
import { type RouteSketch, type SketchedSnapshot, sketchSnapshot } from '../shell/snapshot-sketch.ts';

export const HOSTNAME = 'sentry.example.com';

export interface FixtureOptions {
  readonly authority: CertificateAuthority;
  readonly routes: readonly RouteSketch[];
  readonly listeners?: readonly { readonly name: string; readonly hostname: string }[];
  readonly limits?: Snapshot['limits'];
  readonly pipeline?: Partial<PipelineOptions>;
  /** Stands before the pipeline. */
  readonly before?: (pipeline: Handler) => Handler;
}

export type Handler = RequestHandler<PhoneConnection>;

const LISTENERS = [{ name: 'phones', hostname: HOSTNAME }];

export class GatewayFixture {
  readonly records: RequestRecord[] = [];
  /** Lines of the log, as JSON. */
  readonly log: string[] = [];
  readonly pipeline: Pipeline;
  readonly server: HttpServer<PhoneConnection>;
  /** The gateway's clock is so far ahead, in ms. */
  aheadMs = 0;
  readonly deadlines = new Deadlines({ tickMs: 20, clock: { now: () => performance.now() + this.aheadMs } });
  readonly authority: CertificateAuthority;
  private readonly limits: Snapshot['limits'];
  private readonly credentials: Credentials;
  private readonly handler: Handler;
  private readonly tls: Server;
  private readonly listeners: readonly { readonly name: string; readonly hostname: string }[];
  private port = 0;

  private constructor(options: FixtureOptions, credentials: Credentials) {
    this.authority = options.authority;
    this.limits = options.limits;
    this.credentials = credentials;
    this.listeners = options.listeners ?? LISTENERS;
    this.pipeline = new Pipeline({
      sink: { requestFinished: (record) => this.records.push(record) },
      log: pino({ level: 'info' }, { write: (line: string) => this.log.push(line) }),
      deadlines: this.deadlines,
      probes: { intervalMs: 60_000, firstWithinMs: 6_000, unhealthyIntervalMs: 200, timeoutMs: 500 },
      ...options.pipeline,
    });
    this.handler = options.before?.(this.pipeline.handler) ?? this.pipeline.handler;
    this.server = new HttpServer<PhoneConnection>({ deadlines: this.deadlines });
    this.tls = createServer({ ...credentials, ALPNProtocols: ['http/1.1'] }, (socket) => this.accept(socket));
    this.tls.on('tlsClientError', (_, socket) => socket.destroy());
  }

  static async start(options: FixtureOptions): Promise<GatewayFixture> {
    const names = (options.listeners ?? LISTENERS).map(({ hostname }) => hostname);
    const credentials = await options.authority.issue({ names: [...names, '127.0.0.1'] });
    const fixture = new GatewayFixture(options, credentials);
    fixture.apply(options.routes);
    fixture.tls.listen(0, '127.0.0.1');
    await once(fixture.tls, 'listening');
    fixture.port = (fixture.tls.address() as AddressInfo).port;
    return fixture;
  }

  /** Where phones connect. */
  get url(): string {
    return `https://${HOSTNAME}:${this.port}`;
  }

  /** What a phone needs beside its user. */
  get forPhones(): { url: string; hosts: Record<string, string>; ca: string } {
    const hosts = Object.fromEntries(this.listeners.map(({ hostname }) => [hostname, '127.0.0.1']));
    return { url: this.url, hosts, ca: this.authority.certificate };
  }

  urlOf(hostname: string): string {
    return `https://${hostname}:${this.port}`;
  }

  /** Serves other routes from now on. */
  apply(routes: readonly RouteSketch[]): void {
    const { snapshot, files } = this.snapshotOf(routes);
    this.pipeline.apply(snapshot, files);
  }

  snapshotOf(routes: readonly RouteSketch[]): SketchedSnapshot {
    return sketchSnapshot({
      ...(this.limits && { limits: this.limits }),
      listeners: this.listeners.map(({ name, hostname }) => ({
        name,
        hostnames: [hostname],
        credentials: [this.credentials],
      })),
      routes: routes.map((route) => ({ ca: this.authority.certificate, ...route })),
    });
  }

  /** Resolves once the condition holds. */
  async until(condition: () => boolean, what = String(condition)): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`does not come true: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    this.stopListening();
    this.server.destroy();
    await this.pipeline.close();
  }

  stopListening(): void {
    this.tls.close();
  }

  private accept(socket: TLSSocket): void {
    const listener = this.listeners.find(({ hostname }) => hostname === socket.servername);
    const name = (listener ?? this.listeners[0])?.name ?? '';
    this.server.accept(socket, this.handler, this.pipeline.connection(name));
  }
}
