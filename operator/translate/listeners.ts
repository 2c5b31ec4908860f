// A gateway's listeners: which host names each answers to, and with which certificates.
import type { SnapshotListener } from '../../gateway/config/snapshot.ts';
import type { KubernetesObject } from '../api/meta.ts';
import type { SentryGateway, SentryGatewaySpec } from '../api/sentry-gateway.ts';
import { requestedCertificate } from './issued-certificates.ts';
import {
  listenerCertificates,
  type ListenerContext,
  type SnapshotCertificate,
} from './listener-certificates.ts';
import type { Problem, ReferenceReason } from './problem.ts';

type Listener = SentryGatewaySpec['listeners'][number];

export interface TranslatedListener {
  readonly name: string;
  /** Absent where it has no certificate or no host name. */
  readonly snapshot: SnapshotListener | undefined;
  /** The end of the first of its certificates, RFC 3339. */
  readonly notAfter: string | undefined;
  /** A host name that an earlier listener has. */
  readonly conflict: Problem<'ListenerConflict'> | undefined;
  readonly problems: readonly Problem<ReferenceReason>[];
  /** What is to be asked of cert-manager. */
  readonly request: KubernetesObject | undefined;
  /** When its certificates, served or not, begin or end after the moment of the translation. */
  readonly turningPoints: readonly Date[];
}

/** Translates the listeners in their order; a host name belongs to the first that has it. */
export function translateListeners(gateway: SentryGateway, context: ListenerContext): TranslatedListener[] {
  const owners = new Map<string, string>();
  return gateway.spec.listeners.map((listener) => {
    const taken = listener.hostnames.filter((hostname) => owners.has(hostname));
    const hostnames = listener.hostnames.filter((hostname) => !owners.has(hostname));
    for (const hostname of hostnames) owners.set(hostname, listener.name);
    const { certificates, problems, turningPoints } = listenerCertificates(gateway, listener, context);
    return {
      name: listener.name,
      snapshot: snapshotListener(listener, hostnames, certificates),
      notAfter: certificates.map((certificate) => certificate.notAfter).toSorted()[0],
      conflict: hostnameConflict(listener, taken, owners),
      problems,
      request: requestOf(gateway, listener, context),
      turningPoints,
    };
  });
}

function requestOf(
  gateway: SentryGateway,
  listener: Listener,
  context: ListenerContext,
): KubernetesObject | undefined {
  const { issuerRef } = listener.tls;
  return issuerRef && requestedCertificate({ ...context, gateway, listener, issuerRef });
}

function snapshotListener(
  { name, tls }: Listener,
  hostnames: string[],
  certificates: readonly SnapshotCertificate[],
): SnapshotListener | undefined {
  if (hostnames.length === 0 || certificates.length === 0) return undefined;
  return {
    name,
    hostnames,
    certificates: certificates.map(({ files }) => files),
    minVersion: tls.minVersion,
  };
}

function hostnameConflict(
  { name }: Listener,
  taken: readonly string[],
  owners: ReadonlyMap<string, string>,
): Problem<'ListenerConflict'> | undefined {
  if (taken.length === 0) return undefined;
  const claims = taken
    .map((hostname) => `${hostname} belongs to listener ${owners.get(hostname)}`)
    .join(', ');
  return {
    reason: 'ListenerConflict',
    message: `listener ${name}: ${claims}: give each host name to one listener; the others are served`,
  };
}
