// From `helm install` to a first gateway that is Ready, in a real cluster that has the images.
import { cpus } from 'node:os';
import { helm, charts, release } from '../cluster/helm.ts';
import { startCluster } from '../cluster/native/cluster.ts';
import type { AttachedCluster } from '../cluster/native/cluster.ts';
import { importImages, kubectl, removeOperator } from '../cluster/operator-installation.ts';
import type { Figure } from './figures.ts';
import { LOAD_CORE, pinTo } from './process.ts';

const ROUNDS = 3;
const resources = JSON.stringify({
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'sentrygateway.io/v1alpha1',
      kind: 'SentryGateway',
      metadata: { name: 'mail', namespace: 'default' },
      spec: {
        listeners: [{ name: 'phones', hostnames: ['sentry.example.com'], tls: { selfSigned: {} } }],
        service: { type: 'ClusterIP' },
        drain: { seconds: 1, propagationSeconds: 0 },
      },
    },
    {
      apiVersion: 'sentrygateway.io/v1alpha1',
      kind: 'ExchangeRoute',
      metadata: { name: 'example-com', namespace: 'default' },
      spec: {
        gatewayRefs: [{ name: 'mail' }],
        servers: [{ name: 'mbx1', url: 'https://mbx1.corp.example.com' }],
      },
    },
  ],
});

/**
 * `helm-install-to-ready-ms`: `helm install` without values, and a gateway with two pods and a route that are applied as soon as it
 * returns; the median of three. Needs the images (`make images`), Helm and root.
 */
export async function measureInstallation(): Promise<Figure[]> {
  pinTo(`0-${cpus().length - 1}`);
  const cluster = await startCluster();
  try {
    await importImages(cluster);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) times.push(await installOnce(cluster));
    return [{ name: 'helm-install-to-ready-ms', value: times.toSorted((a, b) => a - b)[1] ?? Number.NaN }];
  } finally {
    await cluster.stop();
    pinTo(String(LOAD_CORE));
  }
}

async function installOnce(cluster: AttachedCluster): Promise<number> {
  const startedAt = performance.now();
  await helm(cluster, ['install', release, charts.present, '--create-namespace', '--wait']);
  await kubectl(cluster, ['apply', '--filename', '-'], resources);
  await kubectl(cluster, [
    ...['wait', '--for=condition=Ready', '--timeout=120s'],
    ...['sentrygateway/mail', 'exchangeroute/example-com'],
  ]);
  const took = performance.now() - startedAt;
  // Without their kind nobody would collect what was made for them.
  await kubectl(cluster, ['delete', '--filename', '-'], resources);
  await kubectl(cluster, ['wait', '--for=delete', '--timeout=60s', 'pods', '--all']);
  await removeOperator(cluster);
  return took;
}
