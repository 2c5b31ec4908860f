// cert-manager beside a cluster: its controllers run outside, on a kubeconfig; its CRDs come from its own Go module.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiAccess } from './access.ts';
import { runProgram, type RunningProgram } from './programs.ts';

const repository = join(import.meta.dirname, '../../..');
/** What the operator reads of it; the CRDs of ACME come along. */
const kinds = ['certificates', 'certificaterequests', 'issuers', 'clusterissuers'];

/** The folder with the program and `crds/`. @throws Error when `build/setup.sh cert-manager` has not been run */
export function certManagerFolder(): string {
  const setup = join(repository, 'build/setup.sh');
  const folder = execFileSync(setup, ['cert-manager-path'], { encoding: 'utf8' }).trim();
  if (!existsSync(join(folder, 'crds'))) {
    throw new Error(
      `no cert-manager in ${folder}: run build/setup.sh cert-manager (two minutes, once per machine)`,
    );
  }
  return folder;
}

type Kubectl = Pick<ApiAccess, 'kubectl'>;

/** Makes its CRDs and waits until the API server serves them. @throws Error with kubectl's words */
export async function installCertManagerCRDs(access: Kubectl): Promise<void> {
  await run(access, ['apply', '--server-side', '-f', join(certManagerFolder(), 'crds')]);
  const names = kinds.map((kind) => `crd/${kind}.cert-manager.io`);
  await run(access, ['wait', '--for=condition=Established', '--timeout=60s', ...names]);
}

/** Removes its CRDs and all resources of them. @throws Error with kubectl's words */
export async function removeCertManagerCRDs(access: Kubectl): Promise<void> {
  const crds = join(certManagerFolder(), 'crds');
  for (const file of readdirSync(crds)) {
    await run(access, ['delete', '--ignore-not-found', '--timeout=60s', '-f', join(crds, file)]);
  }
}

/** Starts its controllers, with the rights of the administrator; the CRDs must be there. They end with this process. */
export async function startCertManager(
  cluster: Pick<ApiAccess, 'kubeconfigPath'> & { readonly folder: string },
): Promise<RunningProgram> {
  const command = [join(certManagerFolder(), 'cert-manager'), cluster.kubeconfigPath];
  return runProgram({ name: 'cert-manager', command, logPath: join(cluster.folder, 'cert-manager.log') });
}

async function run(access: Kubectl, args: readonly string[]): Promise<void> {
  const { code, stderr } = await access.kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
}
