// How long the operator takes to be right again after each thing that can happen to its API server or its network.
import { KubeClient } from '../../operator/kube/client.ts';
import { Lease, LEASE_TIMEOUT_MS } from '../../operator/kube/lease.ts';
import { disturbances, recoveryMs, RecoveryStage } from '../apiserver/recovery.ts';
import type { Figure } from './figures.ts';

const GOAL_MS = 30_000;

/** `operator.recovery-<disturbance>-ms` after all was well again, with the product's own time-outs; one run each. */
export async function measureRecovery(): Promise<Figure[]> {
  const stage = await RecoveryStage.set();
  try {
    const figures: Figure[] = [];
    for (const disturbance of disturbances) {
      const value = await recoveryMs(stage, disturbance);
      figures.push({ name: `operator.recovery-${disturbance.name}-ms`, value, goal: GOAL_MS });
    }
    stage.proxy.mend();
    const successions = [
      ['leader-cut-off', await successionMs(stage, async () => stage.proxy.failBy(() => 'silence'))],
      ['leader-stopped', await successionMs(stage, (leader) => leader.release())],
    ] as const;
    return [
      ...figures,
      ...successions.map(([name, value]) => ({ name: `operator.recovery-${name}-ms`, value, goal: GOAL_MS })),
    ];
  } finally {
    await stage[Symbol.asyncDispose]();
  }
}

/** From the moment that a leader ends until another replica leads, in milliseconds. */
async function successionMs(stage: RecoveryStage, end: (leader: Lease) => Promise<void>): Promise<number> {
  const paths = [stage.access.kubeconfig, stage.controlPlane.kubeconfigPath];
  const clients = await Promise.all(
    paths.map((kubeconfig) => KubeClient.create({ kubeconfig, timeoutMs: LEASE_TIMEOUT_MS })),
  );
  const leases: Lease[] = [];
  try {
    for (const [index, client] of clients.entries()) {
      const lease = new Lease({
        client,
        namespace: 'default',
        name: 'succession',
        identity: `replica-${index}`,
        clock: { now: () => new Date() },
        monotonicNow: () => performance.now(),
        onError: () => {},
      });
      leases.push(lease);
      if (index === 0) await lease.acquired;
    }
    const [leader, successor] = leases;
    if (leader === undefined || successor === undefined) throw new Error('there are two replicas');
    const startedMs = performance.now();
    await end(leader);
    await successor.acquired;
    return performance.now() - startedMs;
  } finally {
    stage.proxy.mend();
    await Promise.all(leases.map((lease) => lease.release()));
    await Promise.all(clients.map((client) => client.close()));
  }
}
