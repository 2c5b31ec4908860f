// What was seen of the gateways that run: in pods or as processes of one machine.
import type { GatewayReport } from '../../gateway/config/report.ts';
import type { Key, RouteVerdict } from '../translate/types.ts';
import type { SnapshotHistory } from './snapshot-history.ts';

/** One pod or process of a gateway. */
export interface PodObservation {
  readonly name: string;
  /** As what sends it phones sees it: the pod's readiness; on one machine `report.ready`. */
  readonly ready: boolean;
  /** Its last report; undefined where it could not be asked. */
  readonly report: GatewayReport | undefined;
  /** Why it does not run or could not be asked, in words. */
  readonly error?: string | undefined;
}

/** What keeps a gateway from being run as it was translated, in words that say what to do. */
export interface Obstacle {
  readonly reason: 'PortUnavailable' | 'SnapshotTooLarge' | 'ForeignObject' | 'ObjectRefused' | 'NotRunning';
  readonly message: string;
}

export interface GatewayObservations {
  /** The snapshot that was written for the pods last. */
  readonly wanted: { readonly hash: string; readonly generation: number } | undefined;
  readonly pods: readonly PodObservation[];
  /** What the pods say of the servers, by route; made of `pods` where it is absent. */
  readonly servers?: ReadonlyMap<Key, readonly GatewayReport['servers'][number][]>;
  /** IP addresses or host names at which phones reach it. */
  readonly addresses: readonly string[];
  /** True while a load balancer may still give an address: a gateway that was not ready before waits for it. */
  readonly addressPending?: boolean;
  readonly obstacle?: Obstacle | undefined;
  /** Pods that are told to take no new phones, and why; in a cluster only. */
  readonly steppedOut?: readonly { readonly name: string; readonly reason: string }[] | undefined;
  /** Knows the snapshot `wanted` and those that pods may still serve. */
  readonly history: SnapshotHistory;
}

/** What the status of a route is made of. */
export interface RouteStatusInput {
  /** `namespace/name` of the route. */
  readonly key: Key;
  readonly verdict: RouteVerdict;
  /** By gateway. */
  readonly observations: ReadonlyMap<Key, GatewayObservations>;
}
