// The operator's kernel against a real API server: nothing that happened is missed, nothing is written in vain.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { applyOwned, ForeignObjectError } from '../../operator/kube/apply.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { Reflector } from '../../operator/kube/reflector.ts';
import { type KubeObject, type OwnerReference, resourceTypes } from '../../operator/kube/resource.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

const namespace = 'default';
let controlPlane: ControlPlane;
let client: KubeClient;
let end: AbortController;
let owner: OwnerReference;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  client = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
  const { metadata } = await client.create<ConfigMap>(resourceTypes.configMap, configMap('owner', {}));
  owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: metadata.uid ?? '' };
});

afterAll(async () => {
  await client.close();
  await controlPlane.stop();
});

beforeEach(() => {
  end = new AbortController();
});

afterEach(() => {
  end.abort();
});

function configMap(name: string, data: Record<string, string>, labels?: Record<string, string>): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, ...(labels && { labels }) },
    data,
  };
}

function owned(name: string, data: Record<string, string>): ConfigMap {
  const object = configMap(name, data);
  return { ...object, metadata: { ...object.metadata, ownerReferences: [owner] } };
}

function reflect(test: string): { reflector: Reflector<ConfigMap>; changes: string[] } {
  const changes: string[] = [];
  const reflector = new Reflector<ConfigMap>({
    client,
    type: resourceTypes.configMap,
    selection: { namespace, labelSelector: `test=${test}` },
    signal: end.signal,
    onChange: (key, object) => changes.push(`${object === undefined ? '-' : '+'}${key}`),
  });
  return { reflector, changes };
}

async function eventually(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not become true in a minute');
    await sleep(20);
  }
}

test('a reflector holds what there is once it is synced, and follows what changes', async () => {
  await client.create(resourceTypes.configMap, configMap('follow-a', { n: '1' }, { test: 'follow' }));
  const { reflector } = reflect('follow');
  await reflector.synced;
  expect(reflector.get('default/follow-a')?.data).toEqual({ n: '1' });
  await client.create(resourceTypes.configMap, configMap('follow-b', { n: '2' }, { test: 'follow' }));
  await client.mergePatch(resourceTypes.configMap, { namespace, name: 'follow-a' }, { data: { n: '3' } });
  await eventually(() => reflector.get('default/follow-b') !== undefined);
  await eventually(() => reflector.get('default/follow-a')?.data?.['n'] === '3');
  await client.delete(resourceTypes.configMap, { namespace, name: 'follow-a' });
  await eventually(() => reflector.get('default/follow-a') === undefined);
});

test('a reflector follows on when the API server was killed and came back', async () => {
  await client.create(resourceTypes.configMap, configMap('restart-a', { n: '1' }, { test: 'restart' }));
  const { reflector } = reflect('restart');
  await reflector.synced;
  await controlPlane.stopApiServer();
  await controlPlane.startApiServer();
  await client.create(resourceTypes.configMap, configMap('restart-b', { n: '2' }, { test: 'restart' }));
  await client.delete(resourceTypes.configMap, { namespace, name: 'restart-a' });
  await eventually(() => reflector.get('default/restart-b') !== undefined);
  await eventually(() => reflector.get('default/restart-a') === undefined);
});

test('a reflector that starts while the API server is away is synced when it is back, and not before', async () => {
  await controlPlane.stopApiServer();
  const { reflector } = reflect('away');
  let synced = false;
  void reflector.synced.then(() => (synced = true));
  await sleep(500);
  expect(synced).toBe(false);
  await controlPlane.startApiServer();
  await reflector.synced;
  expect(reflector.values()).toEqual([]);
});

test('an object that was deleted and made again shows as changed, by its uid', async () => {
  const { reflector } = reflect('again');
  await reflector.synced;
  await client.create(resourceTypes.configMap, configMap('again', {}, { test: 'again' }));
  await eventually(() => reflector.get('default/again') !== undefined);
  const before = reflector.get('default/again')?.metadata.uid;
  await client.delete(resourceTypes.configMap, { namespace, name: 'again' });
  await client.create(resourceTypes.configMap, configMap('again', {}, { test: 'again' }));
  await eventually(() => {
    const uid = reflector.get('default/again')?.metadata.uid;
    return uid !== undefined && uid !== before;
  });
});

test('a list comes in pages and is complete', async () => {
  const names = Array.from({ length: 620 }, (_, index) => `page-${index}`);
  for (let start = 0; start < names.length; start += 50) {
    await Promise.all(
      names
        .slice(start, start + 50)
        .map((name) => client.create(resourceTypes.configMap, configMap(name, {}, { test: 'page' }))),
    );
  }
  const { items } = await client.list(resourceTypes.configMap, { namespace, labelSelector: 'test=page' });
  expect(new Set(items.map(({ metadata }) => metadata.name)).size).toBe(620);
});

test('a metadata-only list holds no data', async () => {
  await client.create(
    resourceTypes.configMap,
    configMap('metadata', { secret: 'hidden' }, { test: 'metadata' }),
  );
  const { items } = await client.list(resourceTypes.configMap, {
    namespace,
    labelSelector: 'test=metadata',
    metadataOnly: true,
  });
  expect(items).toHaveLength(1);
  expect(JSON.stringify(items)).not.toContain('hidden');
});

test('an owned object is made once, is left alone when it is right, and is put right when it is not', async () => {
  const wanted = owned('mine', { a: '1', b: '2' });
  expect(await applyOwned(client, owner, wanted)).toBe('created');
  const made = await client.get<ConfigMap>(resourceTypes.configMap, { namespace, name: 'mine' });
  expect(await applyOwned(client, owner, wanted)).toBe('unchanged');
  await client.mergePatch(resourceTypes.configMap, { namespace, name: 'mine' }, { data: { a: 'drift' } });
  expect(await applyOwned(client, owner, wanted)).toBe('applied');
  const mended = await client.get<ConfigMap>(resourceTypes.configMap, { namespace, name: 'mine' });
  expect(mended.data).toEqual(made.data);
});

test('a field that is no longer wanted goes', async () => {
  await applyOwned(client, owner, owned('shrinks', { a: '1', b: '2' }));
  expect(await applyOwned(client, owner, owned('shrinks', { a: '1' }))).toBe('applied');
  const live = await client.get<ConfigMap>(resourceTypes.configMap, { namespace, name: 'shrinks' });
  expect(live.data).toEqual({ a: '1' });
});

test('an object of someone else is neither changed nor taken over', async () => {
  await client.create(resourceTypes.configMap, configMap('theirs', { a: 'theirs' }));
  await expect(applyOwned(client, owner, owned('theirs', { a: 'ours' }))).rejects.toThrow(ForeignObjectError);
  const live = await client.get<ConfigMap>(resourceTypes.configMap, { namespace, name: 'theirs' });
  expect(live.data).toEqual({ a: 'theirs' });
});

test('an error of the API server carries no content of a Secret', async () => {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'Not A Name', namespace },
    stringData: { password: 'canary-4711' },
  };
  const error = await client.create(resourceTypes.secret, secret).catch((error: Error) => error);
  expect(error).toBeInstanceOf(Error);
  expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('canary-4711');
});
