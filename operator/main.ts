// The operator's process: reads its flags, and runs cluster mode until it is told to stop or another replica leads.
import { Buffer } from 'node:buffer';
import { parseArgs } from 'node:util';
import { pino, stdTimeFunctions } from 'pino';
import { Registry } from 'prom-client';
import { runClusterOperator } from './cluster.ts';
import { listenForHealth } from './health.ts';
import { KubeClient } from './kube/client.ts';
import { KernelMetrics } from './kube/metrics.ts';
import { reconcileContext } from './kube/reconcile-context.ts';
import { contendForLeadership } from './leadership.ts';

// Keys and certificates are small and stay: each would hold a whole pool of 64 KiB.
Buffer.poolSize = 0;

const usage = `Usage: sentry-operator --gateway-image IMAGE [options]

  --gateway-image IMAGE  image of the gateway's pods
  --namespace NAMESPACE  look at this namespace only; may be repeated (default: all)
  --cluster-cidr CIDR    address range of pods or Services, which gateways never call; may be repeated
  --max-concurrent-rollouts NUMBER
                         how many gateways get new pods at once because the operator is a new one (default 2)
  --lease-namespace NS   where the lease is that the one replica holds which works (default: $POD_NAMESPACE;
                         without either there is no lease, and only one replica may run)
  --lease-name NAME      name of the lease (default sentry-operator)
  --kubeconfig FILE      cluster to work on (default: the one that it runs in)
  --health HOST:PORT     where /healthz, /readyz and /metrics are (default 127.0.0.1:8081)
  --help
`;

const flags = {
  'gateway-image': { type: 'string' },
  namespace: { type: 'string', multiple: true },
  'cluster-cidr': { type: 'string', multiple: true },
  'max-concurrent-rollouts': { type: 'string', default: '2' },
  'lease-namespace': { type: 'string' },
  'lease-name': { type: 'string', default: 'sentry-operator' },
  kubeconfig: { type: 'string' },
  health: { type: 'string', default: '127.0.0.1:8081' },
  help: { type: 'boolean', default: false },
} as const;

async function main(): Promise<number> {
  const values = readFlags();
  if (typeof values === 'number') return values;
  const log = pino(
    { base: { program: 'sentry-operator' }, timestamp: stdTimeFunctions.isoTime, mixin: reconcileContext },
    pino.destination({ dest: 2, sync: true }),
  );
  const clock = { now: () => new Date() };
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  const registry = new Registry();
  const metrics = new KernelMetrics(registry);
  await using health = await listenForHealth(values.health, registry);
  log.info({ url: health.url }, 'health and metrics are served');
  const connection = { kubeconfig: values.kubeconfig, onRequest: metrics.requested.bind(metrics) };
  await using leadership = await contendForLeadership({
    ...connection,
    namespace: values['lease-namespace'] ?? process.env['POD_NAMESPACE'],
    name: values['lease-name'],
    clock,
    log,
    onChange: (leads) => metrics.leads(values['lease-name'], leads),
    onLost: () => process.exit(1),
  });
  const client = await KubeClient.create(connection);
  await runClusterOperator({
    client,
    log,
    metrics,
    namespaces: values.namespace ?? [],
    gatewayImage: values['gateway-image'],
    clusterCIDRs: values['cluster-cidr'] ?? [],
    maxConcurrentRollouts: Number(values['max-concurrent-rollouts']),
    clock,
    leadership: leadership.acquired,
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
    if (!/^[1-9]\d{0,5}$/.test(values['max-concurrent-rollouts'])) {
      throw new Error('--max-concurrent-rollouts must be a whole number, at least 1');
    }
    return { ...values, 'gateway-image': image };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
}

process.exit(await main());
