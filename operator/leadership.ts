// Of several replicas of the operator one writes: the one that holds the lease.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { KubeClient, type KubeClientOptions } from './kube/client.ts';
import { Lease, LEASE_TIMEOUT_MS } from './kube/lease.ts';

export interface LeadershipOptions extends Pick<KubeClientOptions, 'kubeconfig' | 'onRequest'> {
  /** Where the lease is; undefined: there is none, and this process is the only one. */
  readonly namespace: string | undefined;
  readonly name: string;
  readonly clock: { now(): Date };
  readonly log: Logger;
  /** Called with true when this replica leads, and with false when it no longer does. */
  readonly onChange: (leads: boolean) => void;
  /** Called when it led and may no longer write: the process must end at once. */
  readonly onLost: () => void;
}

export interface Leadership extends AsyncDisposable {
  /** Resolves when this replica may write. */
  readonly acquired: Promise<void>;
}

/** Contends for the lease until disposal, which gives it away: by then nothing may write any more. */
export async function contendForLeadership(options: LeadershipOptions): Promise<Leadership> {
  const { namespace, name, clock, log, onChange, onLost, ...connection } = options;
  if (namespace === undefined) {
    onChange(true);
    return { acquired: Promise.resolve(), [Symbol.asyncDispose]: async () => onChange(false) };
  }
  onChange(false);
  const client = await KubeClient.create({ ...connection, timeoutMs: LEASE_TIMEOUT_MS });
  const identity = `${hostname()}_${randomUUID()}`;
  const lease = new Lease({
    client,
    namespace,
    name,
    identity,
    clock,
    monotonicNow: () => performance.now(),
    onError: (error) => log.warn({ lease: name, err: error }, 'the lease could not be renewed or looked at'),
  });
  const tell = async (): Promise<void> => {
    await lease.acquired;
    onChange(true);
    log.info({ lease: name, identity }, 'this replica leads');
    const reason = await lease.lost;
    onChange(false);
    log.fatal({ lease: name, reason }, 'this replica has lost the lease and ends');
    onLost();
  };
  void tell();
  return {
    acquired: lease.acquired,
    [Symbol.asyncDispose]: async () => {
      await lease.release();
      onChange(false);
      await client.close();
    },
  };
}
