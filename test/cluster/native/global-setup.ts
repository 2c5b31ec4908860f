// One cluster for all files of a vitest project; each keeps to its own namespaces.
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { recordOperatorCalls } from '../operator-calls.ts';
import { attachCluster, startCluster } from './cluster.ts';
import type { AttachedCluster, ClusterHandle } from './cluster.ts';

declare module 'vitest' {
  interface ProvidedContext {
    readonly cluster: ClusterHandle;
  }
}

/** Vitest's global setup: starts it, and stops it after the last file. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startCluster();
  project.provide('cluster', cluster.handle);
  return async () => {
    try {
      await recordOperatorCalls(project.name, cluster.auditLogPath);
    } finally {
      await cluster.stop();
    }
  };
}

/** For a test: the project's cluster. */
export function sharedCluster(): Promise<AttachedCluster> {
  return attachCluster(inject('cluster'));
}
