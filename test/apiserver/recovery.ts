// An operator behind a faulty proxy of an API server of its own, and everything that is done to it. For tests and the bench.
import { setTimeout as sleep } from 'node:timers/promises';
import { isNotFound } from '../../operator/kube/api-error.ts';
import { KubeClient, type KubeClientOptions } from '../../operator/kube/client.ts';
import { type KubeObject, resourceTypes, typeOf } from '../../operator/kube/resource.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { FaultyProxy, type Fault } from './faulty-proxy.ts';
import { exchangeRoute, installCRDs, runOperator, sentryGateway } from './operator-run.ts';
import { issueToken, makeServiceAccount, tokenAccess, type TokenAccess } from './proxied-client.ts';

const namespace = 'default';
const name = 'mail';
/** How long trouble lasts that lasts. */
const TROUBLE_MS = 1000;
const DEADLINE_MS = 120_000;
const POLL_MS = 25;

interface Route extends KubeObject {
  readonly status?: { readonly observedGeneration?: number };
}

/** One thing that goes wrong. */
export interface Disturbance {
  /** As a figure's name has it. */
  readonly name: string;
  /** Resolves when everything around the operator is well again. `change` makes what the operator must not miss. */
  readonly happen: (stage: RecoveryStage, change: () => Promise<void>) => Promise<void>;
}

/** A gateway with a route, and the operator that looks after it. */
export class RecoveryStage implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly proxy: FaultyProxy;
  readonly access: TokenAccess;
  /** Not through the proxy. */
  readonly #direct: KubeClient;
  readonly #stop: () => Promise<void>;
  /** How wrong the operator's clock is. */
  hoursOff = 0;
  #edits = 0;
  #service: string | undefined;

  private constructor(parts: {
    controlPlane: ControlPlane;
    proxy: FaultyProxy;
    access: TokenAccess;
    direct: KubeClient;
    stop: () => Promise<void>;
  }) {
    this.controlPlane = parts.controlPlane;
    this.proxy = parts.proxy;
    this.access = parts.access;
    this.#direct = parts.direct;
    this.#stop = parts.stop;
  }

  /** Resolves when the operator has done its first work. */
  static async set(options: KubeClientOptions = {}): Promise<RecoveryStage> {
    const controlPlane = await startControlPlane();
    await installCRDs(controlPlane);
    await makeServiceAccount(controlPlane, 'recovery');
    const proxy = await FaultyProxy.start(controlPlane.handle);
    const token = await issueToken(controlPlane, 'recovery');
    const access = tokenAccess(controlPlane, { server: proxy.url, token });
    const client = await KubeClient.create({ ...options, kubeconfig: access.kubeconfig });
    const direct = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
    for (const object of [sentryGateway(namespace, name), exchangeRoute(namespace, name, name)]) {
      await direct.create(typeOf(object), object);
    }
    const now = (): Date => new Date(Date.now() + stage.hoursOff * 3_600_000);
    const operator = await runOperator(controlPlane, { client, clock: { now } });
    const stop = async (): Promise<void> => {
      proxy.mend();
      await operator.stop();
      await client.close();
      await direct.close();
      await proxy[Symbol.asyncDispose]();
      access[Symbol.dispose]();
      await controlPlane.stop();
    };
    const stage = new RecoveryStage({ controlPlane, proxy, access, direct, stop });
    await stage.isRight();
    return stage;
  }

  /** The route is edited, and the gateway's Service is deleted as soon as there is one. */
  async change(): Promise<void> {
    const server = { name: 'mbx1', url: `https://mbx${++this.#edits}.example.com`, priority: 0 };
    const target = { namespace, name };
    await this.#direct.mergePatch(resourceTypes.exchangeRoute, target, { spec: { servers: [server] } });
    this.#service = await this.#uidOfService();
    await this.#direct.delete(resourceTypes.service, target);
  }

  /** Waits until the route's status is about what it says now and the Service is there again. @throws Error after two minutes */
  async isRight(): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    while (!(await this.#isRightNow())) {
      if (performance.now() > deadline) throw new Error('the operator is not right again after two minutes');
      await sleep(POLL_MS);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }

  async #uidOfService(): Promise<string | undefined> {
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      try {
        return (await this.#direct.get(resourceTypes.service, { namespace, name })).metadata.uid;
      } catch (error) {
        if (!isNotFound(error) || performance.now() > deadline) throw error;
        await sleep(POLL_MS);
      }
    }
  }

  async #isRightNow(): Promise<boolean> {
    const target = { namespace, name };
    try {
      const route = await this.#direct.get<Route>(resourceTypes.exchangeRoute, target);
      const service = await this.#direct.get(resourceTypes.service, target);
      return (
        route.status?.observedGeneration === route.metadata.generation &&
        service.metadata.uid !== this.#service
      );
    } catch {
      return false;
    }
  }
}

