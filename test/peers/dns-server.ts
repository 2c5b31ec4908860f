// A name server of a few names: it answers, says that a name does not exist, or is silent.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Answer, decode, encode, type Question, RECURSION_AVAILABLE } from 'dns-packet';

/** `NXDOMAIN` and `SERVFAIL` are answers; `silence` is none. */
export type DnsVerdict = 'NXDOMAIN' | 'SERVFAIL' | 'silence';

export interface DnsServerOptions {
  /** Addresses by lower-case name. */
  readonly names?: Readonly<Record<string, readonly string[]>>;
  /** What becomes of every other name. */
  readonly otherwise?: DnsVerdict;
  readonly ttlSeconds?: number;
  readonly address?: string;
  readonly port?: number;
}

export class DnsServer {
  names: Map<string, readonly string[]>;
  otherwise: DnsVerdict;
  /** Answers nothing while true. */
  silent = false;
  /** Lower-case names that were asked for, once for each record type. */
  readonly questions: string[] = [];
  private readonly socket: Socket = createSocket('udp4');
  private readonly ttl: number;

  private constructor(options: DnsServerOptions) {
    this.names = new Map(Object.entries(options.names ?? {}));
    this.otherwise = options.otherwise ?? 'NXDOMAIN';
    this.ttl = options.ttlSeconds ?? 60;
    this.socket.on('message', (message, { address, port }) => {
      const answer = this.answer(message);
      if (answer !== undefined) this.socket.send(answer, port, address);
    });
  }

  static async start(options: DnsServerOptions = {}): Promise<DnsServer> {
    const server = new DnsServer(options);
    server.socket.bind(options.port ?? 0, options.address ?? '127.0.0.1');
    await once(server.socket, 'listening');
    return server;
  }

  /** `address:port`, as `dns.Resolver.setServers` takes it. */
  get address(): string {
    const { address, port } = this.socket.address();
    return `${address}:${port}`;
  }

  stop(): void {
    this.socket.close();
  }

  private answer(message: Buffer): Buffer | undefined {
    const query = decode(message);
    const [question] = query.questions ?? [];
    if (question === undefined) return undefined;
    const name = question.name.toLowerCase();
    this.questions.push(name);
    const addresses = this.names.get(name);
    const verdict = addresses === undefined ? this.otherwise : undefined;
    if (this.silent || verdict === 'silence') return undefined;
    return encode({
      id: query.id ?? 0,
      type: 'response',
      flags: RECURSION_AVAILABLE | rcode(verdict),
      questions: [question],
      answers: (addresses ?? []).flatMap((address) => this.record(question, address)),
    });
  }

  private record({ name, type }: Question, data: string): Answer[] {
    const family = data.includes(':') ? 'AAAA' : 'A';
    return family === type ? [{ name, type: family, ttl: this.ttl, data }] : [];
  }
}

/** RFC 1035, 4.1.1. */
function rcode(verdict: DnsVerdict | undefined): number {
  if (verdict === undefined) return 0;
  return verdict === 'NXDOMAIN' ? 3 : 2;
}
