// The operator in this process against a control plane, and what the audit log says of its requests.
import { open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { type ClusterOperatorOptions, runClusterOperator } from '../../operator/cluster.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { type KubeObject, resourceTypes } from '../../operator/kube/resource.ts';
import type { AttachedControlPlane } from './control-plane.ts';

export interface RunningOperator {
  readonly synced: Promise<void>;
  stop(): Promise<void>;
}

/** Runs the operator with this image; warnings go to stderr where `OPERATOR_LOG` is set. */
export async function runOperator(
  controlPlane: AttachedControlPlane,
  options: Partial<ClusterOperatorOptions> = {},
): Promise<RunningOperator> {
  const client = await KubeClient.create({ kubeconfig: controlPlane.kubeconfigPath });
  const end = new AbortController();
  const synced = Promise.withResolvers<void>();
  const ended = runClusterOperator({
    client,
    namespaces: [],
    gatewayImage: 'registry.example/sentry-gateway:1.0.0',
    clusterCIDRs: [],
    clock: { now: () => new Date() },
    log: pino({ level: process.env['OPERATOR_LOG'] ?? 'silent' }, pino.destination(2)),
    ...options,
    onSynced: () => synced.resolve(),
    signal: end.signal,
  });
  return {
    synced: synced.promise,
    stop: async () => {
      end.abort();
      await ended;
      await client.close();
    },
  };
}

/** Makes the CRDs known. @throws Error with kubectl's words */
export async function installCRDs(controlPlane: AttachedControlPlane): Promise<void> {
  const commands = [
    ['apply', '--server-side', '-f', 'crds/'],
    ['wait', '--for=condition=Established', '--timeout=60s', '-f', 'crds/'],
  ];
  for (const command of commands) {
    const { code, stderr } = await controlPlane.kubectl(command);
    if (code !== 0) throw new Error(stderr);
  }
}

export function sentryGateway(namespace: string, name: string, spec: object = {}): KubeObject {
  const hostnames = [`${name}.example.com`];
  return {
    apiVersion: 'sentrygateway.io/v1alpha1',
    kind: 'SentryGateway',
    metadata: { name, namespace },
    ...{ spec: { listeners: [{ name: 'phones', hostnames, tls: { selfSigned: {} } }], ...spec } },
  };
}

export function exchangeRoute(namespace: string, name: string, gateway: string): KubeObject {
  const servers = [
    { name: 'mbx1', url: `https://mbx1.${name}.example.com`, priority: 0 },
    { name: 'mbx2', url: `https://mbx2.${name}.example.com`, priority: 1 },
  ];
  return {
    apiVersion: 'sentrygateway.io/v1alpha1',
    kind: 'ExchangeRoute',
    metadata: { name, namespace },
    ...{ spec: { gatewayRefs: [{ name: gateway }], match: { domains: [`${name}.example.com`] }, servers } },
  };
}

export interface AuditedRequest {
  readonly verb: string;
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly code: number;
}

interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly userAgent?: string;
  readonly objectRef?: { resource: string; subresource?: string; namespace?: string; name?: string };
  readonly responseStatus?: { code?: number };
}

/** Reads an audit log from where it stood when this was made. */
export class AuditLog {
  readonly #path: string;
  #offset = 0;

  private constructor(path: string, offset: number) {
    this.#path = path;
    this.#offset = offset;
  }

  static async from({ auditLogPath }: AttachedControlPlane): Promise<AuditLog> {
    return new AuditLog(auditLogPath, (await stat(auditLogPath)).size);
  }

  /** The operator's requests since the last call that were answered, watches included. */
  async requests(): Promise<AuditedRequest[]> {
    const lines = (await this.#read()).split('\n').filter((line) => line !== '');
    return lines
      .map((line) => JSON.parse(line) as AuditEvent)
      .filter(
        ({ userAgent, stage }) => userAgent?.startsWith('sentry-operator') && stage !== 'ResponseStarted',
      )
      .map(({ verb, objectRef, responseStatus }) => ({
        verb,
        resource: objectRef?.resource ?? '',
        subresource: objectRef?.subresource,
        namespace: objectRef?.namespace,
        name: objectRef?.name,
        code: responseStatus?.code ?? 0,
      }));
  }

  /** Those that write, but for leases. */
  async writes(): Promise<AuditedRequest[]> {
    const requests = await this.requests();
    return requests.filter(
      ({ verb, resource }) => !['get', 'list', 'watch'].includes(verb) && resource !== 'leases',
    );
  }

  async #read(): Promise<string> {
    const file = await open(this.#path);
    try {
      const { size } = await file.stat();
      const buffer = Buffer.alloc(size - this.#offset);
      await file.read(buffer, 0, buffer.length, this.#offset);
      const end = buffer.lastIndexOf('\n') + 1;
      this.#offset += end;
      return buffer.subarray(0, end).toString();
    } finally {
      await file.close();
    }
  }
}

/** Resolves with what the operator wrote, once it has written nothing for a while. @throws Error after `deadlineMs` */
export async function untilQuiet(
  log: AuditLog,
  quietMs = 1_000,
  deadlineMs = 120_000,
): Promise<AuditedRequest[]> {
  const deadline = performance.now() + deadlineMs;
  const all: AuditedRequest[] = [];
  for (let quietSince = performance.now(); performance.now() - quietSince < quietMs;) {
    await sleep(100);
    const writes = await log.writes();
    if (writes.length > 0) quietSince = performance.now();
    all.push(...writes);
    if (performance.now() > deadline) throw new Error('the operator writes and writes');
  }
  return all;
}

/** Resolves when every SentryGateway and ExchangeRoute has a status of its generation. @throws Error after a minute */
export async function untilAllHaveStatus(client: KubeClient): Promise<void> {
  type Resource = KubeObject & { readonly status?: { readonly observedGeneration?: number } };
  const isBehind = ({ metadata, status }: Resource) => status?.observedGeneration !== metadata.generation;
  for (const type of [resourceTypes.sentryGateway, resourceTypes.exchangeRoute]) {
    await eventually(`every ${type.kind} has a status`, async () => {
      const { items } = await client.list<Resource>(type);
      return !items.some(isBehind);
    });
  }
}

/** Asks again and again until the condition holds. @throws Error after a minute */
export async function eventually(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`it did not happen in a minute: ${what}`);
    await sleep(50);
  }
}
