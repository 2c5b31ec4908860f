// Which certificates a listener serves: those that it names, or the last good ones where one of these cannot be used.
import type { X509Certificate } from 'node:crypto';
import { parseCertificates } from '../../gateway/config/certificates.ts';
import type { SnapshotListener } from '../../gateway/config/snapshot.ts';
import type { CertManagerObjects } from '../api/cert-manager.ts';
import type { SentryGateway, SentryGatewaySpec } from '../api/sentry-gateway.ts';
import { chainFaults } from './certificate-chain.ts';
import { kubernetesTime, notAfter, readServerCertificate, type ServerCertificate } from './certificates.ts';
import type { ContentFiles } from './content-files.ts';
import { issuanceProblem, issuedSecretName } from './issued-certificates.ts';
import type { Problem, ReferenceReason, Resolved } from './problem.ts';
import type { References } from './references.ts';
import type { GatewayKeys, SnapshotWithFiles } from './types.ts';

type Listener = SentryGatewaySpec['listeners'][number];
type KeyType = ServerCertificate['keyType'];

export interface ListenerContext {
  readonly references: References;
  readonly keys: GatewayKeys | undefined;
  /** What the gateway was given last. */
  readonly previous: SnapshotWithFiles | undefined;
  /** Undefined where cert-manager is not installed. */
  readonly certManager: CertManagerObjects | undefined;
  /** The moment for which validity is judged; undefined: everything counts as valid. */
  readonly at: Date | undefined;
  readonly target: 'Cluster' | 'Standalone';
  /** Takes the files of the snapshot. */
  readonly files: ContentFiles;
}

/** A certificate whose files are among those of the snapshot. */
export interface SnapshotCertificate {
  readonly files: SnapshotListener['certificates'][number];
  /** RFC 3339. */
  readonly notAfter: string;
}

export interface ListenerCertificates {
  readonly certificates: readonly SnapshotCertificate[];
  readonly problems: readonly Problem<ReferenceReason>[];
  /** When a certificate begins or ends next. */
  readonly turningPoints: readonly Date[];
}

/** A certificate that could be served, and how its files come into the snapshot. */
interface Candidate {
  readonly leaf: X509Certificate;
  readonly keyType: KeyType;
  readonly list: () => SnapshotListener['certificates'][number];
}

/** What a listener names: certificates, why one cannot be used, and what is wrong though one can be. */
interface Named {
  readonly results: readonly Resolved<ServerCertificate>[];
  readonly notes: readonly Problem<ReferenceReason>[];
}

/** What is served of a listener's certificates, and everything that is wrong with them. */
export function listenerCertificates(
  gateway: SentryGateway,
  listener: Listener,
  context: ListenerContext,
): ListenerCertificates {
  const { results, notes } = namedCertificates(gateway, listener, context);
  const good = results.flatMap((result) => (result.ok ? [result.value] : []));
  const broken = results.flatMap((result) => (result.ok ? [] : [result.problem]));
  const last = lastCertificates(listener.name, context);
  const named = good.map((certificate) => candidateOf(certificate, context.files));
  const served = choose({ named, last, hasBroken: broken.length > 0, at: context.at });
  const keepsLast = served.some((candidate) => last.includes(candidate));
  const problems = [
    ...broken.map((problem) => withFate(problem, brokenFate(keepsLast, served.length))),
    ...good.flatMap((certificate, index) => {
      const isServed = served.some((candidate) => candidate === named[index]);
      return [
        ...validityProblem(certificate, context.at, outdatedFate(isServed, keepsLast)),
        ...faultsOf(listener, certificate, notes),
      ];
    }),
    ...notes.map((problem) => withFate(problem, 'the present certificate stays in service')),
  ];
  return {
    certificates: served.map(({ list, leaf }) => ({ files: list(), notAfter: notAfter(leaf) })),
    problems: problems.map(({ reason, message }) => ({
      reason,
      message: `listener ${listener.name}: ${message}`,
    })),
    turningPoints: [...named, ...last].flatMap(({ leaf }) => turningPoints(leaf, context.at)),
  };
}

interface Choice {
  readonly named: readonly Candidate[];
  readonly last: readonly Candidate[];
  /** Whether the listener names one that cannot be used at all. */
  readonly hasBroken: boolean;
  readonly at: Date | undefined;
}

/**
 * Where one is broken, all that were served last, as far as they are valid. Instead of one that is outside its validity the
 * last one of its key type; with none of that type the others alone. What phones refuse is better than nothing.
 */
function choose({ named, last, hasBroken, at }: Choice): readonly Candidate[] {
  const isValid = ({ leaf }: Candidate): boolean => validityOf(leaf, at) === 'Valid';
  const instead = ({ keyType }: Candidate): Candidate[] =>
    last.filter((candidate) => candidate.keyType === keyType && isValid(candidate));
  const present = named.flatMap((candidate) => (isValid(candidate) ? [candidate] : instead(candidate)));
  const candidates = hasBroken ? [last.filter(isValid), present, last, named] : [present, named];
  return candidates.find((some) => some.length > 0) ?? [];
}

function brokenFate(keepsLast: boolean, served: number): string {
  if (keepsLast) return 'its last good certificates stay in service';
  return served > 0 ? 'the other certificate serves' : 'until then it is not served';
}

