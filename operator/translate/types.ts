// What goes into the translation and what comes out of it.
import type { CertManagerObjects } from '../api/cert-manager.ts';
import type { ConditionUpdate } from '../api/conditions.ts';
import type { ExchangeRoute, ExchangeRouteSpec } from '../api/exchange-route.ts';
import type { ConfigMap, KubernetesObject, Namespace, Secret } from '../api/meta.ts';
import type { ClientSettings, SentryGateway } from '../api/sentry-gateway.ts';
import type { Snapshot, SnapshotFiles } from '../../gateway/config/snapshot.ts';
import type { Replicas } from './objects/replicas.ts';

/** `namespace/name`. */
export type Key = string;

/** A certificate chain and its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** What `pki/` holds for one gateway: made before the translation, which is pure and makes no keys. */
export interface GatewayKeys {
  /** The gateway's own CA certificate, PEM. */
  readonly ca: string;
  /** By listener name, for listeners with `tls.selfSigned`. */
  readonly listeners: Readonly<Record<string, KeyPair>>;
  /** Mutual TLS of the admin port: the gateway's side. Absent in standalone mode. */
  readonly admin?: KeyPair;
  /** 48 random bytes. */
  readonly ticketKey: Buffer;
}

/** A snapshot and the files that it names. */
export interface SnapshotWithFiles {
  readonly snapshot: Snapshot;
  readonly files: SnapshotFiles;
}

/** Everything that the translation looks at. */
export interface Resources {
  readonly gateways: readonly SentryGateway[];
  readonly routes: readonly ExchangeRoute[];
  readonly secrets: readonly Secret[];
  readonly configMaps: readonly ConfigMap[];
  readonly namespaces: readonly Namespace[];
  readonly keys: ReadonlyMap<Key, GatewayKeys>;
  /**
   * What each gateway was given last: while a reference does not resolve, the listener or route that has it stays as it is
   * there. Without it such a listener is left out, and such a route answers 503.
   */
  readonly previous?: ReadonlyMap<Key, SnapshotWithFiles>;
  /** What the cluster holds of cert-manager; absent where it is not installed. */
  readonly certManager?: CertManagerObjects;
  /**
   * The moment for which the validity of certificates is judged: translate again at `Translation.nextJudgement`. Without it
   * every certificate counts as valid.
   */
  readonly at?: Date;
}

/** How gateways are to be run: what differs between a cluster and one machine. */
export interface TranslateOptions {
  /** The image of the gateway's pods. */
  readonly image: string;
  /** `Cluster` makes Kubernetes objects; `Standalone` makes none and fixes propagationSeconds to 0. */
  readonly target: 'Cluster' | 'Standalone';
  /** Address ranges of the cluster's pods and Services, which gateways never call. Default none. */
  readonly clusterCIDRs?: readonly string[];
}

export interface TranslatedGateway extends SnapshotWithFiles {
  readonly key: Key;
  readonly replicas: Replicas;
  /** Deployment, Service, PodDisruptionBudget, NetworkPolicy, HorizontalPodAutoscaler, CA ConfigMap; not the snapshot Secrets. */
  readonly objects: readonly KubernetesObject[];
}

/** What resources alone tell of a gateway: `status/` adds what was observed, and times. */
export interface GatewayVerdict {
  readonly observedGeneration: number;
  /** Accepted and ResolvedRefs. */
  readonly conditions: readonly ConditionUpdate[];
  /** Whether there is a snapshot of it. */
  readonly served: boolean;
  readonly listeners: readonly {
    readonly name: string;
    readonly certificate?: { readonly notAfter: string };
    readonly attachedRoutes: number;
  }[];
  readonly clients: ClientSettings;
  /** Label selector of the pods; in a cluster only. */
  readonly selector?: string;
}

/** What resources alone tell of a route with one of its `gatewayRefs`. */
export interface ParentVerdict {
  readonly gatewayRef: ExchangeRouteSpec['gatewayRefs'][number];
  readonly gateway: Key;
  /** Accepted and ResolvedRefs, and Conflicted where an older route holds some or all of its values. */
  readonly conditions: readonly ConditionUpdate[];
  /** Whether the gateway's snapshot holds the route as it is now: not its last good version, and not without servers. */
  readonly served: boolean;
  /** Only where the route is accepted. */
  readonly clients?: ClientSettings;
}

/** What resources alone tell of a route. */
export interface RouteVerdict {
  readonly observedGeneration: number;
  /** In the order of `gatewayRefs`. */
  readonly parents: readonly ParentVerdict[];
  /** Names, in the order of `spec.servers`. */
  readonly servers: readonly string[];
}

export interface Translation {
  /** What is to be asked of cert-manager, by gateway: also for gateways that cannot be served yet. */
  readonly certificates: ReadonlyMap<Key, readonly KubernetesObject[]>;
  /** When a certificate begins or ends next, after `Resources.at`. */
  readonly nextJudgement?: Date;
  /** Only gateways that can be served: at least one listener with a certificate. What serves of the others stays as it is. */
  readonly gateways: readonly TranslatedGateway[];
  readonly gatewayStatuses: ReadonlyMap<Key, GatewayVerdict>;
  readonly routeStatuses: ReadonlyMap<Key, RouteVerdict>;
}
