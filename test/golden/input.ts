// Reads a golden input as strictly as an API server, and makes what files cannot hold: certificates and keys.
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import type { CertManagerObject } from '../../operator/api/cert-manager.ts';
import { API_VERSION, keyOf } from '../../operator/api/meta.ts';
import { ensureGatewayKeys } from '../../operator/pki/gateway-keys.ts';
import { MemoryKeyStore } from '../../operator/pki/memory-key-store.ts';
import { readDocuments } from '../../operator/provider/file/documents.ts';
import { type ManifestObject, readObject } from '../../operator/provider/file/objects.ts';
import { translate } from '../../operator/translate/translate.ts';
import type { GatewayKeys, Key, Resources, TranslateOptions } from '../../operator/translate/types.ts';
import { GoldenCredentials } from './credentials.ts';

/** Name, uid of the owner, and conditions as `Type=Status: message`. */
const certManagerObject = z.strictObject({
  name: z.string(),
  owner: z.string().optional(),
  conditions: z.array(z.string()).default([]),
});

/** A document `golden: {…}` of an input: what is not a resource. */
const settingsSchema = z.strictObject({
  golden: z.strictObject({
    target: z.enum(['Cluster', 'Standalone']).default('Standalone'),
    clusterCIDRs: z.array(z.string()).optional(),
    /** Gateways for which the operator has made no keys yet. */
    withoutKeys: z.array(z.string()).default([]),
    /** Listeners (`namespace/gateway/listener`) for which it has issued no certificate yet. */
    withoutCertificate: z.array(z.string()).default([]),
    /** The moment for which certificates are judged. */
    at: z.iso.datetime().optional(),
    /** What the cluster holds of cert-manager; Certificates and Issuers lie in the namespace `default`. */
    certManager: z
      .strictObject({
        certificates: z.array(certManagerObject).default([]),
        issuers: z.array(certManagerObject).default([]),
        clusterIssuers: z.array(certManagerObject).default([]),
      })
      .optional(),
    /** What was different, or there as well, when everything was translated before; `null` leaves everything as it is. */
    before: z.array(z.unknown()).optional(),
  }),
});
type Settings = z.infer<typeof settingsSchema>['golden'];

export interface GoldenInput {
  readonly resources: Resources;
  readonly options: TranslateOptions;
  readonly credentials: GoldenCredentials;
}

const clock = { now: () => new Date('2026-01-01T00:00:00Z') };

/** @throws Error when a document is not one that an API server would take */
export async function readGoldenInput(path: string): Promise<GoldenInput> {
  const values = readDocuments(await readFile(path, 'utf8')).map((document) => {
    if ('error' in document) throw new Error(`line ${document.line}: ${document.error}`);
    return document.value;
  });
  const { golden: settings } = settingsSchema.parse(values.find(isSettings) ?? { golden: {} });
  const credentials = new GoldenCredentials();
  const objects = values.filter((value) => !isSettings(value)).map(readStrictly);
  const keys = await makeKeys(objects, settings, credentials);
  const options: TranslateOptions = {
    image: 'registry.example/sentry-gateway:1.0.0',
    target: settings.target,
    ...(settings.clusterCIDRs && { clusterCIDRs: settings.clusterCIDRs }),
  };
  const resources = { ...(await gather(objects, credentials)), keys, ...surroundingsOf(settings) };
  if (settings.before === undefined) return { resources, options, credentials };
  const before = replaceObjects(objects, settings.before.map(readStrictly));
  const earlier = translate({ ...(await gather(before, credentials)), keys }, options);
  const previous = new Map(earlier.gateways.map(({ key, snapshot, files }) => [key, { snapshot, files }]));
  return { resources: { ...resources, previous }, options, credentials };
}

function surroundingsOf({ at, certManager }: Settings): Pick<Resources, 'at' | 'certManager'> {
  return {
    ...(at !== undefined && { at: new Date(at) }),
    ...(certManager && {
      certManager: {
        certificates: certManager.certificates.map((settings) => readCertManager(settings, 'default')),
        issuers: certManager.issuers.map((settings) => readCertManager(settings, 'default')),
        clusterIssuers: certManager.clusterIssuers.map((settings) => readCertManager(settings)),
      },
    }),
  };
}

function readCertManager(
  { name, owner, conditions }: z.infer<typeof certManagerObject>,
  namespace?: string,
): CertManagerObject {
  const references = [{ apiVersion: API_VERSION, kind: 'SentryGateway', name: 'mail', uid: owner ?? '' }];
  return {
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(owner !== undefined && { ownerReferences: references }),
    },
    status: {
      conditions: conditions.map((text) => {
        const [, type = '', status = '', message = ''] = /^(\w+)=(\w+)(?:: (.*))?$/.exec(text) ?? [];
        return { type, status, message };
      }),
    },
  };
}

function isSettings(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'golden' in value;
}

function readStrictly(value: unknown): ManifestObject {
  const reading = readObject(value);
  if (reading.outcome === 'Read') return reading;
  const problems = reading.outcome === 'Ignored' ? [reading] : reading.problems;
  throw new Error(problems.map(({ message }) => message).join('; '));
}

function identityOf({ kind, object }: ManifestObject): string {
  return `${kind} ${'namespace' in object.metadata ? keyOf(object.metadata) : object.metadata.name}`;
}

function replaceObjects(
  objects: readonly ManifestObject[],
  others: readonly ManifestObject[],
): ManifestObject[] {
  return [...new Map([...objects, ...others].map((object) => [identityOf(object), object])).values()];
}

async function makeKeys(
  objects: readonly ManifestObject[],
  settings: Settings,
  credentials: GoldenCredentials,
): Promise<Map<Key, GatewayKeys>> {
  const made = new Map<Key, GatewayKeys>();
  for (const { kind, object } of objects) {
    if (kind !== 'SentryGateway' || settings.withoutKeys.includes(keyOf(object.metadata))) continue;
    const { namespace, name } = object.metadata;
    const isIssued = (listener: string) =>
      !settings.withoutCertificate.includes(`${namespace}/${name}/${listener}`);
    const listeners = object.spec.listeners.filter(
      (listener) => listener.tls.selfSigned && isIssued(listener.name),
    );
    const { keys } = await ensureGatewayKeys(
      { namespace, name, listeners, admin: settings.target === 'Cluster' },
      { store: new MemoryKeyStore(), clock, signal: AbortSignal.timeout(60_000) },
    );
    credentials.learnKeys(`${namespace}/${name}`, keys);
    made.set(`${namespace}/${name}`, keys);
  }
  return made;
}

async function gather(
  objects: readonly ManifestObject[],
  credentials: GoldenCredentials,
): Promise<Omit<Resources, 'keys' | 'previous'>> {
  const ofKind = <K extends ManifestObject['kind']>(wanted: K) =>
    objects.flatMap(({ kind, object }) =>
      kind === wanted ? [object as Extract<ManifestObject, { kind: K }>['object']] : [],
    );
  return {
    gateways: ofKind('SentryGateway'),
    routes: ofKind('ExchangeRoute'),
    secrets: await Promise.all(ofKind('Secret').map((secret) => credentials.fillSecret(secret))),
    configMaps: await Promise.all(
      ofKind('ConfigMap').map((configMap) => credentials.fillConfigMap(configMap)),
    ),
    namespaces: ofKind('Namespace'),
  };
}
