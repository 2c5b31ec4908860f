// Faults on demand: which request of a simulated server is hit, and what happens to it.

/** Which requests a fault hits; what is left out matches everything. */
export interface FaultMatch {
  /** Name of a front end of the simulated Exchange. */
  readonly frontEnd?: string | undefined;
  /** User name, compared without case. */
  readonly user?: string | undefined;
  readonly deviceId?: string | undefined;
  /**
   * An ActiveSync command, `OPTIONS`, `GET` or `healthcheck`; at the identity provider `authorize`, `token`,
   * `devicecode`, `keys` or `configuration`.
   */
  readonly command?: string | undefined;
}

/** A final answer in place of the genuine one. */
export interface CannedAnswer {
  readonly status: number;
  readonly reason?: string;
  /** Names and values in order; Content-Length is added unless it is here. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
}

/** What happens to a request that is hit. "Executed" means that the server did what was asked. */
export type FaultAction =
  /** The connection is reset once that many bytes of the request body arrived (0: at its head); not executed. */
  | { readonly kind: 'reset-request'; readonly afterBytes: number }
  /** Executed; then the connection is reset after that many bytes of the answer, head included (0: not one). */
  | { readonly kind: 'reset-answer'; readonly afterBytes: number }
  /** As `reset-answer`, but the connection is closed in order (FIN). */
  | { readonly kind: 'close-answer'; readonly afterBytes: number }
  /** The request is read and never answered; not executed. */
  | { readonly kind: 'hang' }
  /** Executed and answered, that much later. */
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** Executed; the answer's bytes trickle. */
  | { readonly kind: 'slow-answer'; readonly chunkBytes: number; readonly everyMilliseconds: number }
  /** The request body is read at that rate, then all is as usual. */
  | { readonly kind: 'slow-request'; readonly bytesPerSecond: number }
  /** Answered so after the request body was read, after the delay if there is one; not executed. */
  | ({ readonly kind: 'answer'; readonly delayMilliseconds?: number } & CannedAnswer)
  /** Answered so as soon as the head is there, the body left unread; `close` also ends the connection. */
  | ({ readonly kind: 'early-answer'; readonly close?: boolean } & CannedAnswer)
  /** Executed; what comes back is these bytes (default: no HTTP at all), then the connection is closed. */
  | { readonly kind: 'garbage'; readonly text?: string }
  /** Executed; Content-Length is wrong by so much, then the connection is closed. */
  | { readonly kind: 'wrong-length'; readonly by: number }
  /** Executed; the answer is sent in chunks of that size instead of with Content-Length. */
  | { readonly kind: 'chunked'; readonly chunkBytes: number };

export interface FaultSpecification {
  readonly match?: FaultMatch;
  readonly action: FaultAction;
  /** How many matching requests pass first; default 0. */
  readonly skip?: number;
  /** How many requests are hit; default all. */
  readonly times?: number;
}

export interface Fault extends FaultSpecification {
  readonly id: string;
  /** How many requests were hit so far. */
  readonly hits: number;
}

/** The faults that are set; the oldest that matches wins. */
export class FaultTable {
  readonly #faults: { id: string; specification: FaultSpecification; seen: number; hits: number }[] = [];
  #nextId = 1;

  /** Sets a fault and returns its id. */
  add(specification: FaultSpecification): string {
    const id = String(this.#nextId);
    this.#nextId += 1;
    this.#faults.push({ id, specification, seen: 0, hits: 0 });
    return id;
  }

  /** Removes one fault, or all of them. */
  remove(id?: string): void {
    for (let index = this.#faults.length - 1; index >= 0; index -= 1) {
      if (id === undefined || this.#faults[index]?.id === id) this.#faults.splice(index, 1);
    }
  }

  list(): Fault[] {
    return this.#faults.map(({ id, specification, hits }) => ({ ...specification, id, hits }));
  }

  /** What happens to this request; undefined when it is left alone. Counts it. */
  take(request: FaultMatch): FaultAction | undefined {
    for (const fault of this.#faults) {
      const { match = {}, skip = 0, times = Infinity, action } = fault.specification;
      if (!matches(match, request)) continue;
      fault.seen += 1;
      if (fault.seen <= skip || fault.hits >= times) continue;
      fault.hits += 1;
      return action;
    }
    return undefined;
  }
}

function matches(match: FaultMatch, request: FaultMatch): boolean {
  return (
    (match.frontEnd === undefined || match.frontEnd === request.frontEnd) &&
    (match.user === undefined || match.user.toLowerCase() === request.user?.toLowerCase()) &&
    (match.deviceId === undefined || match.deviceId === request.deviceId) &&
    (match.command === undefined || match.command === request.command)
  );
}
