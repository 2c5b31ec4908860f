// Helm on a cluster of the tests, and the two versions of the operator between which it goes.
import { join } from 'node:path';
import { chartFolder, helmPath } from '../../build/chart.ts';
import { previousPrograms, previousVersionFolder, writeImages } from '../../build/images.ts';
import { runCommand } from './native/access.ts';
import type { AttachedCluster } from './native/cluster.ts';
import { importImages } from './operator-installation.ts';

const root = join(import.meta.dirname, '../..');
const namespace = 'sentry-system';

export const release = 'sentry-operator';
/** Image tag of the version before this one; its chart is beside its programs. */
export const PREVIOUS_TAG = '0.0.9';
export const charts = { present: chartFolder, previous: join(root, previousVersionFolder, 'chart') } as const;

/** Runs Helm in the operator's namespace and returns what it printed. @throws Error with its error output when it fails */
export async function helm(cluster: AttachedCluster, args: readonly string[]): Promise<string> {
  const home = join(cluster.folder, 'helm');
  const { code, stdout, stderr } = await runCommand([helmPath(), ...args, '--namespace', namespace], {
    environment: {
      ...process.env,
      KUBECONFIG: cluster.kubeconfigPath,
      HELM_CACHE_HOME: join(home, 'cache'),
      HELM_CONFIG_HOME: join(home, 'config'),
      HELM_DATA_HOME: join(home, 'data'),
    },
  });
  if (code !== 0) throw new Error(`helm ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Makes the images of the previous version and imports them beside those of this build. */
export async function importBothVersions(cluster: AttachedCluster): Promise<void> {
  const previous = await writeImages(join(root, 'dist/images/previous'), previousPrograms(PREVIOUS_TAG));
  await importImages(cluster);
  for (const path of previous) await cluster.importImage(path);
}
