// Touches pods, so that their kubelets refresh the mounted snapshot at once, until each reports it.
import { isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { resourceTypes } from '../../kube/resource.ts';
import type { GatewayPod } from './gateway-pods.ts';
import type { ObservedPod } from './pod-observer.ts';

/** A change of this annotation makes the kubelet refresh the pod's volumes at once. */
const TOUCH_ANNOTATION = 'sentrygateway.io/snapshot-touch';
/** A kubelet that was touched before its watch showed the Secret has read the old one. */
const FIRST_AGAIN_MS = 900;
const LAST_AGAIN_MS = 60_000;

interface Touches {
  readonly hash: string;
  readonly count: number;
  readonly lastMs: number;
}

export class PodTouches {
  readonly #client: KubeClient;
  readonly #now: () => number;
  /** By the pod's uid. */
  readonly #touches = new Map<string, Touches>();

  constructor(client: KubeClient, now: () => number) {
    this.#client = client;
    this.#now = now;
  }

  /**
   * Touches the pods that do not report this snapshot: each at once, twice again after 0.9 s, then after twice as long
   * each time, up to a minute. Neither one
   * without an address, which will mount what there is, nor one that has read the snapshot and refused it. @throws ApiError
   */
  async touch(
    pods: readonly (GatewayPod & Partial<Pick<ObservedPod, 'report'>>)[],
    hash: string,
  ): Promise<void> {
    const behind = pods.filter(
      ({ ip, report }) =>
        ip !== undefined && report?.snapshot?.hash !== hash && report?.refused?.hash !== hash,
    );
    await Promise.all(behind.map((pod) => this.#touchWhenDue(pod, hash)));
  }

  /** Forgets pods that are gone. */
  forget(uids: Iterable<string>): void {
    for (const uid of uids) this.#touches.delete(uid);
  }

  async #touchWhenDue({ namespace, name, uid }: GatewayPod, hash: string): Promise<void> {
    const before = this.#touches.get(uid);
    const count = before?.hash === hash ? before.count : 0;
    const againMs = Math.min(LAST_AGAIN_MS, FIRST_AGAIN_MS * 2 ** Math.max(0, count - 2));
    if (before !== undefined && count > 0 && this.#now() - before.lastMs < againMs) return;
    this.#touches.set(uid, { hash, count: count + 1, lastMs: this.#now() });
    const annotations = { [TOUCH_ANNOTATION]: `${hash.slice(0, 16)}-${count}` };
    try {
      await this.#client.mergePatch(resourceTypes.pod, { namespace, name }, { metadata: { annotations } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
