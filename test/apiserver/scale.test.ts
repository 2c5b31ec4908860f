// Who decides how many pods there are, and how many gateways a new operator rolls at once. The test plays the controllers.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KubeClient } from '../../operator/kube/client.ts';
import { Reflector } from '../../operator/kube/reflector.ts';
import { type KubeObject, resourceTypes, typeOf } from '../../operator/kube/resource.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import {
  AuditLog,
  eventually,
  exchangeRoute,
  installCRDs,
  type RunningOperator,
  runOperator,
  sentryGateway,
  untilAllHaveStatus,
  untilQuiet,
} from './operator-run.ts';

let namespace = 'default';
const autoscaling = { min: 2, max: 9, targetCPUUtilizationPercent: 70 };
let controlPlane: ControlPlane;
let client: KubeClient;
let audit: AuditLog;
let operator: RunningOperator | undefined;

interface Deployment extends KubeObject {
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  };
}

beforeAll(async () => {
  controlPlane = await startControlPlane();
  await installCRDs(controlPlane);
  client = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
  audit = await AuditLog.from(controlPlane);
});

afterEach(async () => {
  await operator?.stop();
  operator = undefined;
});

afterAll(async () => {
  await client.close();
  await controlPlane.stop();
});

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await controlPlane.kubectl(['--namespace', namespace, ...args]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

async function restart(image = 'registry.example/sentry-gateway:1.0.0'): Promise<void> {
  await operator?.stop();
  operator = await runOperator(controlPlane, { gatewayImage: image, namespaces: [namespace] });
  await operator.synced;
  await untilAllHaveStatus(client);
}

/** Until the operator has done what there was to do at its start. */
async function restartAndSettle(image?: string): Promise<void> {
  await restart(image);
  await untilQuiet(audit, 3_000);
}

async function edit(kind: string, name: string, spec: object): Promise<void> {
  await kubectl('patch', kind, name, '--type=merge', '-p', JSON.stringify({ spec }));
  await untilQuiet(audit);
}

async function deployment(name: string): Promise<Deployment> {
  return client.get<Deployment>(resourceTypes.deployment, { namespace, name });
}

async function replicas(name: string): Promise<number> {
  return (await deployment(name)).spec.replicas;
}

/** As an autoscaler does it: by the subresource `scale`. */
async function scale(name: string, count: number): Promise<void> {
  await kubectl('scale', 'deployment', name, `--replicas=${count}`);
  await untilQuiet(audit);
}

async function hasAutoscaler(name: string): Promise<boolean> {
  return (await controlPlane.kubectl(['get', 'hpa', name])).code === 0;
}

describe('the number of pods', () => {
  test('stays what it is when autoscaling is switched on and off, and follows the autoscaler between', async () => {
    await client.create(resourceTypes.sentryGateway, sentryGateway(namespace, 'auto', { replicas: 3 }));
    await restartAndSettle();
    const seen = new Set<number>();
    const end = new AbortController();
    const watch = new Reflector<Deployment>({
      client,
      type: resourceTypes.deployment,
      selection: { namespace, fieldSelector: 'metadata.name=auto' },
      signal: end.signal,
      onChange: (_key, object) => object && seen.add(object.spec.replicas),
    });
    await watch.synced;
    await edit('sentrygateway', 'auto', { replicas: null, autoscaling });
    expect(await hasAutoscaler('auto')).toBe(true);
    expect(await replicas('auto')).toBe(3);
    await scale('auto', 5);
    await edit('sentrygateway', 'auto', { port: 8443 });
    await restartAndSettle();
    expect(await replicas('auto')).toBe(5);
    await edit('sentrygateway', 'auto', { autoscaling: null });
    expect(await hasAutoscaler('auto')).toBe(false);
    expect(await replicas('auto')).toBe(5);
    await restartAndSettle();
    expect(await replicas('auto')).toBe(5);
    await edit('sentrygateway', 'auto', { autoscaling });
    await scale('auto', 6);
    await edit('sentrygateway', 'auto', { autoscaling: null });
    await edit('sentrygateway', 'auto', { autoscaling });
    expect(await replicas('auto')).toBe(6);
    end.abort();
    expect([...seen]).toEqual([3, 5, 6]);
  });

  test('is that of an autoscaler alone once it has said one: the operator does not own the field', async () => {
    await client.create(resourceTypes.sentryGateway, sentryGateway(namespace, 'owner', { autoscaling }));
    await restartAndSettle();
    expect(await replicas('owner')).toBe(autoscaling.min);
    await scale('owner', 4);
    await edit('sentrygateway', 'owner', { port: 8443 });
    const { metadata } = await deployment('owner');
    const owners = (metadata.managedFields ?? []).filter(({ fieldsV1 }) =>
      JSON.stringify(fieldsV1).includes('f:replicas'),
    );
    expect(owners.map(({ manager }) => manager)).not.toContain('sentry-operator');
    expect(await replicas('owner')).toBe(4);
  });

  test('is the one in spec.replicas, when autoscaling ends with one there, and 2 when that is taken out', async () => {
    await client.create(resourceTypes.sentryGateway, sentryGateway(namespace, 'said', { autoscaling }));
    await restartAndSettle();
    await scale('said', 7);
    await edit('sentrygateway', 'said', { autoscaling: null, replicas: 4 });
    expect(await replicas('said')).toBe(4);
    await edit('sentrygateway', 'said', { replicas: null });
    expect(await replicas('said')).toBe(2);
  });
});

describe('a new operator', () => {
  const names = ['roll-a', 'roll-b', 'roll-c', 'roll-d', 'roll-e'];
  const next = 'registry.example/sentry-gateway:2.0.0';

  beforeAll(async () => {
    namespace = 'rolling';
    await kubectl('create', 'namespace', namespace);
  });

  async function rolled(): Promise<string[]> {
    const { items } = await client.list<Deployment>(resourceTypes.deployment, { namespace });
    return items
      .filter(({ metadata }) => names.includes(metadata.name))
      .filter(({ spec }) => spec.template.spec.containers[0]?.image === next)
      .map(({ metadata }) => metadata.name)
      .toSorted();
  }

  /** As the Deployment controller says that a rollout is complete. */
  async function complete(name: string): Promise<void> {
    const { metadata, spec } = await deployment(name);
    const count = spec.replicas;
    const counts = {
      replicas: count,
      updatedReplicas: count,
      availableReplicas: count,
      readyReplicas: count,
    };
    const status = { observedGeneration: metadata.generation, ...counts };
    await kubectl(
      ...['patch', 'deployment', name, '--subresource=status', '--type=merge'],
      ...['-p', JSON.stringify({ status })],
    );
    await untilQuiet(audit);
  }

  test('rolls two gateways at once, and the next when one is complete; snapshots and edits do not wait', async () => {
    for (const name of names)
      await client.create(resourceTypes.sentryGateway, sentryGateway(namespace, name));
    const route = exchangeRoute(namespace, 'roll', 'roll-a');
    await client.create(typeOf(route), route);
    await restartAndSettle();
    for (const name of names) await complete(name);
    await restart(next);
    await eventually('the first are rolled', async () => (await rolled()).length >= 2);
    await untilQuiet(audit, 3_000);
    const first = await rolled();
    expect(first).toHaveLength(2);

    const waiting = names.filter((name) => !first.includes(name));
    const [edited = '', routed = ''] = waiting;
    await edit('exchangeroute', 'roll', { gatewayRefs: [{ name: routed }] });
    const slot = await client.get<KubeObject>(resourceTypes.secret, {
      namespace,
      name: `${routed}-snapshot-0`,
    });
    expect(slot.metadata.annotations?.['sentrygateway.io/snapshot-generation']).toBe('2');
    expect(await rolled()).toEqual(first);

    await edit('sentrygateway', edited, { pod: { labels: { team: 'mail' } } });
    expect(await rolled()).toEqual([...first, edited].toSorted());

    await restart(next);
    await untilQuiet(audit, 5_000);
    expect(await rolled()).toEqual([...first, edited].toSorted());

    for (const name of first) await complete(name);
    // Two have finished, and so two of those that wait: with the one that was edited that is all.
    await eventually('the rest is rolled', async () => (await rolled()).length === names.length);
  });

  test('writes nothing once all are rolled', async () => {
    await restartAndSettle(next);
    await restart(next);
    expect(await untilQuiet(audit, 5_000)).toEqual([]);
  });
});
