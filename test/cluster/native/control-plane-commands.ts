// The command lines of etcd, the API server, the controller manager and the scheduler, and when they are ready.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubeconfig } from './access.ts';
import type { ApiAccess } from './access.ts';
import { openPki } from './certificates.ts';
import { programFolder } from './programs.ts';
import type { ProgramName, RunningProgram } from './programs.ts';

export interface ControlPlaneOptions {
  /** The state folder. */
  readonly folder: string;
  /** The address that the API server listens on. */
  readonly address: string;
  readonly port: number;
  /** Cluster IPs, for example 10.96.0.0/16 or, for both families, 10.96.0.0/16,fd00::/112; the API server has the first. */
  readonly serviceRange: string;
  /** Whether pods are to reach the API server by its cluster IP; it must then listen on no loopback address. */
  readonly hasNodes: boolean;
}

export type ControlPlaneProgram = Extract<
  ProgramName,
  'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler'
>;

/** Writes certificates and configuration under the state folder and returns the command line of each program. */
export async function prepareControlPlane(
  options: ControlPlaneOptions,
): Promise<Record<ControlPlaneProgram, readonly string[]>> {
  const programs = programFolder();
  const controllerManager = await credentialsOf('kube-controller-manager', options);
  const scheduler = await credentialsOf('kube-scheduler', options);
  return {
    etcd: [join(programs, 'etcd'), ...etcdFlags(options)],
    'kube-apiserver': [join(programs, 'kube-apiserver'), ...(await apiServerFlags(options))],
    'kube-controller-manager': [
      join(programs, 'kube-controller-manager'),
      ...controllerManagerFlags(options, controllerManager),
    ],
    'kube-scheduler': [
      join(programs, 'kube-scheduler'),
      `--kubeconfig=${scheduler}`,
      '--leader-elect=false',
      '--secure-port=0',
    ],
  };
}

/** Writes a kubeconfig file for one of the cluster's own programs and returns its path. */
export async function credentialsOf(
  name: string,
  options: Pick<ControlPlaneOptions, 'folder' | 'address' | 'port'>,
  subject: { readonly commonName: string; readonly organizations?: readonly string[] } = {
    commonName: `system:${name}`,
  },
): Promise<string> {
  const pki = await openPki(join(options.folder, 'pki'));
  const server = `https://${options.address}:${options.port}`;
  const path = join(options.folder, `${name}.kubeconfig`);
  writeFileSync(path, kubeconfig(server, pki, await pki.issue(subject)), { mode: 0o600 });
  return path;
}

function etcdFlags({ folder }: ControlPlaneOptions): string[] {
  const clients = `unix://${join(folder, 'etcd.sock')}`;
  // There is no other member, so nobody asks for what is advertised; etcd before 3.7 wants a host and a port there.
  const advertised = { clients: 'http://localhost:2379', peers: 'http://localhost:2380' };
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
    `--listen-client-urls=${clients}`,
    `--advertise-client-urls=${advertised.clients}`,
    `--listen-peer-urls=unix://${join(folder, 'etcd-peer.sock')}`,
    `--initial-advertise-peer-urls=${advertised.peers}`,
    `--initial-cluster=default=${advertised.peers}`,
  ];
}

