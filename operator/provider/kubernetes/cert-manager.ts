// What the cluster holds of cert-manager, looked at from the first listener with `tls.issuerRef` on.
import type { CertManagerObject, CertManagerObjects } from '../../api/cert-manager.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, resourceTypes } from '../../kube/resource.ts';
import { OptionalKind } from './optional-kind.ts';

const OURS = 'app.kubernetes.io/managed-by=sentry-operator';

export interface CertManagerOptions {
  readonly client: KubeClient;
  /** None: the whole cluster. */
  readonly namespaces: readonly string[];
  readonly signal: AbortSignal;
  readonly onChange: () => void;
  readonly onError: (error: unknown) => void;
}

type Live = CertManagerObject & KubeObject;
type Kind = OptionalKind<Live>;

export class CertManager {
  readonly #options: CertManagerOptions;
  #kinds: { readonly certificates: Kind; readonly issuers: Kind; readonly clusterIssuers: Kind } | undefined;

  constructor(options: CertManagerOptions) {
    this.#options = options;
  }

  /** Undefined where cert-manager is not installed, or no gateway needs it. */
  async objectsFor(gateways: readonly SentryGateway[]): Promise<CertManagerObjects | undefined> {
    const isNeeded = gateways.some(({ spec }) => spec.listeners.some(({ tls }) => tls.issuerRef));
    if (this.#kinds === undefined && !isNeeded) return undefined;
    const { certificates, issuers, clusterIssuers } = (this.#kinds ??= this.#watch());
    await Promise.all([certificates.settled, issuers.settled, clusterIssuers.settled]);
    const [live, ofNamespaces, ofCluster] = [
      certificates.values(),
      issuers.values(),
      clusterIssuers.values(),
    ];
    if (live === undefined) return undefined;
    return {
      certificates: live,
      ...(ofNamespaces && { issuers: ofNamespaces }),
      ...(ofCluster && { clusterIssuers: ofCluster }),
    };
  }

  /** Resolves when the signal has ended all watches. */
  async done(): Promise<void> {
    await Promise.all(Object.values(this.#kinds ?? {}).map(({ done }) => done));
  }

  #watch() {
    const options = { ...this.#options, keep: essence };
    const { certificate, issuer, clusterIssuer } = resourceTypes;
    return {
      certificates: new OptionalKind<Live>({ ...options, type: certificate, labelSelector: OURS }),
      issuers: new OptionalKind<Live>({ ...options, type: issuer }),
      clusterIssuers: new OptionalKind<Live>({ ...options, type: clusterIssuer, namespaces: [] }),
    };
  }
}

/** Of an issuer's spec nothing is kept: it may name accounts. */
function essence({ metadata, status }: Live): Live {
  const { managedFields: _managedFields, annotations: _annotations, ...rest } = metadata;
  return { metadata: rest, status: { conditions: status?.conditions ?? [] } };
}
