// Leader election on a real API server: one writer at any time, quick successors, and clocks that do not matter.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, test } from 'vitest';
import { KubeClient } from '../../operator/kube/client.ts';
import { Lease, type LeaseTimes } from '../../operator/kube/lease.ts';
import { type KubeObject, resourceTypes } from '../../operator/kube/resource.ts';
import type { AttachedControlPlane } from './control-plane.ts';
import { FaultyProxy } from './faulty-proxy.ts';
import { sharedControlPlane } from './global-setup.ts';
import { issueToken, makeServiceAccount, tokenAccess } from './proxied-client.ts';

/** Shorter than those of the product, in the same proportion. */
const times = { leaseSeconds: 6, renewSeconds: 4, retrySeconds: 0.5 };
const namespace = 'default';
const generously = { timeout: 60_000, interval: 100 };

interface LeaseObject extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>>;
}

let controlPlane: AttachedControlPlane;
let client: KubeClient;
let token: string;

beforeAll(async () => {
  controlPlane = await sharedControlPlane();
  client = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
  await makeServiceAccount(controlPlane, 'lease');
  token = await issueToken(controlPlane, 'lease');
});

afterAll(() => client.close());

interface Contest extends AsyncDisposable {
  /** Between the API server and those who contend through it. */
  readonly proxy: FaultyProxy;
  contend(identity: string, options?: { proxied?: boolean; hoursOff?: number; times?: LeaseTimes }): Lease;
}

/** Each test has a lease and a proxy of its own. */
async function contest(name: string): Promise<Contest> {
  const proxy = await FaultyProxy.start(controlPlane.handle);
  const access = tokenAccess(controlPlane, { server: proxy.url, token });
  const proxied = await KubeClient.create({ kubeconfig: access.kubeconfig, timeoutMs: 2000 });
  const leases: Lease[] = [];
  return {
    proxy,
    contend: (identity, options = {}) => {
      const lease = new Lease({
        client: options.proxied === true ? proxied : client,
        namespace,
        name,
        identity,
        clock: { now: () => new Date(Date.now() + (options.hoursOff ?? 0) * 3_600_000) },
        monotonicNow: () => performance.now(),
        times: options.times ?? times,
        onError: () => {},
      });
      leases.push(lease);
      return lease;
    },
    [Symbol.asyncDispose]: async () => {
      proxy.failBy(() => 'cut');
      await Promise.all(leases.map((lease) => lease.release()));
      await proxied.close();
      await proxy[Symbol.asyncDispose]();
      access[Symbol.dispose]();
    },
  };
}

async function live(name: string): Promise<LeaseObject> {
  return client.get<LeaseObject>(resourceTypes.lease, { namespace, name });
}

test.concurrent('the API server takes a lease as it is written, and sees it renewed', async ({ expect }) => {
  await using contested = await contest('single');
  const holder = contested.contend('one');
  await holder.acquired;
  const { spec } = await live('single');
  expect(spec).toMatchObject({ holderIdentity: 'one', leaseDurationSeconds: 6, leaseTransitions: 0 });
  const { renewTime } = spec;
  await expect.poll(async () => (await live('single')).spec['renewTime'], generously).not.toBe(renewTime);
  expect((await live('single')).spec['acquireTime']).toBe(spec['acquireTime']);
});

test.concurrent('a lease that was given away is taken long before it would expire', async ({ expect }) => {
  await using contested = await contest('given');
  const long = { leaseSeconds: 600, renewSeconds: 400, retrySeconds: 0.5 };
  const first = contested.contend('first', { times: long });
  await first.acquired;
  const second = contested.contend('second');
  await sleep(100);
  await first.release();
  await second.acquired;
  expect(first.isHeld).toBe(false);
  expect((await live('given')).spec).toMatchObject({ holderIdentity: 'second', leaseTransitions: 1 });
});

test.concurrent('a holder that is cut off gives up before another one takes over', async ({ expect }) => {
  await using contested = await contest('cut');
  const cutOff = contested.contend('cut-off', { proxied: true });
  await cutOff.acquired;
  const next = contested.contend('next');
  const order: string[] = [];
  void cutOff.lost.then(() => order.push('lost'));
  void next.acquired.then(() => order.push('taken'));
  contested.proxy.failBy(() => 'silence');
  expect(await cutOff.lost).toContain('could not be renewed');
  expect(cutOff.isHeld).toBe(false);
  await next.acquired;
  expect(order).toEqual(['lost', 'taken']);
});

test.concurrent('a short trouble of the API server does not cost the lease', async ({ expect }) => {
  await using contested = await contest('trouble');
  const holder = contested.contend('holder', { proxied: true });
  await holder.acquired;
  let requests = 0;
  contested.proxy.failBy(() => (requests++ < 3 ? { status: 500 } : undefined));
  await sleep(times.leaseSeconds * 1000);
  expect(requests).toBeGreaterThan(3);
  expect(holder.isHeld).toBe(true);
  expect((await live('trouble')).spec).toMatchObject({ holderIdentity: 'holder', leaseTransitions: 0 });
});

test.concurrent('a holder whose lease someone else has written gives up', async ({ expect }) => {
  await using contested = await contest('stolen');
  const holder = contested.contend('holder');
  await holder.acquired;
  const patch = { spec: { holderIdentity: 'thief' } };
  await client.mergePatch(resourceTypes.lease, { namespace, name: 'stolen' }, patch);
  expect(await holder.lost).toBe('another replica holds it');
});

test.concurrent('a lease that was deleted is made anew by its holder', async ({ expect }) => {
  await using contested = await contest('deleted');
  const holder = contested.contend('holder');
  await holder.acquired;
  const before = (await live('deleted')).metadata.uid;
  await client.delete(resourceTypes.lease, { namespace, name: 'deleted' });
  const uid = async () => (await live('deleted').catch(() => undefined))?.metadata.uid ?? before;
  await expect.poll(uid, generously).not.toBe(before);
  expect((await live('deleted')).spec['holderIdentity']).toBe('holder');
  expect(holder.isHeld).toBe(true);
});

test.concurrent('clocks an hour off on either side neither steal nor keep a lease', async ({ expect }) => {
  await using contested = await contest('clocks');
  const behind = contested.contend('behind', { hoursOff: -1, proxied: true });
  await behind.acquired;
  const ahead = contested.contend('ahead', { hoursOff: 1 });
  await sleep(times.leaseSeconds * 1000 + 500);
  expect([behind.isHeld, ahead.isHeld]).toEqual([true, false]);
  contested.proxy.failBy(() => 'cut');
  await ahead.acquired;
  expect(behind.isHeld).toBe(false);
});
