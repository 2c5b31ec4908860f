// One gateway: its listeners, the routes that it serves, its snapshot with files, and what is to be said of it.
import { type Snapshot, SNAPSHOT_VERSION } from '../../gateway/config/snapshot.ts';
import type { ConditionUpdate } from '../api/conditions.ts';
import type { CertManagerObjects } from '../api/cert-manager.ts';
import { type KubernetesObject, keyOf } from '../api/meta.ts';
import type { SentryGateway } from '../api/sentry-gateway.ts';
import { gatewayClients } from './clients.ts';
import type { Contenders } from './competition.ts';
import { ContentFiles } from './content-files.ts';
import { type TranslatedListener, translateListeners } from './listeners.ts';
import { gatewayObjects } from './objects/gateway-objects.ts';
import { selectorText } from './objects/metadata.ts';
import { replicasOf } from './objects/replicas.ts';
import { conditionOf, joinProblems, type Problem, type ReferenceReason } from './problem.ts';
import type { References } from './references.ts';
import { type RouteEntry, routeEntry } from './routes.ts';
import type {
  GatewayKeys,
  GatewayVerdict,
  Key,
  SnapshotWithFiles,
  TranslatedGateway,
  TranslateOptions,
} from './types.ts';

export interface GatewayInput {
  readonly gateway: SentryGateway;
  readonly keys: GatewayKeys | undefined;
  readonly previous: SnapshotWithFiles | undefined;
  readonly certManager: CertManagerObjects | undefined;
  /** For when certificates are judged. */
  readonly at: Date | undefined;
  readonly contenders: Contenders;
}

export interface GatewayResult {
  readonly verdict: GatewayVerdict;
  /** Undefined where nothing of it can be served. */
  readonly translated: TranslatedGateway | undefined;
  /** The routes that hold something on a listener of it. */
  readonly entries: ReadonlyMap<Key, RouteEntry>;
  /** What is to be asked of cert-manager. */
  readonly certificates: readonly KubernetesObject[];
  /** When certificates of it begin or end after `at`. */
  readonly turningPoints: readonly Date[];
}

export function translateGateway(
  input: GatewayInput,
  references: References,
  options: TranslateOptions,
): GatewayResult {
  const { gateway, keys, previous, certManager, at } = input;
  const files = new ContentFiles();
  const { target } = options;
  const listeners = translateListeners(gateway, {
    references,
    keys,
    previous,
    certManager,
    at,
    target,
    files,
  });
  const entries = routeEntries(input, listeners, files);
  const snapshot = keys && snapshotOf({ gateway, keys, listeners, entries, files, options });
  return {
    verdict: {
      ...verdictOf(input, listeners, entries),
      served: snapshot !== undefined,
      ...(options.target === 'Cluster' && { selector: selectorText(gateway.metadata) }),
    },
    translated: snapshot && {
      key: keyOf(gateway.metadata),
      snapshot,
      files: files.all(),
      replicas: replicasOf(gateway.spec),
      objects: options.target === 'Cluster' ? gatewayObjects({ gateway, snapshot, keys, options }) : [],
    },
    entries,
    certificates: listeners.flatMap(({ request }) => request ?? []),
    turningPoints: listeners.flatMap(({ turningPoints }) => turningPoints),
  };
}

/** The files of routes that no listener serves stay out of the snapshot, as the routes do. */
function routeEntries(
  { contenders, previous }: GatewayInput,
  listeners: readonly TranslatedListener[],
  files: ContentFiles,
): Map<Key, RouteEntry> {
  const isServed = new Set(listeners.flatMap(({ name, snapshot }) => (snapshot ? [name] : [])));
  return new Map(
    [...contenders.values()].flatMap(({ resolved, claims }) => {
      const held = [...claims].flatMap(([name, { granted }]) => (granted ? [name] : []));
      if (held.length === 0) return [];
      const served = held.filter((name) => isServed.has(name));
      const target = served.length > 0 ? files : new ContentFiles();
      return [[resolved.key, routeEntry(resolved, { held, served }, target, previous)] as const];
    }),
  );
}

