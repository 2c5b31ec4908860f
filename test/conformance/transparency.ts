// Runs an exchange twice, at the server itself and through a gateway in front of it, and tells how the two differ.
import { CertificateAuthority } from '../peers/certificates.ts';
import { HttpClient } from '../peers/phone/http-client.ts';
import { GatewayFixture } from '../gateway/pipeline/gateway-fixture.ts';
import type { ExchangeCase } from './cases/exchange-case.ts';
import { type AnswerMessage, type Exchanged, type Line, type RequestMessage, valuesOf } from './message.ts';
import { CASE_HEADER, type Meddling, Recorder } from './recorder.ts';

export interface Outcome {
  readonly direct: Exchanged;
  readonly through: Exchanged;
}

/** Framing and connection are each leg's own; where a request came from is for the gateway to say. */
const OF_EACH_LEG = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'host']);
const SAID_BY_GATEWAY = new Set(['x-forwarded-for', 'x-forwarded-proto']);

export class Transparency {
  private readonly recorder: Recorder;
  private readonly gateway: GatewayFixture;
  private readonly client: HttpClient;
  private runs = 0;

  private constructor(recorder: Recorder, gateway: GatewayFixture, authority: CertificateAuthority) {
    this.recorder = recorder;
    this.gateway = gateway;
    const { hosts } = gateway.forPhones;
    this.client = new HttpClient({ ca: authority.certificate, hosts: { ...hosts, localhost: '127.0.0.1' } });
  }

  static async start(): Promise<Transparency> {
    const authority = await CertificateAuthority.create();
    const recorder = await Recorder.start(authority);
    const gateway = await GatewayFixture.start({
      authority,
      routes: [{ servers: [{ name: 'mbx1', url: recorder.url }] }],
    });
    return new Transparency(recorder, gateway, authority);
  }

  /** Runs a case both ways. `meddling` acts between the gateway and the server only. */
  async run(each: ExchangeCase, meddling: Meddling = {}): Promise<Outcome> {
    this.runs += 1;
    // A user of each run's own, so that no run is held back for what another did.
    const user = `run${this.runs}@example.com`;
    const direct = await this.exchange(this.recorder.url, each, user, {});
    const through = await this.exchange(this.gateway.url, each, user, meddling);
    return { direct, through };
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.gateway.stop();
    this.recorder.stop();
  }

  private async exchange(
    origin: string,
    { request, answer }: ExchangeCase,
    user: string,
    meddling: Meddling,
  ): Promise<Exchanged> {
    this.recorder.order = { answer, meddling };
    this.recorder.request = undefined;
    const { status, reason, rawHeaders, body } = await this.client.request(origin, {
      method: request.method,
      target: request.target,
      headers: [...withCredential(request.lines, user), [CASE_HEADER, user]],
      ...(request.body.length > 0 && { body: request.body }),
    });
    const lines = rawHeaders.flatMap((name, at): Line[] =>
      at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? '']] : [],
    );
    const received: RequestMessage | undefined = this.recorder.request;
    if (received === undefined)
      throw new Error(`the server was not asked; the client was answered ${status}`);
    return { request: received, answer: { status, reason, lines, body } };
  }
}

function withCredential(lines: readonly Line[], user: string): Line[] {
  if (lines.some(([name]) => name === 'Authorization')) return [...lines];
  return [['Authorization', `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`], ...lines];
}

/** One sentence for each difference between what was said directly and what came through the gateway; none is what we want. */
export function differences({ direct, through }: Outcome): string[] {
  return [
    ...requestDifferences(direct.request, through.request),
    ...answerDifferences(direct.answer, through.answer),
  ];
}

function requestDifferences(direct: RequestMessage, through: RequestMessage): string[] {
  return [
    ...differing('method', direct.method, through.method),
    ...differing('target', direct.target, through.target),
    ...differing('request lines', endToEnd(direct.lines), endToEnd(through.lines)),
    ...differing('Host', valuesOf(direct, 'host'), valuesOf(through, 'host')),
    ...differing('request length', valuesOf(direct, 'content-length'), valuesOf(through, 'content-length')),
    ...differing('request body', direct.body.toString('latin1'), through.body.toString('latin1')),
  ];
}

function answerDifferences(direct: AnswerMessage, through: AnswerMessage): string[] {
  return [
    ...differing('status', direct.status, through.status),
    ...differing('reason', direct.reason, through.reason),
    ...differing('answer lines', endToEnd(direct.lines), endToEnd(through.lines)),
    ...differing('answer length', valuesOf(direct, 'content-length'), valuesOf(through, 'content-length')),
    ...differing('answer body', direct.body.toString('latin1'), through.body.toString('latin1')),
  ];
}

function endToEnd(lines: readonly Line[]): Line[] {
  return lines.filter(
    ([name]) => !OF_EACH_LEG.has(name.toLowerCase()) && !SAID_BY_GATEWAY.has(name.toLowerCase()),
  );
}

function differing(what: string, direct: unknown, through: unknown): string[] {
  const [one, other] = [JSON.stringify(direct), JSON.stringify(through)];
  return one === other ? [] : [`${what}: ${one} directly, ${other} through the gateway`];
}
