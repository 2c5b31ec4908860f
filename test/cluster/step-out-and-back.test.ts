// step-out-and-back: a pod whose path to Exchange is cut leaves the endpoints, and comes back: by the operator or without it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { operatorReplicas, scaleOperator } from './operator-installation.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

type Server = 'mbx1' | 'mbx2';

let setup: MailSetup;
/** Replicas of the operator. */
let operators: number;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'step-out-and-back');
  await setup.applyFirstManifest();
  await applyOtherGateway();
  operators = await operatorReplicas(setup.cluster);
});

afterAll(async () => {
  await scaleOperator(setup.cluster, operators);
  await setup.remove();
});

/** A second gateway, whose two routes have one server each. */
async function applyOtherGateway(): Promise<void> {
  const get = async (resource: string): Promise<{ spec: Record<string, unknown> }> =>
    JSON.parse(await setup.kubectl(['get', resource, '-o', 'json'])) as { spec: Record<string, unknown> };
  const gateway = await get('sentrygateway/mail');
  const route = await get('exchangeroute/example-com');
  const apiVersion = 'sentrygateway.io/v1alpha1';
  const servers = route.spec['servers'] as { name: Server }[];
  const items = [
    { apiVersion, kind: 'SentryGateway', metadata: { name: 'other' }, spec: gateway.spec },
    ...servers.map((server) => ({
      apiVersion,
      kind: 'ExchangeRoute',
      metadata: { name: server.name },
      spec: {
        ...route.spec,
        gatewayRefs: [{ name: 'other' }],
        match: { domains: [`${server.name}.example`] },
        servers: [server],
      },
    })),
  ];
  await setup.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  for (const resource of ['sentrygateway/other', 'exchangeroute/mbx1', 'exchangeroute/mbx2'])
    await setup.kubectl(['wait', '--for=condition=Ready', '--timeout=120s', resource]);
  await setup.kubectl(['rollout', 'status', 'deployment/other', '--timeout=60s']);
}

async function podsOf(gateway: string): Promise<[string, string]> {
  const names = await setup.kubectl([
    ...['get', 'pods', '-l', `app.kubernetes.io/instance=${gateway}`],
    ...['-o', 'jsonpath={.items[*].metadata.name}'],
  ]);
  const [first, second] = names.split(' ').toSorted();
  if (first === undefined || second === undefined) throw new Error(`${gateway} has no two pods: ${names}`);
  return [first, second];
}

/** Names of the pods to which the Service of a gateway sends new connections. */
async function endpoints(gateway: string): Promise<string[]> {
  const slices = JSON.parse(
    await setup.kubectl([
      'get',
      'endpointslices',
      '-l',
      `kubernetes.io/service-name=${gateway}`,
      '-o',
      'json',
    ]),
  ) as { items: { endpoints?: { conditions: { ready?: boolean }; targetRef?: { name: string } }[] }[] };
  return slices.items
    .flatMap(({ endpoints = [] }) => endpoints)
    .flatMap(({ conditions, targetRef }) => (conditions.ready === true && targetRef ? [targetRef.name] : []))
    .toSorted();
}

/** Cuts the path of a pod to these servers, in the pod's own network. */
async function cut(pod: string, ...servers: Server[]): Promise<void> {
  const ports = servers.map((name) => setup.exchange.frontEnd(name).port).join(', ');
  await nft(
    pod,
    `add table inet cut
     add chain inet cut output { type filter hook output priority 0; }
     add rule inet cut output tcp dport { ${ports} } reject with tcp reset`,
  );
}

async function restore(pod: string): Promise<void> {
  await nft(pod, 'delete table inet cut');
}

async function nft(pod: string, rules: string): Promise<void> {
  const { code, stderr } = await setup.cluster.podExec(setup.namespace, pod, ['nft', rules]);
  if (code !== 0) throw new Error(`nft: ${stderr}`);
}

async function condition(gateway: string): Promise<string> {
  const path = `jsonpath={.status.conditions[?(@.type=="SteppedOut")].status}`;
  return setup.kubectl(['get', 'sentrygateway', gateway, '-o', path]);
}

async function events(gateway: string): Promise<string[]> {
  const text = await setup.kubectl([
    ...['get', 'events', '--field-selector', `involvedObject.name=${gateway}`],
    ...['-o', 'jsonpath={range .items[*]}{.reason}{"\\n"}{end}'],
  ]);
  return text.split('\n').filter((reason) => reason.startsWith('Pod'));
}

/** How many of the other gateway's pods reach the server of a route of its own. */
async function reaching(route: Server): Promise<string> {
  return setup.kubectl([
    'get',
    'exchangeroute',
    route,
    '-o',
    'jsonpath={.status.servers[0].healthyPods}/{.status.servers[0].pods}',
  ]);
}

async function openConnections(pod: string): Promise<number> {
  const ip = await setup.kubectl(['get', 'pod', pod, '-o', 'jsonpath={.status.podIP}']);
  const metrics = await (await fetch(`http://${ip}:9090/metrics`)).text();
  return Number(/^sentry_open_connections (\d+)/m.exec(metrics)?.[1]);
}

test('a pod that is cut off goes, and two that miss another route each stay', async () => {
  await using traffic = await Traffic.start(setup, { name: 'step-out' });
  const [cutOff, sibling] = await podsOf('mail');
  const [first, second] = await podsOf('other');
  expect(await endpoints('mail')).toEqual([cutOff, sibling]);

  await cut(first, 'mbx1');
  await cut(second, 'mbx2');
  await cut(cutOff, 'mbx1', 'mbx2');
  await eventually('the pod is out', async () => (await endpoints('mail')).join() === sibling);
  await eventually('the status says it', async () => (await condition('mail')) === 'True');
  await eventually('no phone is left on it', async () => (await openConnections(cutOff)) === 0);
  const { lost, unavailable } = traffic.figures;
  await eventually('each pod of the other gateway misses a route', async () =>
    (await Promise.all([reaching('mbx1'), reaching('mbx2')])).every((pods) => pods === '1/2'),
  );
  await traffic.answered(400);
  expect(traffic.figures).toMatchObject({ lost, unavailable });
  expect(await endpoints('other')).toEqual([first, second]);
  expect(await events('other')).toEqual([]);
  await traffic.finish();
});

test('it comes back when it reaches the servers again, and nobody notices', async () => {
  await using traffic = await Traffic.start(setup, { name: 'step-back' });
  const [cutOff, sibling] = await podsOf('mail');
  expect(await endpoints('mail')).toEqual([sibling]);

  await restore(cutOff);
  await eventually('the pod is back', async () => (await endpoints('mail')).length === 2);
  await eventually('the status says it', async () => (await condition('mail')) === 'False');
  expect((await events('mail')).toSorted()).toEqual(['PodLetBack', 'PodSteppedOut']);
  await traffic.answered(200);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});

test('no order outlives the operator', async () => {
  const [first, second] = await podsOf('other');
  await restore(first);
  await eventually('the second pod is out', async () => (await endpoints('other')).join() === first);
  await scaleOperator(setup.cluster, 0);
  expect(await endpoints('other')).toEqual([first]);
  await eventually('the second pod is back by itself', async () => (await endpoints('other')).length === 2);
  await restore(second);
});
