// Asks cert-manager for the certificates of gateways: makes their Certificates, and lets the Secrets go with the gateway.
import type { Logger } from 'pino';
import type { CertManagerObject } from '../../api/cert-manager.ts';
import type { KubernetesObject } from '../../api/meta.ts';
import { isNotFound } from '../../kube/api-error.ts';
import { applyOwned, deleteOwned, ForeignObjectError, isOwnedBy } from '../../kube/apply.ts';
import type { KubeClient } from '../../kube/client.ts';
import { apiVersionOf, type KubeObject, type OwnerReference, resourceTypes } from '../../kube/resource.ts';
import type { KernelMetrics } from '../../kube/metrics.ts';
import { WorkQueue } from '../../kube/work-queue.ts';
import type { Key } from '../../translate/types.ts';

/** A Certificate of someone else is not watched: whether it has gone is asked this often. */
const FOREIGN_AGAIN_SECONDS = 10;

/** What one gateway wants of cert-manager, and what is there. */
export interface CertificateRequests {
  readonly gateway: Key;
  readonly owner: OwnerReference;
  /** The Certificates that are to be; each names its Secret. */
  readonly wanted: readonly KubernetesObject[];
  /** Those with the gateway's labels that are; undefined while cert-manager is not installed. */
  readonly live: readonly CertManagerObject[] | undefined;
}

export interface IssuedCertificatesOptions {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly metrics?: KernelMetrics | undefined;
  /** Called when `problemOf` a gateway has changed. */
  readonly onChange: () => void;
}

/** Writes only where what is wanted or what is there has changed since the last time. */
export class IssuedCertificates {
  readonly #options: IssuedCertificatesOptions;
  readonly #queue: WorkQueue;
  readonly #requests = new Map<Key, CertificateRequests>();
  readonly #seen = new Map<Key, string>();
  readonly #problems = new Map<Key, string>();

  constructor(options: IssuedCertificatesOptions) {
    this.#options = options;
    const { client, signal, log, metrics } = options;
    this.#queue = new WorkQueue({
      name: 'certificate',
      server: client,
      metrics: metrics?.queue('certificate'),
      signal,
      reconcile: (key) => this.#reconcile(key),
      onError: (gateway, error, retryMs) =>
        log.warn({ gateway, retryMs, err: error }, 'a Certificate could not be written'),
    });
  }

  /** Takes what all gateways want. What was made for a gateway that is gone goes with it. */
  apply(all: readonly CertificateRequests[]): void {
    const present = new Set(all.map(({ gateway }) => gateway));
    for (const key of this.#requests.keys()) if (!present.has(key)) this.#forget(key);
    for (const requests of all) {
      const { gateway, wanted, live } = requests;
      if (wanted.length === 0 && (live ?? []).length === 0 && !this.#requests.has(gateway)) continue;
      const state = JSON.stringify([wanted, live?.map(stateOf)]);
      this.#requests.set(gateway, requests);
      if (this.#seen.get(gateway) === state) continue;
      this.#seen.set(gateway, state);
      this.#queue.add(gateway);
    }
  }

  /** Why a Certificate could not be made, in words that say what to do. */
  problemOf(gateway: Key): string | undefined {
    return this.#problems.get(gateway);
  }

  #forget(key: Key): void {
    this.#requests.delete(key);
    this.#seen.delete(key);
    this.#problems.delete(key);
  }

  async #reconcile(key: Key): Promise<{ requeueAfterSeconds?: number }> {
    const requests = this.#requests.get(key);
    if (requests?.live === undefined) return {};
    const { client } = this.#options;
    const { owner, wanted, live } = requests;
    let problem: string | undefined;
    for (const certificate of wanted) {
      try {
        await applyOwned(client, owner, certificate);
      } catch (error) {
        if (!(error instanceof ForeignObjectError)) throw error;
        problem = error.message;
      }
    }
    const names = new Set(wanted.map(({ metadata }) => metadata.name));
    for (const { metadata } of live) {
      if (!names.has(metadata.name)) await deleteOwned(client, owner, certificateObject(metadata));
    }
    for (const certificate of wanted) await this.#adoptSecret(certificate, requests);
    this.#remember(key, problem);
    return problem === undefined ? {} : { requeueAfterSeconds: FOREIGN_AGAIN_SECONDS };
  }

  /** cert-manager leaves its Secrets behind: this one goes with the gateway, as everything that was made for it. */
  async #adoptSecret(certificate: KubernetesObject, { owner, live }: CertificateRequests): Promise<void> {
    const issued = live?.find(({ metadata }) => metadata.name === certificate.metadata.name);
    if (issued === undefined || !isReady(issued) || !isOwnedBy(certificateObject(issued.metadata), owner))
      return;
    const { client } = this.#options;
    const { namespace } = certificate.metadata;
    const { secretName } = certificate['spec'] as { readonly secretName: string };
    try {
      const secret = await client.get<KubeObject>(resourceTypes.secret, { namespace, name: secretName });
      if (isOwnedBy(secret, owner)) return;
      const { resourceVersion, ownerReferences = [] } = secret.metadata;
      const { controller: _controller, ...reference } = owner;
      await client.mergePatch(
        resourceTypes.secret,
        { namespace, name: secretName },
        { metadata: { resourceVersion, ownerReferences: [...ownerReferences, reference] } },
      );
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #remember(key: Key, problem: string | undefined): void {
    if (this.#problems.get(key) === problem) return;
    if (problem === undefined) this.#problems.delete(key);
    else this.#problems.set(key, problem);
    this.#options.onChange();
  }
}

/** What a write depends on: a change of the spec, a deletion, and the moment when the certificate is issued. */
function stateOf(certificate: CertManagerObject): unknown[] {
  const { name, uid, generation } = certificate.metadata;
  return [name, uid, generation, isReady(certificate)];
}

function isReady({ status }: CertManagerObject): boolean {
  return (status?.conditions ?? []).some(
    (condition) => condition.type === 'Ready' && condition.status === 'True',
  );
}

function certificateObject(metadata: CertManagerObject['metadata']): KubeObject {
  const { certificate } = resourceTypes;
  return { apiVersion: apiVersionOf(certificate), kind: certificate.kind, metadata };
}
