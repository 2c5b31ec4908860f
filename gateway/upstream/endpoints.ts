// All endpoints of a gateway: those that a new snapshot names again keep their connections, health and probes.
import { createHash } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import type { Clock, Deadlines } from '../http/deadlines.ts';
import { makeReadBuffer, makeSecureContext, type NameLookup } from '../http/upstream-pool.ts';
import { Endpoint, type EndpointTarget } from './endpoint.ts';
import type { HealthChanges, HealthSettings } from './health.ts';
import type { ProbeSettings } from './probe.ts';

export interface EndpointsOptions {
  readonly deadlines: Deadlines;
  readonly names?: NameLookup;
  readonly probes: ProbeSettings;
  readonly health?: Partial<HealthSettings>;
  readonly onChange?: (endpoint: Endpoint) => void;
  /** An exception in a request's sink. */
  readonly onInternalError?: (error: unknown) => void;
}

/** Probes of all endpoints together are at most one in this many ms. */
const PROBE_SPACING_MS = 20;

/** A set of endpoints that is being put together: nothing of it counts until `commit()`. */
export interface EndpointsChange {
  readonly clock: Clock;
  /** Of all endpoints together. */
  readonly changes: HealthChanges;
  /** The endpoint for this target: the existing one where there is one. */
  get(target: EndpointTarget): Endpoint;
  /** Closes the endpoints that were not asked for. */
  commit(): void;
  /** Closes those that were made for this change. */
  discard(): void;
}

export class Endpoints {
  /** Of all of them together. */
  readonly changes: HealthChanges = { count: 0 };
  private readonly options: EndpointsOptions;
  private readonly readBuffer = makeReadBuffer();
  private current = new Map<string, Endpoint>();

  constructor(options: EndpointsOptions) {
    this.options = options;
  }

  /** Begins a change to `expected` endpoints (for the spacing of the probes). */
  change(expected: number): EndpointsChange {
    const { current } = this;
    const next = new Map<string, Endpoint>();
    const trusts = new Map<Buffer | undefined, Trust>();
    const { probes } = this.options;
    const roundMs = expected * PROBE_SPACING_MS;
    const spaced = { ...probes, firstWithinMs: Math.max(probes.firstWithinMs, roundMs) };
    return {
      clock: this.options.deadlines.clock,
      changes: this.changes,
      get: (target) => {
        const trust = trusts.get(target.ca) ?? trustIn(target.ca);
        trusts.set(target.ca, trust);
        const key = keyOf(target, trust);
        const endpoint =
          next.get(key) ??
          current.get(key) ??
          new Endpoint({
            ...this.options,
            changes: this.changes,
            readBuffer: this.readBuffer,
            probes: probesOf(target, spaced, roundMs),
            target,
            secureContext: (trust.secureContext ??= makeSecureContext(caOf(target))),
          });
        next.set(key, endpoint);
        return endpoint;
      },
      commit: () => {
        this.current = next;
        closeMissing(current, next);
      },
      discard: () => closeMissing(next, current),
    };
  }

  /** The endpoint for one more target, beside those of the snapshot: a change keeps it only if it asks for it too. */
  open(target: EndpointTarget): Endpoint {
    const key = keyOf(target, trustIn(target.ca));
    let endpoint = this.current.get(key);
    if (endpoint === undefined) {
      const secureContext = makeSecureContext(caOf(target));
      endpoint = new Endpoint({
        ...this.options,
        changes: this.changes,
        readBuffer: this.readBuffer,
        probes: probesOf(target, this.options.probes, 0),
        target,
        secureContext,
      });
      this.current.set(key, endpoint);
    }
    return endpoint;
  }

  close(): void {
    for (const endpoint of this.current.values()) endpoint.close();
    this.current = new Map();
  }
}

function closeMissing(from: ReadonlyMap<string, Endpoint>, kept: ReadonlyMap<string, Endpoint>): void {
  for (const [key, endpoint] of from) if (kept.get(key) !== endpoint) endpoint.close();
}

/** As the target wants them, and else as the gateway does. */
function probesOf({ probes }: EndpointTarget, standard: ProbeSettings, minIntervalMs: number): ProbeSettings {
  const { unhealthyIntervalMs, ...settings } = { ...standard, ...probes };
  return {
    ...settings,
    intervalMs: Math.max(settings.intervalMs, minIntervalMs),
    unhealthyIntervalMs: Math.min(settings.intervalMs, unhealthyIntervalMs),
  };
}

/** What is worked out once for a CA file, because many routes share one. */
interface Trust {
  readonly digest: string;
  secureContext?: SecureContext;
}

function trustIn(ca: Buffer | undefined): Trust {
  return { digest: ca === undefined ? '' : createHash('sha256').update(ca).digest('hex') };
}

function caOf({ ca }: EndpointTarget): { ca?: Buffer } {
  return ca === undefined ? {} : { ca };
}

function keyOf(target: EndpointTarget, { digest }: Trust): string {
  const { url, serverName, connectTimeoutMs, inactivityMs, probes, health } = target;
  return JSON.stringify([url, digest, serverName, connectTimeoutMs, inactivityMs, probes, health]);
}
