// The cluster's one node: mounts, containerd with its network plugins and pause image, kubelet, kube-proxy.
import { mkdirSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join, relative } from 'node:path';
import { writeImage } from '../../../build/oci-image.ts';
import type { Architecture } from '../../../build/oci-image.ts';
import { openPki } from './certificates.ts';
import { credentialsOf } from './control-plane-commands.ts';
import { inside, must } from './isolation.ts';
import type { Isolation } from './isolation.ts';
import { programFolder } from './programs.ts';
import type { ProgramName } from './programs.ts';
import type { Slot } from './slots.ts';

export const nodeName = 'node';
export const apiServerPort = 6443;
const pauseImage = 'docker.io/library/pause:native';
const containerdSocket = '/run/containerd/containerd.sock';

export type NodeProgram = Extract<ProgramName, 'kubelet' | 'kube-proxy'> | 'containerd';

/** Writes configuration and certificates under the slot's folder and returns the command line of each program. */
export async function prepareNode(slot: Slot): Promise<Record<NodeProgram, readonly string[]>> {
  const { folder, addresses } = slot;
  const api = { folder, address: addresses.node, port: apiServerPort };
  const kubelet = await credentialsOf('kubelet', api, {
    commonName: `system:node:${nodeName}`,
    organizations: ['system:nodes'],
  });
  const proxy = await credentialsOf('kube-proxy', api);
  const pki = await openPki(join(folder, 'pki'));
  const serving = await pki.issueFiles('kubelet', {
    commonName: nodeName,
    names: [nodeName, addresses.node],
  });
  mkdirSync(join(folder, 'cni'));
  for (const name of ['kubelet', 'pod-logs']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'resolv.conf'), '');
  writeFileSync(join(folder, 'containerd.toml'), containerdConfiguration(folder));
  writeFileSync(join(folder, 'cni/pods.conflist'), JSON.stringify(podNetwork(slot)));
  writeFileSync(join(folder, 'kubelet.json'), JSON.stringify(kubeletConfiguration(slot, serving)));
  writeFileSync(join(folder, 'kube-proxy.json'), JSON.stringify(proxyConfiguration(slot, proxy)));
  return {
    containerd: ['containerd', `--config=${join(folder, 'containerd.toml')}`],
    kubelet: [
      join(programFolder(), 'kubelet'),
      `--config=${join(folder, 'kubelet.json')}`,
      `--kubeconfig=${kubelet}`,
      `--root-dir=${join(folder, 'kubelet')}`,
      `--cert-dir=${join(folder, 'pki')}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${addresses.node}`,
    ],
    'kube-proxy': [join(programFolder(), 'kube-proxy'), `--config=${join(folder, 'kube-proxy.json')}`],
  };
}

/**
 * Gives the node its own /run, /var/log and /var/lib (with nothing of the machine's but the slot's folder), a kubelet folder that
 * shares mounts with pods, and kernel settings that the kubelet may write to without effect.
 */
export async function mountNode(isolation: Isolation): Promise<void> {
  const { folder } = isolation.slot;
  const script = `set -e
    mount -t tmpfs tmpfs /run
    mount -t tmpfs tmpfs /var/log
    mkdir ${folder}/var-lib
    mount -t tmpfs tmpfs ${folder}/var-lib
    mkdir -p ${folder}/var-lib/${relative('/var/lib', folder)}
    mount --bind ${folder} ${folder}/var-lib/${relative('/var/lib', folder)}
    mount --move ${folder}/var-lib /var/lib
    mount --bind ${folder}/kubelet ${folder}/kubelet
    mount --make-rshared ${folder}/kubelet
    mkdir ${folder}/kernel
    for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
      copy=${folder}/kernel/$(basename $setting)
      cat /proc/sys/$setting >$copy
      mount --bind $copy /proc/sys/$setting
    done`;
  await must(inside(isolation, ['sh', '-c', script]));
}

/** The command, for inside, that imports the image tar on its standard input. */
export const importCommand = [
  'ctr',
  `--address=${containerdSocket}`,
  '--namespace=k8s.io',
  'images',
  'import',
  '-',
];

/** The command, for inside, that runs a command in the network namespace of a container. */
export function inContainerNetwork(containerId: string, command: readonly string[]): string[] {
  const pidFile = `/run/containerd/io.containerd.runtime.v2.task/k8s.io/${containerId}/init.pid`;
  return ['sh', '-c', `exec nsenter --target "$(cat ${pidFile})" --net -- "$@"`, 'sh', ...command];
}

/** The command, for inside, that succeeds once containerd answers. */
export const containerdReadyCommand = ['ctr', `--address=${containerdSocket}`, '--timeout=2s', 'version'];

/** Compiles the program that holds a pod's namespaces and writes it as an image; returns the tar's path. */
export async function buildPauseImage(folder: string): Promise<string> {
  const binary = join(folder, 'pause');
  await must(['gcc', '-static', '-Os', '-s', '-o', binary, join(import.meta.dirname, 'pause.c')]);
  await writeImage(`${binary}.tar`, {
    reference: pauseImage,
    architecture: machineArchitecture(),
    layers: [[{ path: '/pause', copyOf: binary }]],
    entrypoint: ['/pause'],
    user: '65535:65535',
  });
  return `${binary}.tar`;
}

function machineArchitecture(): Architecture {
  return arch() === 'arm64' ? 'arm64' : 'amd64';
}

function containerdConfiguration(folder: string): string {
  // restrict_oom_score_adj: without CAP_SYS_RESOURCE every sandbox would die of "can't get final child's PID from pipe: EOF".
  return `version = 2
root = "${join(folder, 'containerd')}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "${join(folder, 'cni')}"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
`;
}

// Each pod has a cable of its own to the node (ptp): answers from pod to pod pass the node too, where they must be translated back.
function podNetwork({ addresses }: Slot): object {
  return {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'ptp',
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: addresses.podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

function kubeletConfiguration(
  { folder, cgroup }: Slot,
  serving: { certificatePath: string; keyPath: string },
): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(folder, 'pki/ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: serving.certificatePath,
    tlsPrivateKeyFile: serving.keyPath,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    podLogsDir: join(folder, 'pod-logs'),
    resolvConf: join(folder, 'resolv.conf'),
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    evictionHard: {
      'memory.available': '50Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
      'imagefs.inodesFree': '1%',
    },
    imageGCHighThresholdPercent: 100,
  };
}

function proxyConfiguration({ addresses }: Slot, kubeconfig: string): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig },
    clusterCIDR: addresses.podRange,
    hostnameOverride: nodeName,
    oomScoreAdj: 0,
    // The machine's own connection tracking stays as it is.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}