/** Does it, and waits until the operator is right again. Resolves with how long that took after all was well, in milliseconds. */
export async function recoveryMs(stage: RecoveryStage, { happen }: Disturbance): Promise<number> {
  await happen(stage, () => stage.change());
  const wellMs = performance.now();
  await stage.isRight();
  return performance.now() - wellMs;
}

const expired = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 410, reason: 'Expired' };

/** All watches break and for a while every request, or every watch, meets the fault. */
function trouble(name: string, fault: Fault, isMet = (_url: string): boolean => true): Disturbance {
  return {
    name,
    happen: async ({ proxy }, change) => {
      proxy.failBy(({ url }) => (isMet(url) ? fault : undefined));
      proxy.cutWatches();
      await change();
      await sleep(TROUBLE_MS);
      proxy.mend();
    },
  };
}

export const disturbances: readonly Disturbance[] = [
  {
    name: 'api-server-restarted',
    happen: async ({ controlPlane }, change) => {
      await controlPlane.stopApiServer();
      await sleep(TROUBLE_MS);
      await controlPlane.startApiServer();
      await change();
    },
  },
  {
    name: 'resumed-after-restart',
    happen: async ({ controlPlane, proxy }, change) => {
      proxy.failBy(() => 'cut');
      proxy.cutWatches();
      await change();
      await controlPlane.stopApiServer();
      await controlPlane.startApiServer();
      proxy.mend();
    },
  },
  {
    name: 'watch-cut',
    happen: async ({ proxy }, change) => {
      proxy.cutWatches();
      await change();
    },
  },
  {
    name: 'watch-stalled',
    happen: async ({ proxy }, change) => {
      proxy.stallWatches();
      await change();
    },
  },
  trouble('gone-as-status', { status: 410, body: expired }, (url) => url.includes('watch=true')),
  {
    name: 'gone-as-event',
    happen: async ({ proxy }, change) => {
      proxy.stallWatches();
      await change();
      proxy.endWatchesWith({ type: 'ERROR', object: expired });
    },
  },
  {
    // What is made while the watches stall, and deleted before they begin anew, is never shown by any.
    name: 'made-and-deleted-unseen',
    happen: async ({ proxy }, change) => {
      const made = Promise.withResolvers<void>();
      proxy.failBy(({ method, url }) => {
        if (method === 'POST' && url.includes('/services?')) proxy.stallWatches();
        if (method === 'PATCH' && url.includes('/services/')) made.resolve();
        return undefined;
      });
      await change();
      await made.promise;
      await sleep(TROUBLE_MS);
      await change();
      proxy.mend();
      proxy.endWatchesWith({ type: 'ERROR', object: expired });
    },
  },
  trouble('answers-429', { status: 429, headers: { 'retry-after': '1' } }),
  trouble('answers-500', { status: 500 }),
  trouble('silence', 'silence'),
  {
    name: 'token-rotated',
    happen: async ({ controlPlane, proxy, access }, change) => {
      const refused = proxy.requests.at(-1)?.authorization;
      proxy.failBy(({ authorization }) => (authorization === refused ? { status: 401 } : undefined));
      proxy.cutWatches();
      await change();
      await sleep(TROUBLE_MS);
      access.rotate(await issueToken(controlPlane, 'recovery'));
    },
  },
  {
    name: 'clock-ahead',
    happen: async (stage, change) => {
      stage.hoursOff = 1;
      await change();
    },
  },
  {
    name: 'clock-behind',
    happen: async (stage, change) => {
      stage.hoursOff = -1;
      stage.proxy.cutWatches();
      await change();
    },
  },
];