async function apiServerFlags({
  folder,
  address,
  port,
  serviceRange,
  hasNodes,
}: ControlPlaneOptions): Promise<string[]> {
  const pki = await openPki(join(folder, 'pki'));
  const names = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const server = await pki.issueFiles('kube-apiserver', {
    commonName: 'kube-apiserver',
    names: [...names, '127.0.0.1', address, firstAddress(serviceRange)],
  });
  const toKubelet = await pki.issueFiles('kube-apiserver-to-kubelet', {
    commonName: 'kube-apiserver',
    organizations: ['system:masters'],
  });
  writeFileSync(join(folder, 'audit-policy.json'), JSON.stringify(auditPolicy));
  return [
    `--etcd-servers=unix://${join(folder, 'etcd.sock')}`,
    `--bind-address=${address}`,
    `--advertise-address=${address}`,
    `--secure-port=${port}`,
    ...(hasNodes ? [] : ['--endpoint-reconciler-type=none']),
    `--tls-cert-file=${server.certificatePath}`,
    `--tls-private-key-file=${server.keyPath}`,
    `--client-ca-file=${join(pki.folder, 'ca.crt')}`,
    `--kubelet-client-certificate=${toKubelet.certificatePath}`,
    `--kubelet-client-key=${toKubelet.keyPath}`,
    `--kubelet-certificate-authority=${join(pki.folder, 'ca.crt')}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(pki.folder, 'service-accounts.pub')}`,
    `--service-account-signing-key-file=${join(pki.folder, 'service-accounts.key')}`,
    `--service-cluster-ip-range=${serviceRange}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--audit-log-path=${auditLogPath(folder)}`,
    `--audit-policy-file=${join(folder, 'audit-policy.json')}`,
  ];
}

function controllerManagerFlags({ folder }: ControlPlaneOptions, credentials: string): string[] {
  const pki = join(folder, 'pki');
  return [
    `--kubeconfig=${credentials}`,
    '--leader-elect=false',
    // Else an autoscaler looks for the first time after 15 s.
    '--horizontal-pod-autoscaler-sync-period=1s',
    '--secure-port=0',
    '--use-service-account-credentials=true',
    '--kube-api-qps=500',
    '--kube-api-burst=500',
    `--root-ca-file=${join(pki, 'ca.crt')}`,
    `--service-account-private-key-file=${join(pki, 'service-accounts.key')}`,
    `--cluster-signing-cert-file=${join(pki, 'ca.crt')}`,
    `--cluster-signing-key-file=${join(pki, 'ca.key')}`,
  ];
}

/** Where the API server writes one line of JSON per request (audit.k8s.io/v1 Event, level Metadata). */
export function auditLogPath(folder: string): string {
  return join(folder, 'audit.log');
}

// Who called what, without the calls of Kubernetes' own programs.
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    {
      level: 'None',
      users: [
        'system:apiserver',
        'system:kube-controller-manager',
        'system:kube-scheduler',
        'system:kube-proxy',
      ],
    },
    { level: 'None', userGroups: ['system:nodes', 'system:serviceaccounts:kube-system'] },
    { level: 'Metadata' },
  ],
};

function firstAddress(range: string): string {
  return range.replace(/[.]0[/].*$/, '.1');
}

/** Resolves when the API server serves its own roles and the namespace `default`. */
export async function apiServerReady(access: ApiAccess, programs: readonly RunningProgram[]): Promise<void> {
  await until('the API server is ready', programs, async () => {
    const ready = await access.get('/readyz');
    return ready.status === 200 && (await access.get('/api/v1/namespaces/default')).status === 200;
  });
}

/** Resolves when the controller manager works: namespaces get their service account `default`. */
export async function controllerManagerReady(
  access: ApiAccess,
  programs: readonly RunningProgram[],
): Promise<void> {
  const path = '/api/v1/namespaces/default/serviceaccounts/default';
  await until(
    'the controller manager is ready',
    programs,
    async () => (await access.get(path)).status === 200,
  );
}

/** Polls until the condition holds; throws when one of the programs ends first, or after two minutes. */
export async function until(
  what: string,
  programs: readonly RunningProgram[],
  condition: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await condition())) {
    const dead = programs.find((program) => program.hasEnded());
    if (dead !== undefined) throw new Error(`${dead.name} ended before ${what}:\n${dead.logTail()}`);
    if (performance.now() > deadline) {
      const logs = programs.map((program) => `--- ${program.name}\n${program.logTail()}`).join('\n');
      throw new Error(`gave up waiting until ${what}:\n${logs}`);
    }
    await sleep(100);
  }
}
