// Runs a case twice, at the recorder itself and through a gateway in front of it, and tells how the two differ.
import { CertificateAuthority } from '../../peers/certificates.ts';
import { GatewayFixture } from '../pipeline/gateway-fixture.ts';
import {
  type Exchanged,
  framingOf,
  type Line,
  type RequestMessage,
  valuesOf,
  type AnswerMessage,
} from './message.ts';
import { RawClient } from './raw-client.ts';
import { type Meddling, Recorder } from './recorder.ts';
import {
  ANSWER_REWRITINGS,
  CONFIGURED,
  type Places,
  REQUEST_REWRITINGS,
  rewritten,
  type Rewriting,
} from './rewritings.ts';
import type { RouteSketch } from '../shell/snapshot-sketch.ts';

/** One exchange: what the client sends and what the server answers, both to the byte. */
export interface ExchangeCase extends Exchanged {
  readonly name: string;
}

export interface Outcome {
  readonly direct: Exchanged;
  readonly through: Exchanged;
  readonly places: Places;
  /** What the route asks to rewrite of answers. */
  readonly configured: readonly Rewriting<AnswerMessage>[];
}

export interface Setup {
  readonly route: Partial<RouteSketch>;
  readonly configured: readonly Rewriting<AnswerMessage>[];
}

const DEFAULT_SETUP: Setup = { route: {}, configured: [CONFIGURED.redirectsRewrite] };

/** Stands for the host that the request is sent to. */
export const HOST = 'HOST';

export class Comparison {
  private readonly recorder: Recorder;
  private readonly gateway: GatewayFixture;
  private readonly direct: RawClient;
  private readonly through: RawClient;
  private readonly configured: readonly Rewriting<AnswerMessage>[];

  private constructor(
    recorder: Recorder,
    gateway: GatewayFixture,
    configured: readonly Rewriting<AnswerMessage>[],
  ) {
    this.configured = configured;
    this.recorder = recorder;
    this.gateway = gateway;
    const ca = gateway.authority.certificate;
    const { hostname, port } = new URL(gateway.url);
    this.direct = new RawClient({ port: Number(new URL(recorder.url).port), serverName: 'localhost', ca });
    this.through = new RawClient({ port: Number(port), serverName: hostname, ca });
  }

  /** @param setup the route, where it is not the default one, and what it asks to rewrite of answers */
  static async start(setup: Setup = DEFAULT_SETUP): Promise<Comparison> {
    const authority = await CertificateAuthority.create();
    const recorder = await Recorder.start(authority);
    const gateway = await GatewayFixture.start({
      authority,
      routes: [{ servers: [{ name: 'mbx1', url: recorder.url }], ...setup.route }],
    });
    return new Comparison(recorder, gateway, setup.configured);
  }

  private get places(): Omit<Places, 'request'> {
    return {
      serverAuthority: new URL(this.recorder.url).host,
      gatewayAuthority: new URL(this.gateway.url).host,
      clientAddress: '127.0.0.1',
    };
  }

  /** Runs a case both ways; `meddling` acts between the gateway and the recorder only. */
  async run(each: ExchangeCase, meddling: Meddling = {}): Promise<Outcome> {
    const { places } = this;
    const direct = await this.exchange(this.direct, places.serverAuthority, each, {});
    const through = await this.exchange(this.through, places.gatewayAuthority, each, meddling);
    const { configured } = this;
    return { direct, through, places: { ...places, request: each.request }, configured };
  }

  /** Lines of the gateway's log, for messages of failures. */
  get log(): readonly string[] {
    return this.gateway.log;
  }

  async stop(): Promise<void> {
    this.direct.close();
    this.through.close();
    await this.gateway.stop();
    this.recorder.stop();
  }

  private async exchange(
    client: RawClient,
    host: string,
    { request, answer }: ExchangeCase,
    meddling: Meddling,
  ): Promise<Exchanged> {
    const { recorder } = this;
    recorder.answer = answer;
    recorder.meddling = meddling;
    recorder.request = undefined;
    const lines = request.lines.map(([name, value]): Line => [name, value === HOST ? host : value]);
    const received = await client.exchange({ ...request, lines });
    const seen: RequestMessage | undefined = recorder.request;
    if (seen === undefined)
      throw new Error(`the server was not asked; the client was answered ${received.status}`);
    return { request: seen, answer: received };
  }
}

/** One sentence for each difference that no rule of rewritings.ts explains; none is what we want. */
export function differences({ direct, through, places, configured }: Outcome): string[] {
  const request = rewritten(direct.request, REQUEST_REWRITINGS, places);
  const answer = rewritten(direct.answer, [...ANSWER_REWRITINGS, ...configured], places);
  return [
    ...differing('method', request.method, through.request.method),
    ...differing('target', request.target, through.request.target),
    ...differingLines('request', request.lines, through.request.lines),
    ...differingBodies('request', request.body, through.request.body),
    ...differing('status', answer.status, through.answer.status),
    ...differing('reason', answer.reason, through.answer.reason),
    ...differingLines('answer', answer.lines, through.answer.lines),
    ...differingBodies('answer', answer.body, through.answer.body),
  ];
}

const FRAMING = new Set(['content-length', 'transfer-encoding']);

function differingLines(what: string, direct: readonly Line[], through: readonly Line[]): string[] {
  const [mustBe, is] = [endToEnd(direct), endToEnd(through)];
  const lost = mustBe.filter((line) => count(is, line) < count(mustBe, line));
  const gained = is.filter((line) => count(mustBe, line) < count(is, line));
  const moved =
    lost.length + gained.length === 0 ? differing(`order of the ${what}'s lines`, mustBe, is) : [];
  return [
    ...[...new Set(lost)].map((line) => `the ${what} lost the line ${JSON.stringify(line)}`),
    ...[...new Set(gained)].map((line) => `the ${what} gained the line ${JSON.stringify(line)}`),
    ...moved,
    ...differing(`framing of the ${what}`, described(direct), described(through)),
  ];
}

function endToEnd(lines: readonly Line[]): string[] {
  return lines.filter(([name]) => !FRAMING.has(name.toLowerCase())).map((line) => line.join(': '));
}

const count = (lines: readonly string[], wanted: string): number =>
  lines.filter((line) => line === wanted).length;

function described(lines: readonly Line[]): string {
  const framing = framingOf({ lines });
  return framing === 'length' ? `a length of ${valuesOf({ lines }, 'content-length').join(', ')}` : framing;
}

function differingBodies(what: string, direct: Buffer, through: Buffer): string[] {
  if (direct.equals(through)) return [];
  const at = [...direct.subarray(0, through.length)].findIndex((byte, i) => byte !== through[i]);
  const place = at < 0 ? Math.min(direct.length, through.length) : at;
  const [mustBe, is] = [direct, through].map((bytes) => bytes.subarray(place, place + 8).toString('hex'));
  return [
    `the ${what}'s body differs from byte ${place} on (${direct.length} and ${through.length} bytes): ${mustBe} directly, ${is} through the gateway`,
  ];
}

function differing(what: string, direct: unknown, through: unknown): string[] {
  const [mustBe, is] = [JSON.stringify(direct), JSON.stringify(through)];
  return mustBe === is ? [] : [`${what}: ${is} where ${mustBe} was due`];
}
