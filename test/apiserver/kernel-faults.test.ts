// The kernel's client and reflector behind a network that fails: whatever goes wrong, nothing is missed and nothing hangs.
import { afterAll, beforeAll, describe, type ExpectStatic, test } from 'vitest';
import { ApiError, isServerTrouble } from '../../operator/kube/api-error.ts';
import { KubeClient, type KubeClientOptions } from '../../operator/kube/client.ts';
import { Reflector } from '../../operator/kube/reflector.ts';
import { type KubeObject, resourceTypes } from '../../operator/kube/resource.ts';
import type { AttachedControlPlane } from './control-plane.ts';
import { FaultyProxy } from './faulty-proxy.ts';
import { sharedControlPlane } from './global-setup.ts';
import { issueToken, makeServiceAccount, tokenAccess, type TokenAccess } from './proxied-client.ts';

const namespace = 'default';
const generously = { timeout: 90_000, interval: 50 };
const expired = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 410, reason: 'Expired' };

let controlPlane: AttachedControlPlane;
let direct: KubeClient;
let token: string;

beforeAll(async () => {
  controlPlane = await sharedControlPlane();
  direct = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
  await makeServiceAccount(controlPlane, 'faults');
  token = await issueToken(controlPlane, 'faults');
});

afterAll(() => direct.close());

interface Stage extends AsyncDisposable {
  readonly proxy: FaultyProxy;
  readonly access: TokenAccess;
  readonly client: KubeClient;
}

/** A proxy and a client of its own for each test; its watches last two seconds, so that silence shows after six. */
async function stageFor(options: KubeClientOptions = {}): Promise<Stage> {
  const proxy = await FaultyProxy.start(controlPlane.handle);
  const access = tokenAccess(controlPlane, { server: proxy.url, token });
  const watchSeconds = { least: 2, most: 2 };
  const client = await KubeClient.create({ kubeconfig: access.kubeconfig, watchSeconds, ...options });
  return {
    proxy,
    access,
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await proxy[Symbol.asyncDispose]();
      access[Symbol.dispose]();
    },
  };
}

/** A reflector of four objects behind the proxy, and the changes that it must not miss. */
class Reflected implements Disposable {
  readonly #name: string;
  readonly #end = new AbortController();
  readonly reflector: Reflector<KubeObject>;
  readonly errors: unknown[] = [];

  private constructor(name: string, client: KubeClient) {
    this.#name = name;
    this.reflector = new Reflector<KubeObject>({
      client,
      type: resourceTypes.configMap,
      selection: { namespace, labelSelector: `fault=${name}` },
      signal: this.#end.signal,
      onError: (error) => this.errors.push(error),
    });
  }

