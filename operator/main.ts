// The operator's process: reads its flags, and runs cluster mode until it is told to stop.
import { parseArgs } from 'node:util';
import { pino, stdTimeFunctions } from 'pino';
import { runClusterOperator } from './cluster.ts';
import { listenForHealth } from './health.ts';
import { KubeClient } from './kube/client.ts';

const usage = `Usage: sentry-operator --gateway-image IMAGE [options]

  --gateway-image IMAGE  image of the gateway's pods
  --namespace NAMESPACE  look at one namespace only (default: all)
  --cluster-cidr CIDR    address range of pods or Services, which gateways never call; may be repeated
  --kubeconfig FILE      cluster to work on (default: the one that it runs in)
  --health HOST:PORT     where /healthz, /readyz and /metrics are (default 127.0.0.1:8081)
  --help
`;

const flags = {
  'gateway-image': { type: 'string' },
  namespace: { type: 'string' },
  'cluster-cidr': { type: 'string', multiple: true },
  kubeconfig: { type: 'string' },
  health: { type: 'string', default: '127.0.0.1:8081' },
  help: { type: 'boolean', default: false },
} as const;

async function main(): Promise<number> {
  const values = readFlags();
  if (typeof values === 'number') return values;
  const log = pino(
    { base: { program: 'sentry-operator' }, timestamp: stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  const client = await KubeClient.create({ kubeconfig: values.kubeconfig });
  await using health = await listenForHealth(values.health);
  await runClusterOperator({
    client,
    log,
    namespaces: values.namespace === undefined ? [] : [values.namespace],
    gatewayImage: values['gateway-image'],
    clusterCIDRs: values['cluster-cidr'] ?? [],
    clock: { now: () => new Date() },
    onSynced: () => health.setReady(),
    signal: stop.signal,
  });
  await client.close();
  return 0;
}

function readFlags() {
  try {
    const { values } = parseArgs({ options: flags });
    if (values.help) {
      process.stdout.write(usage);
      return 0;
    }
    const image = values['gateway-image'];
    if (image === undefined) throw new Error('--gateway-image is required');
    return { ...values, 'gateway-image': image };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
}

process.exitCode = await main();
