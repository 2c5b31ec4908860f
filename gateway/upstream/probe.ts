// One probe of a server: a request that every server of its kind answers when it is alive.
import type { UpstreamError } from '../http/errors.ts';
import type { ResponseHead, ResponseSink, UpstreamExchange, UpstreamRequest } from '../http/exchange.ts';
import { HeaderList } from '../http/headers.ts';
import type { UpstreamPool } from '../http/upstream-pool.ts';

/**
 * - `Options`: OPTIONS on the path of ActiveSync; any answer below 500 is a sign of life: Exchange asks for credentials with a 401.
 * - `HealthCheckPage`: GET of healthcheck.htm; 200 while Exchange on premises has the protocol in service.
 * - `EmptyBearer`: OPTIONS with an empty Bearer token, for Exchange Online; 401 is a sign of life, and so is 451, by which it sends
 *   those that it does not know elsewhere.
 */
export type ProbeType = 'Options' | 'HealthCheckPage' | 'EmptyBearer';

export interface ProbeSettings {
  /** Default: Options. */
  readonly type?: ProbeType;
  /** Path of ActiveSync. */
  readonly path: string;
  readonly intervalMs: number;
  /** The first one comes within this time. */
  readonly firstWithinMs: number;
  /** While the server is not healthy, or under suspicion. */
  readonly unhealthyIntervalMs: number;
  /** Once the connection is made. */
  readonly timeoutMs: number;
}

interface Kind {
  readonly method: string;
  /** Below the path of ActiveSync. */
  readonly page: string;
  readonly headers: HeaderList;
  isAlive(status: number): boolean;
}

const USER_AGENT = ['User-Agent', 'sentry-gateway-probe'] as const;
const KINDS: Readonly<Record<ProbeType, Kind>> = {
  Options: {
    method: 'OPTIONS',
    page: '',
    headers: HeaderList.of(USER_AGENT),
    isAlive: (status) => status < 500,
  },
  HealthCheckPage: {
    method: 'GET',
    page: '/healthcheck.htm',
    headers: HeaderList.of(USER_AGENT),
    isAlive: (status) => status === 200,
  },
  EmptyBearer: {
    method: 'OPTIONS',
    page: '',
    headers: HeaderList.of(USER_AGENT, ['Authorization', 'Bearer']),
    isAlive: (status) => status === 401 || status === 451 || (status >= 200 && status < 300),
  },
};

/** What a probe came to: nothing, words about an answer, or an error. */
export type ProbeResult = undefined | string | UpstreamError;

const MAX_BODY_BYTES = 65_536;
/** Pooled connections that a restarted server no longer knows say nothing about its health. */
const MAX_STALE_CONNECTIONS = 3;
/** IIS refuses so whoever comes without a client certificate (403.7). */
const WANTS_CERTIFICATE = /403\.7|client certificate/i;

export class Probe implements ResponseSink {
  private readonly pool: UpstreamPool;
  private readonly kind: Kind;
  private readonly request: UpstreamRequest;
  private readonly done: (result: ProbeResult) => void;
  private exchange: UpstreamExchange;
  private status = 0;
  private readonly body: Buffer[] = [];
  private bytes = 0;
  private attempts = 0;
  private finished = false;

  /** `done` is called once, in a later turn, unless the probe is aborted. */
  constructor(pool: UpstreamPool, settings: ProbeSettings, done: (result: ProbeResult) => void) {
    this.pool = pool;
    this.done = done;
    this.kind = KINDS[settings.type ?? 'Options'];
    this.request = {
      method: this.kind.method,
      target: `${settings.path}${this.kind.page}`,
      host: pool.authority,
      headers: this.kind.headers.clone(),
      body: 0,
      hasContentLength: false,
      firstByteTimeoutMs: settings.timeoutMs,
    };
    this.exchange = this.send();
  }

  onHead({ status }: ResponseHead): void {
    this.status = status;
    if (status !== 403) this.judge();
  }

  onData(bytes: Buffer): void {
    this.bytes += bytes.length;
    if (!this.finished) this.body.push(Buffer.from(bytes));
    if (this.bytes <= MAX_BODY_BYTES) return;
    this.judge();
    this.exchange.abort();
  }

  onEnd(): void {
    this.judge();
  }

  onDrain(): void {}

  onError(error: UpstreamError): void {
    if (this.status > 0) this.judge();
    else if (error.reused && this.attempts < MAX_STALE_CONNECTIONS && !this.finished)
      this.exchange = this.send();
    else this.finish(error);
  }

  abort(): void {
    this.finished = true;
    this.exchange.abort();
  }

  private send(): UpstreamExchange {
    this.attempts++;
    const exchange = this.pool.send(this.request, this);
    exchange.end();
    return exchange;
  }

  private judge(): void {
    const { status, kind, request } = this;
    const isForbidden = status === 403 && WANTS_CERTIFICATE.test(Buffer.concat(this.body).toString('latin1'));
    if (isForbidden) this.finish('403 with client certificate required');
    else if (kind.isAlive(status)) this.finish(undefined);
    else this.finish(`${request.method} ${request.target} was answered by ${status}`);
  }

  private finish(result: ProbeResult): void {
    if (this.finished) return;
    this.finished = true;
    this.done(result);
  }
}
