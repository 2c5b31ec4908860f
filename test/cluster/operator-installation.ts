// Installs the operator into the shared cluster as a user without Helm would: `kubectl apply -k config`, with the images of this build.
import { join } from 'node:path';
import type { AttachedCluster } from './native/cluster.ts';

const root = join(import.meta.dirname, '../..');
const images = ['sentry-operator', 'sentry-gateway'] as const;
const deployment = ['--namespace', 'sentry-system', 'deployment/sentry-operator'];

/** Runs kubectl and returns what it printed. @throws Error with its error output when it fails */
export async function kubectl(
  cluster: AttachedCluster,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl([...args], input);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Imports the images of this build. */
export async function importImages(cluster: AttachedCluster): Promise<void> {
  for (const image of images) await cluster.importImage(join(root, `dist/images/${image}.tar`));
}

/** Installs it unless it is there; resolves when the operator is available. May be called by each test file. */
export async function installOperator(cluster: AttachedCluster): Promise<void> {
  const installed = await cluster.kubectl(['get', ...deployment]);
  if (installed.code !== 0) {
    await importImages(cluster);
    await kubectl(cluster, ['apply', '--server-side', '-k', join(root, 'config')]);
  }
  const { code, stderr } = await cluster.kubectl([
    ...['wait', '--for=condition=Available', '--timeout=60s'],
    ...deployment,
  ]);
  if (code === 0) return;
  const { stdout } = await cluster.kubectl(['logs', '--tail=20', ...deployment]);
  throw new Error(`the operator is not available: ${stderr}${stdout}`);
}

/** Removes the operator, however it was installed, its CRDs and with them every gateway. */
export async function removeOperator(cluster: AttachedCluster): Promise<void> {
  await kubectl(cluster, ['delete', '--ignore-not-found', '--timeout=60s', '-k', join(root, 'config')]);
}

/** How many replicas of the operator there are to be. */
export async function operatorReplicas(cluster: AttachedCluster): Promise<number> {
  return Number(await kubectl(cluster, ['get', ...deployment, '-o', 'jsonpath={.spec.replicas}']));
}

/** Scales the operator; resolves when all that are wanted are available and no other is left. */
export async function scaleOperator(cluster: AttachedCluster, replicas: number): Promise<void> {
  await kubectl(cluster, ['scale', ...deployment, `--replicas=${replicas}`]);
  await kubectl(cluster, ['rollout', 'status', '--timeout=60s', ...deployment]);
  const labels = 'app.kubernetes.io/name=sentry-operator';
  const leaving = ['wait', '--for=delete', '--timeout=60s', 'pods', '--namespace', 'sentry-system', '-l'];
  if (replicas === 0) await kubectl(cluster, [...leaving, labels]);
}
