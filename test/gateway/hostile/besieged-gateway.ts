// A gateway's process in front of Node, nginx and HAProxy, each of which hands on to a recorder; and a phone that nothing may disturb.
import { readdirSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { type AddressInfo, type Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { type RecordedRequest, RECORDED, recordingUpstream } from '../http/recording-upstream.ts';
import { availableReferences, type RunningReference, startReference } from '../http/references.ts';
import { GatewayProcess } from '../shell/gateway-process.ts';
import { sketchSnapshot } from '../shell/snapshot-sketch.ts';
import { connectTls } from '../shell/tls-client.ts';
import { type Aim, aimed, request } from './hostile-case.ts';

export const HOSTNAME = 'sentry.example.com';
export const MAX_BODY = 1_000_000;

export interface Answer {
  readonly status: number;
  /** It came from behind the gateway. */
  readonly recorded: boolean;
}

/** What became of an attack. */
export interface Outcome {
  readonly answers: readonly Answer[];
  /** The gateway ended the connection. */
  readonly closed: boolean;
  /** What the server behind the gateway handed on, probes apart. */
  readonly handedOn: readonly RecordedRequest[];
}

/** Counts that an attack may not raise for longer than it lasts. */
export interface Footprint {
  readonly connections: number;
  readonly pending: number;
  readonly polls: number;
  readonly timers: number;
}

/** So that memory in use is memory that is needed. */
const COLLECTS_GARBAGE = ['--expose-gc', '--import=data:text/javascript,setInterval(gc, 200).unref()'];
/** How long nothing must happen before nothing more is expected. */
const QUIET_MS = 60;
/** How long what is expected may take; then what there is is judged. */
const PATIENCE_MS = 15_000;

export class BesiegedGateway implements AsyncDisposable {
  readonly gateway: GatewayProcess;
  readonly servers: readonly RunningReference[];
  readonly authority: CertificateAuthority;
  private readonly healthy: Server;
  /** Of the phones that nothing may disturb, one beside each server under attack. */
  private readonly phones = new Map<string, TLSSocket>();

  private constructor(
    gateway: GatewayProcess,
    servers: readonly RunningReference[],
    healthy: Server,
    authority: CertificateAuthority,
  ) {
    this.gateway = gateway;
    this.servers = servers;
    this.healthy = healthy;
    this.authority = authority;
  }

  static async start(): Promise<BesiegedGateway> {
    const authority = await CertificateAuthority.create();
    const servers = await Promise.all(availableReferences().map(startReference));
    const healthy = recordingUpstream([]).listen(0, '127.0.0.1');
    await once(healthy, 'listening');
    const ports = [
      ...servers.map(({ name, port }) => ({ name: name as string, port })),
      { name: 'healthy', port: (healthy.address() as AddressInfo).port },
    ];
    const content = sketchSnapshot({
      listeners: [{ credentials: [await authority.issue({ names: [HOSTNAME] })] }],
      routes: ports.map(({ name, port }) => ({
        name,
        match: { domains: [`${name}.test`] },
        maxRequestBytes: MAX_BODY,
        servers: [{ name, url: `http://127.0.0.1:${port}` }],
      })),
      logging: { access: 'Errors', samplePercent: 1, identifiers: 'Hashed' },
    });
    const gateway = await GatewayProcess.start({ content, execArgv: COLLECTS_GARBAGE });
    return new BesiegedGateway(gateway, servers, healthy, authority);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const phone of this.phones.values()) phone.destroy();
    await this.gateway[Symbol.asyncDispose]();
    this.healthy.close();
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  /** Sends the bytes on a connection of their own, aimed at the server; returns when it is clear what became of them. */
  async attack(
    server: RunningReference,
    raw: string,
    isOver: (outcome: Outcome) => boolean,
  ): Promise<Outcome> {
    server.requests.length = 0;
    const socket = await this.connect();
    const siege = new Siege(socket, server);
    siege.send(raw);
    await siege.until(isOver);
    await this.healthyPhoneIsServed(server.name);
    const outcome = siege.outcome();
    socket.destroy();
    return outcome;
  }

  connect(): Promise<TLSSocket> {
    return connectTls({ port: this.gateway.port, servername: HOSTNAME, ca: this.authority.certificate });
  }

  /** A request of the phone beside this server: always on the same connection. */
  async healthyPhoneIsServed(beside: string): Promise<void> {
    const phone = this.phones.get(beside) ?? (await this.connect());
    this.phones.set(beside, phone);
    const answer = once(phone, 'data') as Promise<[Buffer]>;
    phone.write(aimed(request({ method: 'OPTIONS' }), aimAt('healthy', 'healthy')), 'latin1');
    const [bytes] = await answer;
    if (!bytes.toString('latin1').startsWith('HTTP/1.1 200 OK'))
      throw new Error(`the healthy phone got ${bytes.toString()}`);
  }

  async footprint(): Promise<Footprint> {
    const { body } = await this.gateway.probe('/metrics');
    const sum = (start: string): number =>
      body
        .split('\n')
        .filter((line) => line.startsWith(start))
        .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    return {
      connections: sum('sentry_open_connections '),
      pending: sum('sentry_pending_handshakes{'),
      polls: sum('sentry_open_polls '),
      timers: sum('nodejs_active_resources{type="Timeout"}'),
    };
  }

  /** Bytes on and off the heap that are in use, once they have settled. */
  async memory(): Promise<number> {
    const read = async (): Promise<number> => {
      const heap = await this.gateway.metric('nodejs_heap_size_used_bytes');
      return (heap ?? 0) + ((await this.gateway.metric('nodejs_external_memory_bytes')) ?? 0);
    };
    let least = Infinity;
    for (let readings = 0; readings < 10; readings++) {
      await sleep(150);
      least = Math.min(least, await read());
    }
    return least;
  }

  /** Descriptors that the gateway's process has open, without its pooled connections to servers, which stay for a while. */
  openFiles(): number {
    const servers = new Set(this.serverPorts.map((port) => port.toString(16).toUpperCase().padStart(4, '0')));
    const pooled = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(
        ([, , remote = '', state = '']) =>
          servers.has(remote.slice(-4)) && (state === '01' || state === '08'),
      );
    return readdirSync(`/proc/${this.gateway.child.pid}/fd`).length - pooled.length;
  }

  private get serverPorts(): number[] {
    return [...this.servers.map(({ port }) => port), (this.healthy.address() as AddressInfo).port];
  }
}

export function aimAt(server: string, device: string): Aim {
  return { user: `mallory@${server}.test`, device };
}

/** One connection under attack. */
class Siege {
  private readonly socket: TLSSocket;
  private readonly server: RunningReference;
  private received = '';
  private closed = false;
  private lastEvent = performance.now();

  constructor(socket: TLSSocket, server: RunningReference) {
    this.socket = socket;
    this.server = server;
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1');
      this.lastEvent = performance.now();
    });
    for (const event of ['end', 'close', 'error']) socket.on(event, () => (this.closed = true));
  }

  send(raw: string): void {
    this.socket.write(raw, 'latin1');
    this.lastEvent = performance.now();
  }

  async until(isOver: (outcome: Outcome) => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline) {
      const isQuiet = performance.now() - this.lastEvent > QUIET_MS;
      const outcome = this.outcome();
      if (outcome.closed || (isQuiet && isOver(outcome))) return;
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  }

  outcome(): Outcome {
    const answers = this.received
      .split(/(?=HTTP\/1\.1 \d{3} )/)
      .filter((answer) => /^HTTP\/1\.1 [2-5]/.test(answer))
      .map((answer) => ({ status: Number(answer.slice(9, 12)), recorded: isRecorded(answer) }));
    const handedOn = this.server.requests.filter(({ lines }) => !lines.includes('sentry-gateway-probe'));
    return { answers, closed: this.closed, handedOn };
  }
}

function isRecorded(answer: string): boolean {
  return answer.toLowerCase().includes(RECORDED.toLowerCase());
}
