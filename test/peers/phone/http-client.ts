// A phone's connections: reused while they are fresh, never retried in secret, so that every loss is seen.
import { createSecureContext, type SecureContext } from 'node:tls';
import { HttpConnection, type Endpoint, type HttpAnswer, type HttpRequest } from './http-connection.ts';

export interface HttpClientOptions {
  /** Authorities (PEM) that are trusted, and nobody else. Give `secureContext` instead to share one among phones. */
  readonly ca?: string | readonly string[];
  readonly secureContext?: SecureContext;
  /** Host name → address to connect to, as /etc/hosts would say it; default: what the system resolves. */
  readonly hosts?: Readonly<Record<string, string>>;
  readonly tls?: Endpoint['tls'];
  readonly localAddress?: string;
  /** How long an idle connection is used again, in milliseconds; default 60,000. */
  readonly idleMilliseconds?: number;
  /** Called for each connection that was opened. */
  readonly onConnection?: (connection: HttpConnection) => void;
}

interface Idle {
  readonly connection: HttpConnection;
  readonly since: number;
}

/** A TLS context that trusts these authorities and nobody else, or the system's when there are none. */
export function trusting(ca: string | readonly string[] | undefined): SecureContext {
  if (ca === undefined) return createSecureContext();
  return createSecureContext({ ca: typeof ca === 'string' ? ca : [...ca] });
}

export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #secureContext: SecureContext;
  readonly #idle = new Map<string, Idle[]>();
  readonly #busy = new Set<HttpConnection>();

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#secureContext = options.secureContext ?? trusting(options.ca);
  }

  /**
   * Sends a request to an origin such as `https://sentry.example.com:8443`.
   *
   * @throws {ConnectionLost | WrongAnswer}
   */
  async request(origin: string, request: HttpRequest): Promise<HttpAnswer> {
    const connection = this.#reuse(origin) ?? (await this.#open(origin, request.signal));
    this.#busy.add(connection);
    try {
      return await connection.request(request);
    } finally {
      this.#busy.delete(connection);
      if (connection.usable) this.#keep(origin, connection);
    }
  }

  /** Ends all connections; requests under way fail. */
  close(): void {
    for (const connection of this.#busy) connection.close();
    for (const idle of this.#idle.values()) for (const { connection } of idle) connection.close();
    this.#idle.clear();
  }

  #reuse(origin: string): HttpConnection | undefined {
    const idle = this.#idle.get(origin) ?? [];
    const freshest = performance.now() - (this.#options.idleMilliseconds ?? 60_000);
    for (let last = idle.pop(); last; last = idle.pop()) {
      if (last.connection.usable && last.since >= freshest) return last.connection;
      last.connection.close();
    }
    return undefined;
  }

  #keep(origin: string, connection: HttpConnection): void {
    const idle = this.#idle.get(origin) ?? [];
    idle.push({ connection, since: performance.now() });
    this.#idle.set(origin, idle);
  }

  async #open(origin: string, signal: AbortSignal | undefined): Promise<HttpConnection> {
    const { hosts = {}, tls, localAddress, onConnection } = this.#options;
    const url = new URL(origin);
    const serverName = url.hostname.replace(/^\[|\]$/g, '');
    const connection = await HttpConnection.open(
      {
        host: hosts[serverName] ?? serverName,
        port: Number(url.port || 443),
        serverName,
        secureContext: this.#secureContext,
        ...(tls && { tls }),
        ...(localAddress && { localAddress }),
      },
      signal,
    );
    onConnection?.(connection);
    return connection;
  }
}