function outdatedFate(isServed: boolean, keepsLast: boolean): string {
  if (isServed) return 'it is served all the same, and phones refuse it';
  return keepsLast ? 'its last good certificates stay in service' : 'the other certificate serves';
}

function withFate({ reason, message }: Problem<ReferenceReason>, fate: string): Problem<ReferenceReason> {
  return { reason, message: `${message}; ${fate}` };
}

/** Clocks differ, and some authorities issue from this very second on: so much later may a certificate begin. */
const CLOCK_SKEW_MS = 5 * 60_000;

function validityOf(leaf: X509Certificate, at: Date | undefined): 'Valid' | 'Expired' | 'NotYetValid' {
  if (at === undefined) return 'Valid';
  if (at >= leaf.validToDate) return 'Expired';
  return at.getTime() < leaf.validFromDate.getTime() - CLOCK_SKEW_MS ? 'NotYetValid' : 'Valid';
}

function turningPoints(leaf: X509Certificate, at: Date | undefined): Date[] {
  if (at === undefined) return [];
  const begin = new Date(leaf.validFromDate.getTime() - CLOCK_SKEW_MS);
  return [begin, leaf.validToDate].filter((date) => date > at);
}

function validityProblem(
  { source, leaf }: ServerCertificate,
  at: Date | undefined,
  fate: string,
): Problem<ReferenceReason>[] {
  const validity = validityOf(leaf, at);
  if (validity === 'Valid') return [];
  const problem =
    validity === 'Expired'
      ? ({
          reason: 'CertificateExpired',
          message: `${source} expired at ${notAfter(leaf)}: renew it`,
        } as const)
      : ({
          reason: 'CertificateNotYetValid',
          message: `${source} is valid only from ${kubernetesTime(leaf.validFromDate)} on: use one that is valid now`,
        } as const);
  return [withFate(problem, fate)];
}

/** What phones mind in a certificate that TLS takes. Of one that is being issued anew nothing more is said. */
function faultsOf(
  { hostnames, tls }: Listener,
  { source, leaf, chain }: ServerCertificate,
  notes: readonly Problem<ReferenceReason>[],
): Problem<ReferenceReason>[] {
  if (tls.selfSigned !== undefined || notes.length > 0) return [];
  const uncovered = hostnames.filter((hostname) => leaf.checkHost(hostname) === undefined);
  const faults = chainFaults(chain).map((fault) => `${source}: ${fault}; it is served as it is`);
  if (uncovered.length > 0) faults.unshift(uncoveredFault(source, uncovered));
  return faults.map((message) => ({ reason: 'InvalidCertificate', message }));
}

function uncoveredFault(source: string, hostnames: readonly string[]): string {
  return `${source} is not for ${hostnames.join(', ')}: phones refuse it there; issue it for every host name of the listener`;
}

function namedCertificates(gateway: SentryGateway, listener: Listener, context: ListenerContext): Named {
  const { namespace } = gateway.metadata;
  const { selfSigned, issuerRef, certificateRefs = [] } = listener.tls;
  if (selfSigned !== undefined) return { results: [ownCertificate(listener, context.keys)], notes: [] };
  if (issuerRef === undefined) {
    return { results: referencedCertificates(namespace, certificateRefs, context.references), notes: [] };
  }
  const problem = issuanceProblem({ ...context, gateway, listener, issuerRef });
  const name = issuedSecretName(gateway.metadata, listener);
  const result = context.references.serverCertificate(namespace, name);
  if (result.ok) return { results: [result], notes: problem ? [problem] : [] };
  return { results: [{ ok: false, problem: problem ?? issuedProblem(result.problem) }], notes: [] };
}

/** The Certificate is ready: its Secret will be there in a moment, or someone has spoilt it. */
function issuedProblem({ reason, message }: Problem<ReferenceReason>): Problem<ReferenceReason> {
  if (reason === 'RefNotFound')
    return { reason: 'CertificatePending', message: 'cert-manager writes its Secret' };
  return { reason, message: `${message}; delete the Secret, so that cert-manager writes it anew` };
}

function ownCertificate({ name }: Listener, keys: GatewayKeys | undefined): Resolved<ServerCertificate> {
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
  certificateRefs: readonly { readonly name: string }[],
  references: References,
): Resolved<ServerCertificate>[] {
  const byKeyType = new Map<KeyType, string>();
  return certificateRefs.map(({ name }) => {
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

function candidateOf({ leaf, keyType, certificate, key }: ServerCertificate, files: ContentFiles): Candidate {
  return {
    leaf,
    keyType,
    list: () => ({ certificateFile: files.add('certificate', certificate), keyFile: files.add('key', key) }),
  };
}

function lastCertificates(name: string, { previous, files }: ListenerContext): Candidate[] {
  const listener = previous?.snapshot.listeners.find((candidate) => candidate.name === name);
  return (listener?.certificates ?? []).flatMap(({ certificateFile, keyFile }) => {
    const [certificate, key] = [previous?.files.get(certificateFile), previous?.files.get(keyFile)];
    const [leaf] = certificate === undefined ? [] : parseCertificates(certificate);
    if (leaf === undefined || certificate === undefined || key === undefined) return [];
    const keyType = leaf.publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec';
    const list = () => {
      files.keep(certificateFile, certificate);
      files.keep(keyFile, key);
      return { certificateFile, keyFile };
    };
    return [{ leaf, keyType, list }];
  });
}
