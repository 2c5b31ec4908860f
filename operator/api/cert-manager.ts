// What the operator reads of cert-manager's resources (cert-manager.io/v1): metadata and conditions.
import type { KubernetesObject } from './meta.ts';

/** A Certificate, an Issuer or a ClusterIssuer (which has no namespace). */
export interface CertManagerObject {
  readonly metadata: KubernetesObject['metadata'];
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/** Where the resources of cert-manager live. */
export const CERT_MANAGER_GROUP = 'cert-manager.io';
export const CERT_MANAGER_VERSION = 'v1';

/** What a cluster with cert-manager holds of it. */
export interface CertManagerObjects {
  readonly certificates: readonly CertManagerObject[];
  /** Absent where nobody knows, as for manifests of a directory: then it is not judged whether an issuer exists. */
  readonly issuers?: readonly CertManagerObject[];
  readonly clusterIssuers?: readonly CertManagerObject[];
}