interface SnapshotInput {
  readonly gateway: SentryGateway;
  readonly keys: GatewayKeys;
  readonly listeners: readonly TranslatedListener[];
  readonly entries: ReadonlyMap<Key, RouteEntry>;
  readonly files: ContentFiles;
  readonly options: TranslateOptions;
}

/** Undefined where no listener can be served. */
function snapshotOf({
  gateway,
  keys,
  listeners,
  entries,
  files,
  options,
}: SnapshotInput): Snapshot | undefined {
  const served = listeners.flatMap(({ snapshot }) => snapshot ?? []);
  if (served.length === 0) return undefined;
  const { metadata, spec } = gateway;
  const routes = [...entries.values()].map(({ entry }) => entry);
  const admin = adminOf(keys, files);
  return {
    version: SNAPSHOT_VERSION,
    gateway: { namespace: metadata.namespace, name: metadata.name },
    listeners: served,
    routes: routes.filter((route) => route.listeners.length > 0),
    ticketKeyFile: files.add('ticket', keys.ticketKey),
    ...(admin && { admin }),
    ...(spec.proxyProtocol === 'Required' && {
      proxyProtocol: { trustedProxies: spec.trustedProxies ?? [] },
    }),
    ...limitsOf(spec.limits),
    drain: {
      seconds: spec.drain.seconds,
      propagationSeconds: options.target === 'Standalone' ? 0 : spec.drain.propagationSeconds,
    },
    logging: {
      access: spec.logging.access,
      samplePercent: spec.logging.samplePercent ?? 1,
      identifiers: spec.logging.identifiers,
    },
  };
}

/** Nothing where nothing differs from the defaults. */
function limitsOf(limits: SentryGateway['spec']['limits']): Pick<Snapshot, 'limits'> {
  return limits === undefined || Object.keys(limits).length === 0 ? {} : { limits };
}

function adminOf({ admin, ca }: GatewayKeys, files: ContentFiles): Snapshot['admin'] {
  return (
    admin && {
      certificateFile: files.add('certificate', admin.certificate),
      keyFile: files.add('key', admin.key),
      clientCAFile: files.add('ca', ca),
    }
  );
}

function verdictOf(
  { gateway, keys, contenders }: GatewayInput,
  listeners: readonly TranslatedListener[],
  entries: ReadonlyMap<Key, RouteEntry>,
): Omit<GatewayVerdict, 'served'> {
  const observedGeneration = gateway.metadata.generation ?? 1;
  return {
    observedGeneration,
    conditions: [
      acceptedCondition(listeners, observedGeneration),
      resolvedCondition(listeners, keys, observedGeneration),
    ],
    listeners: listeners.map(({ name, notAfter }) => ({
      name,
      ...(notAfter !== undefined && { certificate: { notAfter } }),
      attachedRoutes: attachedRoutes(contenders, name),
    })),
    clients: gatewayClients(gateway, [...entries.values()]),
  };
}

function attachedRoutes(contenders: Contenders, listener: string): number {
  const attached = [...contenders.values()].filter(
    ({ resolved, claims }) => resolved.invalid === undefined && claims.get(listener)?.granted === true,
  );
  return attached.length;
}

function acceptedCondition(
  listeners: readonly TranslatedListener[],
  observedGeneration: number,
): ConditionUpdate {
  const problem = joinProblems(listeners.flatMap(({ conflict }) => conflict ?? []));
  return conditionOf('Accepted', problem, 'Every listener has its own host names', observedGeneration);
}

function resolvedCondition(
  listeners: readonly TranslatedListener[],
  keys: GatewayKeys | undefined,
  observedGeneration: number,
): ConditionUpdate {
  const noKeys: Problem<ReferenceReason> = {
    reason: 'CertificatePending',
    message: "the operator has not made the gateway's own keys yet: nothing to do",
  };
  const problem = joinProblems([...(keys ? [] : [noKeys]), ...listeners.flatMap(({ problems }) => problems)]);
  return conditionOf('ResolvedRefs', problem, 'Every listener has its certificates', observedGeneration);
}
