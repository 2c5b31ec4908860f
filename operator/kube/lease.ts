// Leader election: of several replicas one holds a Lease, and only that one may write.
//
//   waiting ──▶ held ──▶ released   (clean stop: the next replica takes over at its next look)
//                 └────▶ lost       (not renewed in time, or someone else's: the process must end)
import { isNotFound, isConflict } from './api-error.ts';
import { wait } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { type KubeObject, resourceTypes } from './resource.ts';

export interface LeaseTimes {
  /** Others may take the lease so long after they saw it renewed; whole seconds. */
  readonly leaseSeconds: number;
  /** A holder gives up when it could not renew for so long: sooner than others may take it. */
  readonly renewSeconds: number;
  /** Between two attempts. */
  readonly retrySeconds: number;
}

const TIMES: LeaseTimes = { leaseSeconds: 15, renewSeconds: 10, retrySeconds: 2 };
/** For the client of a lease: two attempts fit before it is given up. */
export const LEASE_TIMEOUT_MS = 5000;

export interface LeaseOptions {
  /** One of its own, with time-outs of LEASE_TIMEOUT_MS: no other request may delay a renewal. */
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Of this process: another one of the same pod is someone else. */
  readonly identity: string;
  /** What the lease shows to people. Nothing is ever judged by it. */
  readonly clock: { now(): Date };
  /** Milliseconds that only ever grow; what expiry is judged by. */
  readonly monotonicNow: () => number;
  /** Default 15, 10 and 2 seconds. */
  readonly times?: LeaseTimes;
  /** The lease could not be read or written; it is tried again. */
  readonly onError: (error: unknown) => void;
}

interface LeaseObject extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string | undefined;
    readonly leaseDurationSeconds?: number;
    readonly leaseTransitions?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
  };
}

/** A lease as it was last seen changed, and when: by our time, since another machine's clock may be wrong. */
interface Seen {
  readonly lease: LeaseObject;
  readonly atMs: number;
}

/** Tries for the lease from its construction on. */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #times: LeaseTimes;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #resolveAcquired!: () => void;
  #resolveLost!: (reason: string) => void;
  #seen: Seen | undefined;
  #renewedMs: number | undefined;
  #isLost = false;
  #watchdog: NodeJS.Timeout | undefined;
  /** Resolves when this process holds the lease; never rejects. */
  readonly acquired: Promise<void>;
  /** Resolves, with the reason in words, when it held the lease and may no longer write; never rejects. */
  readonly lost: Promise<string>;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#times = options.times ?? TIMES;
    this.acquired = new Promise((resolve) => {
      this.#resolveAcquired = resolve;
    });
    this.lost = new Promise((resolve) => {
      this.#resolveLost = resolve;
    });
    this.#done = this.#run();
  }

  get isHeld(): boolean {
    return this.#renewedMs !== undefined;
  }

  /** Gives the lease away, when nothing writes any more. A failure is told and leaves it to expire. */
  async release(): Promise<void> {
    this.#stop.abort();
    await this.#done;
    if (!this.isHeld) return;
    this.#forget();
    try {
      await this.#writeReleased(this.#seen?.lease ?? (await this.#read()));
    } catch (error) {
      this.#options.onError(error);
    }
  }

  async #run(): Promise<void> {
    const { monotonicNow, onError } = this.#options;
    while (!this.#stop.signal.aborted) {
      const startedMs = monotonicNow();
      try {
        if (await this.#attempt()) this.#hold(startedMs);
        else if (this.isHeld) this.#lose('another replica holds it');
      } catch (error) {
        if (!this.#stop.signal.aborted) onError(error);
      }
      const jitter = this.isHeld ? 1 : 1 + Math.random() * 0.2;
      await wait(this.#times.retrySeconds * 1000 * jitter, this.#stop.signal);
    }
  }

  /** @param startedMs before the request: the server may have renewed at any moment since */
  #hold(startedMs: number): void {
    if (this.#isLost) return;
    this.#renewedMs = startedMs;
    clearTimeout(this.#watchdog);
    if (this.#stop.signal.aborted) return;
    this.#resolveAcquired();
    const leftMs = startedMs + this.#times.renewSeconds * 1000 - this.#options.monotonicNow();
    this.#watchdog = setTimeout(
      () => this.#lose(`it could not be renewed for ${this.#times.renewSeconds} s`),
      Math.max(0, leftMs),
    );
  }

  #lose(reason: string): void {
    this.#isLost = true;
    this.#forget();
    this.#stop.abort();
    this.#resolveLost(reason);
  }

  #forget(): void {
    clearTimeout(this.#watchdog);
    this.#renewedMs = undefined;
  }

  /** True when the lease is ours afterwards. @throws ApiError; Error with a `code` */
  async #attempt(): Promise<boolean> {
    const known = this.isHeld ? this.#seen?.lease : undefined;
    const lease = known ?? (await this.#read());
    if (lease !== undefined && !this.#isOurs(lease) && !this.#isFree(lease)) return false;
    try {
      this.#see(await this.#writeHeld(lease));
      return true;
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
    }
    // Someone wrote or deleted it meanwhile; whoever holds it now decides.
    const newer = await this.#read();
    if (newer !== undefined && !this.#isOurs(newer)) return false;
    this.#see(await this.#writeHeld(newer));
    return true;
  }

  async #read(): Promise<LeaseObject | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      const lease = await client.get<LeaseObject>(resourceTypes.lease, { namespace, name });
      this.#see(lease);
      return lease;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#seen = undefined;
      return undefined;
    }
  }

  #see(lease: LeaseObject): void {
    const isSame = JSON.stringify(this.#seen?.lease.spec) === JSON.stringify(lease.spec);
    this.#seen = { lease, atMs: isSame && this.#seen ? this.#seen.atMs : this.#options.monotonicNow() };
  }

  #isOurs({ spec }: LeaseObject): boolean {
    return spec?.holderIdentity === this.#options.identity;
  }

  #isFree({ spec }: LeaseObject): boolean {
    if (spec?.holderIdentity === undefined || spec.holderIdentity === '') return true;
    const seconds = spec.leaseDurationSeconds ?? this.#times.leaseSeconds;
    return this.#seen !== undefined && this.#options.monotonicNow() - this.#seen.atMs >= seconds * 1000;
  }

  async #writeHeld(lease: LeaseObject | undefined): Promise<LeaseObject> {
    const { client, namespace, name, identity } = this.#options;
    const renewTime = this.#microTime();
    const before = lease?.spec;
    const isOurs = lease !== undefined && this.#isOurs(lease);
    const spec = {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: this.#times.leaseSeconds,
      renewTime,
      acquireTime: (isOurs ? before?.acquireTime : undefined) ?? renewTime,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (lease === undefined || isOurs ? 0 : 1),
    };
    const object = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: lease?.metadata ?? { namespace, name },
      spec,
    };
    return lease === undefined
      ? client.create<LeaseObject>(resourceTypes.lease, object)
      : client.update<LeaseObject>(resourceTypes.lease, object);
  }

  async #writeReleased(lease: LeaseObject | undefined): Promise<void> {
    if (lease === undefined || !this.#isOurs(lease)) return;
    const { holderIdentity: _holder, ...spec } = lease.spec ?? {};
    const object = { ...lease, spec: { ...spec, leaseDurationSeconds: 1, renewTime: this.#microTime() } };
    await this.#options.client.update(resourceTypes.lease, object);
  }

  /** Exactly six digits: the API server refuses three. */
  #microTime(): string {
    return this.#options.clock.now().toISOString().replace(/Z$/, '000Z');
  }
}
