// What goes into the translation and what comes out of it.
import type { ExchangeRoute, ExchangeRouteStatus } from '../api/exchange-route.ts';
import type { ConfigMap, KubernetesObject, Namespace, Secret } from '../api/meta.ts';
import type { SentryGateway, SentryGatewayStatus } from '../api/sentry-gateway.ts';
import type { Snapshot, SnapshotFiles } from '../../gateway/config/snapshot.ts';

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

/** Everything that the translation looks at. */
export interface Resources {
  readonly gateways: readonly SentryGateway[];
  readonly routes: readonly ExchangeRoute[];
  readonly secrets: readonly Secret[];
  readonly configMaps: readonly ConfigMap[];
  readonly namespaces: readonly Namespace[];
  readonly keys: ReadonlyMap<Key, GatewayKeys>;
}

/** How a gateway is to be run: what differs between a cluster and one machine. */
export interface TranslateOptions {
  /** The image of the gateway's pods. */
  readonly image: string;
  /** `Cluster` makes Kubernetes objects; `Standalone` makes none and fixes propagationSeconds to 0. */
  readonly target: 'Cluster' | 'Standalone';
}

export interface TranslatedGateway {
  readonly key: Key;
  readonly snapshot: Snapshot;
  readonly files: SnapshotFiles;
  /** Deployment, Services, PodDisruptionBudget, NetworkPolicy, CA ConfigMap …; not the snapshot Secrets. */
  readonly objects: readonly KubernetesObject[];
}

/** The statuses hold only what resources alone tell (Accepted, ResolvedRefs, …): `status/` adds what was observed. */
export interface Translation {
  /** Only gateways that can be served: at least one listener with a certificate. */
  readonly gateways: readonly TranslatedGateway[];
  readonly gatewayStatuses: ReadonlyMap<Key, SentryGatewayStatus>;
  readonly routeStatuses: ReadonlyMap<Key, ExchangeRouteStatus>;
}
