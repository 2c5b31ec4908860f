// An edit is translated with the gateways and routes that it can touch, and with no others; the whole is the same.
import { beforeEach, describe, expect, test } from 'vitest';
import { IncrementalTranslation } from './incremental-translation.ts';
import { ensureGatewayKeys } from './pki/gateway-keys.ts';
import { MemoryKeyStore } from './pki/memory-key-store.ts';
import { readObject } from './provider/file/objects.ts';
import type { ProvidedResources } from './provider/types.ts';
import type { ExchangeRoute } from './api/exchange-route.ts';
import type { SentryGateway } from './api/sentry-gateway.ts';
import { translate } from './translate/translate.ts';
import type { GatewayKeys, Key, SnapshotWithFiles } from './translate/types.ts';

const apiVersion = 'sentrygateway.io/v1alpha1';
const clock = { now: () => new Date('2026-01-01T00:00:00Z') };
const options = { image: 'gateway', target: 'Cluster' } as const;
const keys = new Map<Key, GatewayKeys>();
let asked: string[];
let given: Map<Key, SnapshotWithFiles>;
let translation: IncrementalTranslation;

beforeEach(() => {
  asked = [];
  given = new Map();
  translation = new IncrementalTranslation({
    translate: options,
    clock,
    delivered: ({ namespace, name }) => {
      asked.push(name);
      return Promise.resolve(given.get(`${namespace}/${name}`));
    },
  });
});

function read(object: object): unknown {
  const reading = readObject(object);
  if (reading.outcome !== 'Read') throw new Error(JSON.stringify(reading));
  return reading.object;
}

async function gateway(name: string, generation = 1, spec: object = {}): Promise<SentryGateway> {
  const listeners = [{ name: 'phones', hostnames: [`${name}.example.com`], tls: { selfSigned: {} } }];
  const metadata = { name, namespace: 'ns', uid: `uid-${name}`, generation };
  const object = read({
    apiVersion,
    kind: 'SentryGateway',
    metadata,
    spec: { listeners, ...spec },
  }) as SentryGateway;
  const wanted = { ...metadata, listeners: object.spec.listeners, admin: true };
  const made = await ensureGatewayKeys(wanted, {
    store: new MemoryKeyStore(),
    clock,
    signal: AbortSignal.timeout(60_000),
  });
  if (!keys.has(`ns/${name}`)) keys.set(`ns/${name}`, made.keys);
  return object;
}

function route(name: string, gateways: readonly string[], generation = 1, spec: object = {}): ExchangeRoute {
  return read({
    apiVersion,
    kind: 'ExchangeRoute',
    metadata: { name, namespace: 'ns', uid: `uid-${name}`, generation },
    spec: {
      gatewayRefs: gateways.map((gateway) => ({ name: gateway })),
      match: { domains: [`${name}.example.com`] },
      servers: [{ name: 'mbx', url: `https://mbx-${generation}.example.com`, priority: 0 }],
      ...spec,
    },
  }) as ExchangeRoute;
}

async function provided(routes: readonly ExchangeRoute[]): Promise<ProvidedResources> {
  const gateways = await Promise.all(['a', 'b', 'c'].map((name) => gateway(name)));
  return { gateways, routes, secrets: [], configMaps: [], namespaces: [] };
}

async function update(resources: ProvidedResources) {
  const { gateways, routes, translation: whole } = await translation.update(resources, keys);
  return { gateways: [...gateways].toSorted(byText), routes: [...routes].toSorted(byText), whole };
}

