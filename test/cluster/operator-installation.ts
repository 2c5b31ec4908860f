// Installs the operator into the shared cluster as a user would: crds/, config/operator.yaml, and the images of this build.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { imageReference } from '../../build/images.ts';
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

/** Installs or brings up to date; resolves when the operator is available. May be called by each test file. */
export async function installOperator(cluster: AttachedCluster): Promise<void> {
  const installed = await cluster.kubectl([
    'get',
    'deployment',
    'sentry-operator',
    '--namespace',
    'sentry-system',
  ]);
  if (installed.code !== 0) {
    for (const image of images) await cluster.importImage(join(root, `dist/images/${image}.tar`));
    await kubectl(cluster, ['apply', '--server-side', '-f', join(root, 'crds')]);
    await kubectl(cluster, [
      ...['wait', '--for=condition=Established', '--timeout=60s', 'crd'],
      ...['sentrygateways.sentrygateway.io', 'exchangeroutes.sentrygateway.io'],
    ]);
    await kubectl(cluster, ['apply', '-f', '-'], manifest());
  }
  await kubectl(cluster, [
    ...['wait', '--for=condition=Available', '--timeout=120s'],
    ...['--namespace', 'sentry-system', 'deployment/sentry-operator'],
  ]);
}

function manifest(): string {
  return images.reduce(
    (text, image) => text.replaceAll(`${image}:latest`, imageReference(image)),
    readFileSync(join(root, 'config/operator.yaml'), 'utf8'),
  );
}
