// A gateway's listeners: which host names each answers to, and with which certificates.
import { parseCertificates } from '../../gateway/config/certificates.ts';
import type { SnapshotListener } from '../../gateway/config/snapshot.ts';
import type { SentryGateway, SentryGatewaySpec } from '../api/sentry-gateway.ts';
import { notAfter, readServerCertificate, type ServerCertificate } from './certificates.ts';
import type { ContentFiles } from './content-files.ts';
import type { Problem, ReferenceReason, Resolved } from './problem.ts';
import type { References } from './references.ts';
import type { GatewayKeys, SnapshotWithFiles } from './types.ts';

type Listener = SentryGatewaySpec['listeners'][number];

export interface ListenerContext {
  readonly references: References;
  readonly keys: GatewayKeys | undefined;
  /** What the gateway was given last. */
  readonly previous: SnapshotWithFiles | undefined;
  /** Takes the files of the snapshot. */
  readonly files: ContentFiles;
}

export interface TranslatedListener {
  readonly name: string;
  /** Absent where it has no certificate or no host name. */
  readonly snapshot: SnapshotListener | undefined;
  /** The end of the first of its certificates, RFC 3339. */
  readonly notAfter: string | undefined;
  /** A host name that an earlier listener has. */
  readonly conflict: Problem<'ListenerConflict'> | undefined;
  readonly problems: readonly Problem<ReferenceReason>[];
}

/** Translates the listeners in their order; a host name belongs to the first that has it. */
export function translateListeners(gateway: SentryGateway, context: ListenerContext): TranslatedListener[] {
  const owners = new Map<string, string>();
  return gateway.spec.listeners.map((listener) => {
    const taken = listener.hostnames.filter((hostname) => owners.has(hostname));
    const hostnames = listener.hostnames.filter((hostname) => !owners.has(hostname));
    for (const hostname of hostnames) owners.set(hostname, listener.name);
    const { certificates, problems } = certificatesOf(gateway.metadata.namespace, listener, context);
    return {
      name: listener.name,
      snapshot: snapshotListener(listener, hostnames, certificates),
      notAfter: certificates.map((certificate) => certificate.notAfter).toSorted()[0],
      conflict: hostnameConflict(listener, taken, owners),
      problems,
    };
  });
}

function snapshotListener(
  { name, tls }: Listener,
  hostnames: string[],
  certificates: readonly ListedCertificate[],
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

/** A certificate whose files are among those of the snapshot. */
interface ListedCertificate {
  readonly files: SnapshotListener['certificates'][number];
  readonly notAfter: string;
}

interface ListenerCertificates {
  readonly certificates: readonly ListedCertificate[];
  readonly problems: readonly Problem<ReferenceReason>[];
}

/** What can be used of the listener's own certificates; where one cannot, all those that it had last, if it had any. */
function certificatesOf(
  namespace: string,
  listener: Listener,
  context: ListenerContext,
): ListenerCertificates {
  const results = listener.tls.selfSigned
    ? [issuedCertificate(listener, context.keys)]
    : referencedCertificates(namespace, listener, context.references);
  const good = results.flatMap((result) => (result.ok ? [result.value] : []));
  const broken = results.flatMap((result) => (result.ok ? [] : [result.problem]));
  const kept = broken.length > 0 ? lastCertificates(listener.name, context) : [];
  const fate = kept.length > 0 ? 'its last good certificates stay in service' : withoutOne(good.length);
  return {
    certificates: kept.length > 0 ? kept : good.map((certificate) => list(certificate, context.files)),
    problems: [
      ...broken.map(({ reason, message }) => ({
        reason,
        message: `listener ${listener.name}: ${message}; ${fate}`,
      })),
      ...good.flatMap((certificate) => uncoveredHosts(listener, certificate)),
    ],
  };
}

function withoutOne(others: number): string {
  return others > 0 ? 'the other certificate serves' : 'until then it is not served';
}

function issuedCertificate({ name }: Listener, keys: GatewayKeys | undefined): Resolved<ServerCertificate> {
  const pair = keys?.listeners[name];
  if (pair !== undefined) {
    return {
      ok: true,
      value: readServerCertificate("the operator's certificate", pair.certificate, pair.key),
    };
  }
  const message = "the operator's own CA has not issued the certificate yet: nothing to do";
  return { ok: false, problem: { reason: 'CertificatePending', message } };
}

/** At most one of each key type: the first counts. */
function referencedCertificates(
  namespace: string,
  { tls }: Listener,
  references: References,
): Resolved<ServerCertificate>[] {
  const byKeyType = new Map<string, string>();
  return (tls.certificateRefs ?? []).map(({ name }) => {
    const result = references.serverCertificate(namespace, name);
    if (!result.ok) return result;
    const { keyType } = result.value;
    const first = byKeyType.get(keyType);
    if (first === undefined) {
      byKeyType.set(keyType, name);
      return result;
    }
    const type = keyType === 'rsa' ? 'RSA' : 'ECDSA';
    const message = `Secret ${namespace}/${name} has an ${type} key, and so has ${first}: name one certificate of each key type`;
    return { ok: false, problem: { reason: 'InvalidCertificate', message } };
  });
}

function uncoveredHosts(listener: Listener, { source, leaf }: ServerCertificate): Problem<ReferenceReason>[] {
  const uncovered = listener.hostnames.filter((hostname) => leaf.checkHost(hostname) === undefined);
  if (uncovered.length === 0) return [];
  const message = `listener ${listener.name}: ${source} is not for ${uncovered.join(', ')}: phones refuse it there; issue it for every host name of the listener`;
  return [{ reason: 'InvalidCertificate', message }];
}

function list(certificate: ServerCertificate, files: ContentFiles): ListedCertificate {
  return {
    files: {
      certificateFile: files.add('certificate', certificate.certificate),
      keyFile: files.add('key', certificate.key),
    },
    notAfter: notAfter(certificate.leaf),
  };
}

function lastCertificates(name: string, { previous, files }: ListenerContext): ListedCertificate[] {
  const listener = previous?.snapshot.listeners.find((candidate) => candidate.name === name);
  return (listener?.certificates ?? []).flatMap(({ certificateFile, keyFile }) => {
    const [certificate, key] = [previous?.files.get(certificateFile), previous?.files.get(keyFile)];
    const [leaf] = certificate === undefined ? [] : parseCertificates(certificate);
    if (leaf === undefined || certificate === undefined || key === undefined) return [];
    files.keep(certificateFile, certificate);
    files.keep(keyFile, key);
    return [{ files: { certificateFile, keyFile }, notAfter: notAfter(leaf) }];
  });
}
