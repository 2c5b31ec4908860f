// What golden files cannot show: input that no API server would take, purity, and size.
import { beforeAll, describe, expect, test } from 'vitest';
import { snapshotSchema } from '../../gateway/config/snapshot.ts';
import type { ExchangeRoute } from '../api/exchange-route.ts';
import type { SentryGateway } from '../api/sentry-gateway.ts';
import { parseManifest } from '../api/validate.ts';
import { ensureGatewayKeys } from '../pki/gateway-keys.ts';
import { MemoryKeyStore } from '../pki/memory-key-store.ts';
import { translate } from './translate.ts';
import type { GatewayKeys, Resources, Translation } from './types.ts';

const apiVersion = 'sentrygateway.io/v1alpha1';
let keys: GatewayKeys;

beforeAll(async () => {
  const ensured = await ensureGatewayKeys(
    {
      namespace: 'default',
      name: 'mail',
      listeners: [{ name: 'phones', hostnames: ['a.example'] }],
      admin: true,
    },
    { store: new MemoryKeyStore(), clock: { now: () => new Date() }, signal: AbortSignal.timeout(30_000) },
  );
  keys = ensured.keys;
});

describe('the translation', () => {
  test('refuses a route that the gateway would refuse, and no other one', () => {
    const bad = withSpec(route('bad', { domains: ['bad.example'] }), {
      servers: [{ name: 'mbx1', url: 'https://host/path?query', priority: -1 }],
    });
    const { gateways, routeStatuses } = run([bad, route('good', {})]);
    const entries = gateways[0]?.snapshot.routes.map(({ name, servers }) => [name, servers.length]);
    expect(entries).toEqual([
      ['bad', 0],
      ['good', 1],
    ]);
    expect(routeStatuses.get('default/bad')?.parents[0]).toMatchObject({
      served: false,
      conditions: [
        {
          type: 'Accepted',
          status: 'False',
          reason: 'Invalid',
          message: expect.stringMatching(/^spec[.]servers[.]0[.].*; until then its users get 503$/) as string,
        },
        { type: 'ResolvedRefs', status: 'True' },
      ],
    });
    expect(snapshotSchema.safeParse(gateways[0]?.snapshot).success).toBe(true);
  });

  test('never lets labels of users replace those by which pods are selected', () => {
    const gateway = withSpec(mail(), {
      pod: { labels: { 'app.kubernetes.io/instance': 'other', team: 'a' } },
    });
    const deployment = run([], gateway).gateways[0]?.objects.find(({ kind }) => kind === 'Deployment');
    expect(deployment).toMatchObject({
      spec: {
        selector: { matchLabels: { 'app.kubernetes.io/instance': 'mail' } },
        template: { metadata: { labels: { 'app.kubernetes.io/instance': 'mail', team: 'a' } } },
      },
    });
  });

  test('changes nothing of what it is given', () => {
    const routes = [route('a', { domains: ['a.example'] }), route('b', { domains: ['a.example'] })];
    const gateway = mail();
    const before = structuredClone({ routes, gateway });
    run(deepFreeze(routes), deepFreeze(gateway));
    expect({ routes, gateway }).toEqual(before);
  });

  test('takes 5,000 routes, of which each second conflicts with the one before', () => {
    const routes = Array.from({ length: 5000 }, (_, at) =>
      route(`r${String(at).padStart(4, '0')}`, { domains: [`d${at >> 1}.example`] }),
    );
    const { gateways, routeStatuses } = run(routes);
    expect(gateways[0]?.snapshot.routes).toHaveLength(2500);
    expect(routeStatuses.size).toBe(5000);
  });
});

function run(routes: readonly ExchangeRoute[], gateway = mail()): Translation {
  const resources: Resources = {
    gateways: [gateway],
    routes,
    secrets: [],
    configMaps: [],
    namespaces: [],
    keys: new Map([['default/mail', keys]]),
  };
  return translate(resources, { image: 'gateway', target: 'Cluster' });
}

function mail(): SentryGateway {
  const listeners = [{ name: 'phones', hostnames: ['a.example'], tls: { selfSigned: {} } }];
  const result = parseManifest('SentryGateway', {
    apiVersion,
    kind: 'SentryGateway',
    metadata: { name: 'mail' },
    spec: { listeners },
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.object;
}

function route(name: string, match: object): ExchangeRoute {
  const result = parseManifest('ExchangeRoute', {
    apiVersion,
    kind: 'ExchangeRoute',
    metadata: { name },
    spec: {
      gatewayRefs: [{ name: 'mail' }],
      match,
      servers: [{ name: 'mbx1', url: 'https://mbx1.example' }],
    },
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.object;
}

/** With parts of the spec that no provider would let through. */
function withSpec<T extends SentryGateway | ExchangeRoute>(object: T, spec: object): T {
  return { ...object, spec: { ...object.spec, ...spec } };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