describe('what is translated anew', () => {
  test('is everything at first, and nothing when nothing has changed', async () => {
    const resources = await provided([route('one', ['a']), route('two', ['b'])]);
    expect(await update(resources)).toMatchObject({
      gateways: ['ns/a', 'ns/b', 'ns/c'],
      routes: ['ns/one', 'ns/two'],
    });
    expect(await update({ ...resources })).toMatchObject({ gateways: [], routes: [] });
  });

  test('is nothing when only statuses have changed', async () => {
    const resources = await provided([route('one', ['a'])]);
    await update(resources);
    const routes = resources.routes.map((one) => ({ ...one, status: { observedGeneration: 1 } }));
    expect(await update({ ...resources, routes })).toMatchObject({ gateways: [], routes: [] });
  });

  test('is the gateway of the edited route, with all its routes', async () => {
    const others = [route('one', ['a']), route('two', ['b'])];
    await update(await provided([...others, route('three', ['a'])]));
    const edited = await update(await provided([...others, route('three', ['a'], 2)]));
    expect(edited).toMatchObject({ gateways: ['ns/a'], routes: ['ns/one', 'ns/three'] });
  });

  test('are the gateways that a route goes to and comes from, and those that share a route with them', async () => {
    await update(await provided([route('one', ['a']), route('two', ['b', 'c'])]));
    const moved = await update(await provided([route('one', ['b'], 2), route('two', ['b', 'c'])]));
    expect(moved).toMatchObject({ gateways: ['ns/a', 'ns/b', 'ns/c'], routes: ['ns/one', 'ns/two'] });
  });

  test('is the gateway of a route that is gone', async () => {
    await update(await provided([route('one', ['a']), route('two', ['b'])]));
    const { whole, ...changed } = await update(await provided([route('two', ['b'])]));
    expect(changed).toEqual({ gateways: ['ns/a'], routes: [] });
    expect([...whole.routeStatuses.keys()]).toEqual(['ns/two']);
  });

  test('is what names a ConfigMap that has changed', async () => {
    const caRef = { kind: 'ConfigMap', name: 'ca', key: 'ca.crt' };
    const routes = [route('one', ['a'], 1, { serverTLS: { caRef } }), route('two', ['b'])];
    const configMap = (resourceVersion: string) => ({
      metadata: { name: 'ca', namespace: 'ns', uid: 'uid-ca', resourceVersion },
      data: { 'ca.crt': 'no certificate' },
    });
    await update({ ...(await provided(routes)), configMaps: [configMap('1')] });
    const changed = await update({ ...(await provided(routes)), configMaps: [configMap('2')] });
    expect(changed).toMatchObject({ gateways: ['ns/a'], routes: ['ns/one'] });
  });
});

describe('the whole', () => {
  test('is what translating everything at once gives, also for routes whose gateway does not exist', async () => {
    const resources = await provided([
      route('one', ['a', 'b']),
      route('two', ['b']),
      route('lost', ['none']),
    ]);
    await update(await provided([route('one', ['c'])]));
    const { whole } = await update(resources);
    const atOnce = translate({ ...resources, keys, at: clock.now() }, options);
    expect(new Map(whole.gatewayStatuses)).toEqual(new Map(atOnce.gatewayStatuses));
    expect(new Map(whole.routeStatuses)).toEqual(new Map(atOnce.routeStatuses));
    expect(whole.gateways.toSorted(byKey)).toEqual(atOnce.gateways.toSorted(byKey));
  });

  test('keeps what an earlier run delivered where a reference does not resolve, and asks for it only there', async () => {
    const good = translate({ ...(await provided([route('one', ['a'])])), keys }, options);
    const before = good.gateways.find(({ key }) => key === 'ns/a');
    if (before === undefined) throw new Error('it was not translated');
    given.set('ns/a', before);
    const serverTLS = { caRef: { kind: 'ConfigMap', name: 'missing', key: 'ca.crt' } };
    const { whole } = await update(
      await provided([route('one', ['a'], 2, { serverTLS }), route('two', ['b'])]),
    );
    expect(asked).toEqual(['a']);
    const kept = whole.gateways.find(({ key }) => key === 'ns/a');
    expect(kept?.snapshot.routes.map(({ servers }) => servers)).toEqual(
      before.snapshot.routes.map(({ servers }) => servers),
    );
  });
});

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

function byKey(a: { readonly key: string }, b: { readonly key: string }): number {
  return a.key < b.key ? -1 : 1;
}