  static async start(name: string, { client, proxy }: Stage): Promise<Reflected> {
    for (const letter of 'abc') await direct.create(resourceTypes.configMap, configMap(name, letter));
    const reflected = new Reflected(name, client);
    await reflected.reflector.synced;
    while (proxy.openWatches === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    return reflected;
  }

  /** One object changes, one goes, one is made anew under its name, and one comes. */
  async change(): Promise<void> {
    const target = (letter: string) => ({ namespace, name: `${this.#name}-${letter}` });
    const labels = { changed: 'yes' };
    await direct.mergePatch(resourceTypes.configMap, target('a'), { metadata: { labels } });
    await direct.delete(resourceTypes.configMap, target('b'));
    await direct.delete(resourceTypes.configMap, target('c'));
    for (const letter of 'cd') await direct.create(resourceTypes.configMap, configMap(this.#name, letter));
  }

  /** Waits until the copy is what the API server says. */
  async isRight(expect: ExpectStatic): Promise<void> {
    const { items } = await direct.list(resourceTypes.configMap, {
      namespace,
      labelSelector: `fault=${this.#name}`,
    });
    expect(items).toHaveLength(3);
    await expect.poll(() => identities(this.reflector.values()), generously).toEqual(identities(items));
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }
}

function configMap(fault: string, letter: string): KubeObject {
  const metadata = { name: `${fault}-${letter}`, namespace, labels: { fault } };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata };
}

function identities(objects: readonly KubeObject[]): string[] {
  return objects
    .map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`)
    .toSorted();
}

function isWatch({ url }: { readonly url: string }): boolean {
  return url.includes('watch=true');
}

describe.concurrent('a reflector misses nothing when', () => {
  test('its watch is cut', async ({ expect }) => {
    await using stage = await stageFor();
    using reflected = await Reflected.start('cut', stage);
    stage.proxy.cutWatches();
    await reflected.change();
    await reflected.isRight(expect);
    expect(stage.proxy.requests.filter((request) => !isWatch(request))).toHaveLength(1);
  });

  test('its watch stalls on a connection that stays open', async ({ expect }) => {
    await using stage = await stageFor();
    using reflected = await Reflected.start('stalled', stage);
    stage.proxy.stallWatches();
    await reflected.change();
    await reflected.isRight(expect);
  });

  test('its watch is refused as expired', async ({ expect }) => {
    await using stage = await stageFor();
    using reflected = await Reflected.start('gone', stage);
    stage.proxy.failBy((request) => (isWatch(request) ? { status: 410, body: expired } : undefined));
    stage.proxy.cutWatches();
    await reflected.change();
    await reflected.isRight(expect);
    stage.proxy.mend();
    await expect.poll(() => stage.proxy.openWatches, generously).toBe(1);
  });

  test('its watch expires in the middle', async ({ expect }) => {
    await using stage = await stageFor();
    using reflected = await Reflected.start('expires', stage);
    stage.proxy.stallWatches();
    await reflected.change();
    const before = stage.proxy.requests.length;
    stage.proxy.endWatchesWith({ type: 'ERROR', object: expired });
    await reflected.isRight(expect);
    expect(stage.proxy.requests.slice(before).map(isWatch)[0]).toBe(false);
    expect(reflected.errors).toEqual([]);
  });

  for (const status of [429, 500, 503]) {
    test(`everything is answered ${status} for a while`, async ({ expect }) => {
      await using stage = await stageFor();
      using reflected = await Reflected.start(`refused-${status}`, stage);
      stage.proxy.failBy(() => ({ status }));
      stage.proxy.cutWatches();
      await reflected.change();
      await expect.poll(() => reflected.errors.length, generously).toBeGreaterThan(2);
      stage.proxy.mend();
      await reflected.isRight(expect);
    });
  }

  test('nothing is answered at all for a while', async ({ expect }) => {
    await using stage = await stageFor({ timeoutMs: 2000 });
    using reflected = await Reflected.start('silent', stage);
    stage.proxy.failBy(() => 'silence');
    stage.proxy.cutWatches();
    await reflected.change();
    await expect.poll(() => reflected.errors.length, generously).toBeGreaterThan(1);
    stage.proxy.mend();
    await reflected.isRight(expect);
  });

  test('its token is no longer accepted and has been replaced', async ({ expect }) => {
    await using stage = await stageFor();
    using reflected = await Reflected.start('rotated', stage);
    stage.proxy.failBy(({ authorization }) =>
      authorization === `Bearer ${token}` ? { status: 401 } : undefined,
    );
    stage.proxy.cutWatches();
    await reflected.change();
    await expect.poll(() => reflected.errors.length, generously).toBeGreaterThan(0);
    stage.access.rotate(await issueToken(controlPlane, 'faults'));
    await reflected.isRight(expect);
  });
});

describe.concurrent('a reflector', () => {
  test('backs off from a server that ends each watch at once', async ({ expect }) => {
    await using stage = await stageFor();
    using reflected = await Reflected.start('short', stage);
    stage.proxy.failBy((request) => (isWatch(request) ? { status: 200 } : undefined));
    stage.proxy.cutWatches();
    const before = stage.proxy.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(stage.proxy.requests.length - before).toBeLessThan(20);
    stage.proxy.mend();
    await reflected.change();
    await reflected.isRight(expect);
  });

  test('opens no watch when it was stopped during its list', async ({ expect }) => {
    await using stage = await stageFor();
    await direct.create(resourceTypes.configMap, configMap('stopped', 'a'));
    const end = new AbortController();
    const changes: string[] = [];
    const reflector = new Reflector({
      client: stage.client,
      type: resourceTypes.configMap,
      selection: { namespace, labelSelector: 'fault=stopped' },
      signal: end.signal,
      keep: (object) => {
        end.abort();
        return object;
      },
      onChange: (key) => changes.push(key),
    });
    await reflector.done;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(stage.proxy.requests.filter(isWatch)).toEqual([]);
  });

  test('says which objects were there at its start', async ({ expect }) => {
    await using stage = await stageFor();
    await direct.create(resourceTypes.configMap, configMap('initial', 'a'));
    const end = new AbortController();
    const changes: [string, boolean][] = [];
    const reflector = new Reflector({
      client: stage.client,
      type: resourceTypes.configMap,
      selection: { namespace, labelSelector: 'fault=initial' },
      signal: end.signal,
      onChange: (key, _object, isInitial) => changes.push([key, isInitial]),
    });
    await reflector.synced;
    await direct.create(resourceTypes.configMap, configMap('initial', 'b'));
    await expect
      .poll(() => changes, generously)
      .toEqual([
        ['default/initial-a', true],
        ['default/initial-b', false],
      ]);
    end.abort();
    await reflector.done;
  });
});

describe.concurrent('a request', () => {
  const target = { namespace, name: 'kube-root-ca.crt' };

  test('that is asked to come back in a second does', async ({ expect }) => {
    await using stage = await stageFor();
    let refused = 0;
    stage.proxy.failBy(() =>
      refused++ === 0 ? { status: 429, headers: { 'retry-after': '1' } } : undefined,
    );
    expect(await stage.client.get(resourceTypes.configMap, target)).toMatchObject({ metadata: target });
    expect(stage.proxy.requests).toHaveLength(2);
  });

  test('that is asked to come back in a minute fails, and says so', async ({ expect }) => {
    await using stage = await stageFor();
    stage.proxy.failBy(() => ({ status: 429, headers: { 'retry-after': '60' } }));
    const error = await stage.client.get(resourceTypes.configMap, target).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 429, retryAfterSeconds: 60 });
    expect(stage.proxy.requests).toHaveLength(1);
  });

  test('that is not answered ends, as trouble of the server', async ({ expect }) => {
    await using stage = await stageFor({ timeoutMs: 500 });
    stage.proxy.failBy(() => 'silence');
    const error = await stage.client.get(resourceTypes.configMap, target).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'ETIMEDOUT' });
    expect(isServerTrouble(error)).toBe(true);
  });

  test('with a token that was replaced is sent again with the new one', async ({ expect }) => {
    await using stage = await stageFor();
    await stage.client.get(resourceTypes.configMap, target);
    const next = await issueToken(controlPlane, 'faults');
    stage.proxy.failBy(({ authorization }) =>
      authorization === `Bearer ${token}` ? { status: 401 } : undefined,
    );
    const refused = await stage.client.get(resourceTypes.configMap, target).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 401 });
    stage.access.rotate(next);
    const before = stage.proxy.requests.length;
    await Promise.all(Array.from({ length: 5 }, () => stage.client.get(resourceTypes.configMap, target)));
    expect(
      stage.proxy.requests.slice(before).filter(({ authorization }) => authorization === `Bearer ${next}`),
    ).toHaveLength(5);
  });

  test('waits for one of a bounded number of connections', async ({ expect }) => {
    await using stage = await stageFor();
    await Promise.all(Array.from({ length: 200 }, () => stage.client.get(resourceTypes.configMap, target)));
    expect(stage.proxy.requests).toHaveLength(200);
    expect(stage.proxy.mostConnections).toBeLessThan(50);
  });

  test('that is answered after trouble tells those who wait for it, and not at each success', async ({
    expect,
  }) => {
    await using stage = await stageFor();
    const end = new AbortController();
    let told = 0;
    stage.client.onRecovered(() => (told += 1), end.signal);
    for (const fault of [
      undefined,
      { status: 500 },
      { status: 500 },
      undefined,
      undefined,
      { status: 500 },
      undefined,
    ]) {
      stage.proxy.failBy(() => fault);
      await stage.client.get(resourceTypes.configMap, target).catch(() => undefined);
    }
    expect(told).toBe(1);
    await expect
      .poll(async () => {
        await stage.client.get(resourceTypes.configMap, target);
        return told;
      }, generously)
      .toBe(2);
    end.abort();
  });
});
