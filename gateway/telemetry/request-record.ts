// One finished request, as the pipeline reports it: the only thing that metrics and the access log are made of.

/** What became of one request of a phone. Times are milliseconds, sizes are bytes of bodies. */
export interface RequestRecord {
  readonly listener: string;
  readonly method: string;
  /** ActiveSync command (`Sync`, `Ping` …), `OAuthAuthorize`, `OAuthToken`, or empty; may be what the client sent. */
  readonly command: string;
  /** Protocol version (`16.1`), or empty; may be what the client sent. */
  readonly version: string;
  /** Status code of the answer; 0 when the phone went away before one. */
  readonly code: number;
  /** `namespace/name` of the ExchangeRoute, or empty. */
  readonly route: string;
  /** Name of the server within the route that answered, or empty when the gateway answered. */
  readonly server: string;
  /** Why the gateway itself answered or gave up: a constant of the pipeline such as `no-route`; empty when a server's answer passed. */
  readonly reason: string;
  /** From the end of the request's head to the first byte of the answer; null when there was none. */
  readonly firstByteMillis: number | null;
  readonly durationMillis: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** A Ping, or a Sync that waits: kept out of the latency histogram. */
  readonly poll: boolean;
  /** Heartbeat or wait that the poll asked for, in seconds; null when unknown. */
  readonly heartbeatSeconds: number | null;
  /** How often it was sent again to another server. */
  readonly replays: number;
  /** Credential and query named different users; the credential decided. */
  readonly identityMismatch: boolean;
  /** What became of Exchange's redirect (451), where there was one: a constant of the pipeline. */
  readonly redirect?: string | undefined;
  /** For the access log alone, hashed unless the gateway logs them plain; empty when unknown. */
  readonly user: string;
  readonly device: string;
  readonly clientAddress: string;
}

/** Where the pipeline reports to. Never throws. */
export interface RequestSink {
  requestFinished(record: RequestRecord): void;
}
