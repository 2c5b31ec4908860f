// Certificates that cert-manager is to issue (`tls.issuerRef`): what is asked of it, and how far it has come.
import {
  CERT_MANAGER_GROUP,
  CERT_MANAGER_VERSION,
  type CertManagerObject,
  type CertManagerObjects,
} from '../api/cert-manager.ts';
import type { KubernetesObject } from '../api/meta.ts';
import type { SentryGateway, SentryGatewaySpec } from '../api/sentry-gateway.ts';
import { objectMetadata } from './objects/metadata.ts';
import type { Problem, ReferenceReason } from './problem.ts';

type Listener = SentryGatewaySpec['listeners'][number];
type IssuerReference = NonNullable<Listener['tls']['issuerRef']>;

/** A listener with `tls.issuerRef`, and what is known of cert-manager. */
export interface Issuance {
  readonly gateway: SentryGateway;
  readonly listener: Listener;
  readonly issuerRef: IssuerReference;
  /** Undefined where it is not installed. */
  readonly certManager: CertManagerObjects | undefined;
  readonly target: 'Cluster' | 'Standalone';
}

/** `<gateway>.<listener>`: names of gateways hold no dot, so that no two gateways want the same. */
export function certificateName(
  { name }: { readonly name: string },
  listener: { readonly name: string },
): string {
  return `${name}.${listener.name}`;
}

/** The Secret that cert-manager writes. */
export function issuedSecretName(
  gateway: { readonly name: string },
  listener: { readonly name: string },
): string {
  return `${certificateName(gateway, listener)}-tls`;
}

/** The Certificate of the listener; undefined where it cannot be made: without cert-manager, or over someone else's. */
export function requestedCertificate(issuance: Issuance): KubernetesObject | undefined {
  if ([standalone, notInstalled, foreign].some((policy) => policy(issuance) !== undefined)) return undefined;
  const { gateway, listener, issuerRef } = issuance;
  return {
    apiVersion: `${CERT_MANAGER_GROUP}/${CERT_MANAGER_VERSION}`,
    kind: 'Certificate',
    metadata: objectMetadata(gateway, certificateName(gateway.metadata, listener)),
    spec: {
      secretName: issuedSecretName(gateway.metadata, listener),
      dnsNames: listener.hostnames,
      issuerRef: { group: issuerRef.group, kind: issuerRef.kind, name: issuerRef.name },
      privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' },
      usages: ['digital signature', 'server auth'],
    },
  };
}

/** What keeps the certificate from being issued or renewed, the root of it first; undefined where it is up to date. */
export function issuanceProblem(issuance: Issuance): Problem<ReferenceReason> | undefined {
  for (const policy of policies) {
    const problem = policy(issuance);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

type Policy = (issuance: Issuance) => Problem<ReferenceReason> | undefined;

const standalone: Policy = ({ target }) =>
  target === 'Standalone'
    ? {
        reason: 'CertManagerNotInstalled',
        message:
          'issuerRef needs a cluster with cert-manager: use certificateRefs or selfSigned on one machine',
      }
    : undefined;

const notInstalled: Policy = ({ certManager }) =>
  certManager === undefined
    ? {
        reason: 'CertManagerNotInstalled',
        message:
          'issuerRef needs cert-manager, and the cluster has no resources of cert-manager.io/v1: install it (it is noticed by itself), or use certificateRefs',
      }
    : undefined;

const foreign: Policy = (issuance) => {
  const live = liveCertificate(issuance);
  const { uid, namespace } = issuance.gateway.metadata;
  if (live === undefined || live.metadata.ownerReferences?.some((owner) => owner.uid === uid))
    return undefined;
  return {
    reason: 'ForeignObject',
    message: `Certificate ${namespace}/${live.metadata.name} exists and does not belong to this SentryGateway: delete it, or rename the listener`,
  };
};

const issuerMissing: Policy = (issuance) => {
  const { issuerRef, gateway } = issuance;
  const candidates = issuersOf(issuance);
  if (candidates === undefined || findIssuer(issuance) !== undefined) return undefined;
  const place = issuerRef.kind === 'Issuer' ? ` in namespace ${gateway.metadata.namespace}` : '';
  return {
    reason: 'IssuerNotFound',
    message: `${issuerRef.kind} ${issuerRef.name} does not exist${place}: create it, or correct issuerRef`,
  };
};

const issuerNotReady: Policy = (issuance) => {
  const issuer = findIssuer(issuance);
  const ready = issuer && conditionOf(issuer, 'Ready');
  if (issuer === undefined || ready?.status === 'True') return undefined;
  const { kind, name } = issuance.issuerRef;
  const why = ready?.message ?? 'cert-manager has not looked at it yet: see that its controller runs';
  return { reason: 'IssuerNotReady', message: `${kind} ${name} is not ready: ${why}` };
};

const notIssued: Policy = (issuance) => {
  const { gateway, listener } = issuance;
  const certificate = `Certificate ${gateway.metadata.namespace}/${certificateName(gateway.metadata, listener)}`;
  const live = liveCertificate(issuance);
  if (live === undefined) return { reason: 'CertificatePending', message: `${certificate} is being made` };
  const [ready, issuing] = [conditionOf(live, 'Ready'), conditionOf(live, 'Issuing')];
  if (ready?.status === 'True') return undefined;
  const failed = issuing?.status === 'False' ? issuing.message : undefined;
  const why =
    failed ?? ready?.message ?? 'cert-manager has not looked at it yet: see that its controller runs';
  return { reason: 'CertificatePending', message: `${certificate} is not ready: ${why}` };
};

const policies: readonly Policy[] = [
  standalone,
  notInstalled,
  foreign,
  issuerMissing,
  issuerNotReady,
  notIssued,
];

function liveCertificate({ gateway, listener, certManager }: Issuance): CertManagerObject | undefined {
  const { namespace } = gateway.metadata;
  const name = certificateName(gateway.metadata, listener);
  return certManager?.certificates.find(
    ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
  );
}

/** Undefined for the issuers of other groups, which only cert-manager's own words tell of. */
function issuersOf({ issuerRef, certManager }: Issuance): readonly CertManagerObject[] | undefined {
  if (issuerRef.group !== CERT_MANAGER_GROUP) return undefined;
  if (issuerRef.kind === 'ClusterIssuer') return certManager?.clusterIssuers;
  return issuerRef.kind === 'Issuer' ? certManager?.issuers : undefined;
}

function findIssuer(issuance: Issuance): CertManagerObject | undefined {
  const { issuerRef, gateway } = issuance;
  const namespace = issuerRef.kind === 'Issuer' ? gateway.metadata.namespace : undefined;
  return issuersOf(issuance)?.find(
    ({ metadata }) => metadata.name === issuerRef.name && metadata.namespace === namespace,
  );
}

function conditionOf({ status }: CertManagerObject, wanted: string) {
  return status?.conditions?.find(({ type }) => type === wanted);
}
