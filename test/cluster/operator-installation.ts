// Installs the operator into the shared cluster as a user without Helm would: `kubectl apply -k config`, with the images of this build.
import { join } from 'node:path';
import type { AttachedCluster } from './native/cluster.ts';

const root = join(import.meta.dirname, '../..');
const images = ['sentry-operator', 'sentry-gateway'] as const;

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

/** Installs it unless it is there; resolves when the operator is available. May be called by each test file. */
export async function installOperator(cluster: AttachedCluster): Promise<void> {
  const deployment = ['--namespace', 'sentry-system', 'deployment/sentry-operator'];
  const installed = await cluster.kubectl(['get', ...deployment]);
  if (installed.code !== 0) {
    await Promise.all(images.map((image) => cluster.importImage(join(root, `dist/images/${image}.tar`))));
    await kubectl(cluster, ['apply', '--server-side', '-k', join(root, 'config')]);
  }
  const wait = ['wait', '--for=condition=Available', '--timeout=60s', ...deployment];
  const { code, stderr } = await cluster.kubectl(wait);
  if (code === 0) return;
  const { stdout } = await cluster.kubectl(['logs', '--tail=20', ...deployment]);
  throw new Error(`the operator is not available: ${stderr}${stdout}`);
}
