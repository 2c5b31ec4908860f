// What the pods of one gateway say of themselves.
import type { GatewayReport } from '../../../gateway/config/report.ts';
import type { Key } from '../../translate/types.ts';
import type { GatewayPod } from './gateway-pods.ts';
import { type AdminAccess, ReportReader } from './report-reader.ts';

type ServerReports = GatewayReport['servers'];

/** One pod, and its report or, in words, why there is none. */
export interface ObservedPod extends GatewayPod {
  readonly report: GatewayReport | undefined;
  readonly error?: string;
}

/** Holds the connections to the pods, by gateway. */
export class PodObserver {
  readonly #readers = new Map<Key, ReportReader>();
  /** The last word of each pod on its servers, by its uid: an equal one is not held twice. */
  readonly #servers = new Map<string, ServerReports>();

  /** Asks all pods at once; never rejects. */
  async observe(
    gateway: Key,
    access: AdminAccess | undefined,
    pods: readonly GatewayPod[],
  ): Promise<ObservedPod[]> {
    return Promise.all(pods.map((pod) => this.#observe(gateway, access, pod)));
  }

  async forget(gateway: Key): Promise<void> {
    const reader = this.#readers.get(gateway);
    this.#readers.delete(gateway);
    await reader?.close();
  }

  /** Forgets a pod that is gone. */
  forgetPods(uids: Iterable<string>): void {
    for (const uid of uids) this.#servers.delete(uid);
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#readers.values()].map((reader) => reader.close()));
  }

  async #observe(gateway: Key, access: AdminAccess | undefined, pod: GatewayPod): Promise<ObservedPod> {
    const silent = (error: string): ObservedPod => ({ ...pod, report: undefined, error });
    if (pod.ip === undefined) return silent('the pod has no address yet');
    if (access === undefined) return silent('the keys of the gateway are missing');
    const reader = this.#readers.get(gateway) ?? new ReportReader();
    this.#readers.set(gateway, reader);
    try {
      const report = await reader.read(access, pod.ip);
      return { ...pod, report: { ...report, servers: this.#sameServers(pod.uid, report.servers) } };
    } catch (error) {
      return silent(error instanceof Error ? error.message : String(error));
    }
  }

  #sameServers(uid: string, servers: ServerReports): ServerReports {
    const before = this.#servers.get(uid);
    if (before !== undefined && areSame(before, servers)) return before;
    this.#servers.set(uid, servers);
    return servers;
  }
}

function areSame(a: ServerReports, b: ServerReports): boolean {
  return (
    a.length === b.length &&
    a.every((one, index) => {
      const other = b[index];
      return (
        one.server === other?.server &&
        one.route === other.route &&
        one.healthy === other.healthy &&
        one.reachable === other.reachable &&
        one.since === other.since &&
        one.lastError === other.lastError
      );
    })
  );
}
