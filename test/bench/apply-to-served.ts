// From `kubectl apply` of a route to its being served by every pod, in a real cluster with a thousand routes.
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '../../operator/kube/client.ts';
import { inParallel } from '../../operator/kube/in-parallel.ts';
import { type KubeObject, resourceTypes, typeOf } from '../../operator/kube/resource.ts';
import { podPorts } from '../../operator/translate/objects/ports.ts';
import { exchangeRoute } from '../apiserver/operator-run.ts';
import { HOSTNAME, MailSetup } from '../cluster/mail-setup.ts';
import { startCluster } from '../cluster/native/cluster.ts';
import { HttpFailure } from '../peers/phone/eas-client.ts';
import type { Phone } from '../peers/phone/phone.ts';
import type { Figure } from './figures.ts';
import { LOAD_CORE, pinTo } from './process.ts';

const ROUTES = 1_000;
const EDITS = 100;
const DEADLINE_MS = 60_000;
const NAMESPACE = 'apply-to-served';
const users = ['alice@example.com', 'bob@example.com'] as const;

/** `apply-to-served-p50-ms` and `apply-to-served-p99-ms`. Needs the images (`make images`) and root. */
export async function measureApplyToServed(): Promise<Figure[]> {
  // Nobody is measured beside it: the cluster gets all there is.
  pinTo(`0-${cpus().length - 1}`);
  const cluster = await startCluster();
  try {
    const setup = await MailSetup.make(cluster, NAMESPACE);
    await setup.applyFirstManifest();
    const client = await KubeClient.create({ kubeconfig: cluster.kubeconfigPath });
    const others = Array.from({ length: ROUTES - 1 }, (_, index) =>
      withServer(setup, exchangeRoute(NAMESPACE, `route-${index}`, 'mail')),
    );
    await inParallel(8, others, (route) => client.create(typeOf(route), route));
    await setup.kubectl(['wait', '--for=condition=Ready', '--timeout=300s', 'exchangeroutes', '--all']);
    const times = await measureEdits(setup, client);
    await setup.remove();
    await client.close();
    return [
      { name: 'apply-to-served-p50-ms', value: percentile(times, 0.5) },
      { name: 'apply-to-served-p99-ms', value: percentile(times, 0.99), goal: 2000 },
    ];
  } finally {
    await cluster.stop();
    pinTo(String(LOAD_CORE));
  }
}

/** A server that answers, as those of a company do. */
function withServer(setup: MailSetup, route: KubeObject): KubeObject {
  const spec = 'spec' in route ? (route.spec as object) : {};
  const caRef = { kind: 'ConfigMap', name: 'exchange-ca', key: 'ca.crt' };
  const url = `https://mbx1.corp.example:${setup.exchange.frontEnd('mbx1').port}`;
  const servers = [{ name: 'mbx1', url, priority: 0 }];
  return { ...route, ...{ spec: { ...spec, servers, serverTLS: { caRef } } } };
}

/** Each edit moves the route to the other server; a pod serves it when a request that it forwards arrives there. */
async function measureEdits(setup: MailSetup, client: KubeClient): Promise<number[]> {
  const phones = (await setup.podsSettled(users.length)).map(({ ip }, index) =>
    setup.phone(users[index] ?? users[0], 'Basic', {
      url: `https://${HOSTNAME}:${podPorts.phones}`,
      hosts: { [HOSTNAME]: ip },
    }),
  );
  const times: number[] = [];
  for (let edit = 0; edit < EDITS; edit += 1) {
    const name = edit % 2 === 0 ? 'mbx2' : 'mbx1';
    const url = `https://${name}.corp.example:${setup.exchange.frontEnd(name).port}`;
    const spec = { servers: [{ name, url, priority: 0 }] };
    const startedAt = performance.now();
    const target = { namespace: NAMESPACE, name: 'example-com' };
    await client.mergePatch(resourceTypes.exchangeRoute, target, { spec });
    await Promise.all(phones.map((phone) => served(setup, phone, name)));
    times.push(performance.now() - startedAt);
    await sleep(250);
  }
  return times;
}

async function served(setup: MailSetup, phone: Phone, server: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    await phone.options().catch(onlyUnavailable);
    const { requests } = setup.exchange.organisation.journal;
    const last = requests.findLast(({ user }) => user === phone.user);
    if (last?.frontEnd === server) return;
    if (performance.now() > deadline) throw new Error(`a pod does not serve the edit of ${server}`);
    await sleep(20);
  }
}

/** A server that has just come may not have been reached yet. */
function onlyUnavailable(error: unknown): void {
  if (!(error instanceof HttpFailure) || error.status !== 503) throw error;
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}
