// Kinds of the Kubernetes API as the client addresses them, and the path of a resource.

/** Where a kind lives: `group` is empty for the core API. */
export interface ResourceType {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
}

/** What every object of the API server carries. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMetadata;
}

export interface ObjectMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly ManagedFields[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

export interface ManagedFields {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
  readonly fieldsV1?: unknown;
}

const core = (kind: string, plural: string): ResourceType => ({ group: '', version: 'v1', kind, plural });
const ours = (kind: string, plural: string): ResourceType => ({
  group: 'sentrygateway.io',
  version: 'v1alpha1',
  kind,
  plural,
});

const certManager = (kind: string, plural: string): ResourceType => ({
  group: 'cert-manager.io',
  version: 'v1',
  kind,
  plural,
});

/** The kinds that the operator reads or writes. */
export const resourceTypes = {
  sentryGateway: ours('SentryGateway', 'sentrygateways'),
  exchangeRoute: ours('ExchangeRoute', 'exchangeroutes'),
  secret: core('Secret', 'secrets'),
  configMap: core('ConfigMap', 'configmaps'),
  namespace: core('Namespace', 'namespaces'),
  pod: core('Pod', 'pods'),
  service: core('Service', 'services'),
  serviceAccount: core('ServiceAccount', 'serviceaccounts'),
  deployment: { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments' },
  podDisruptionBudget: {
    group: 'policy',
    version: 'v1',
    kind: 'PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
  },
  networkPolicy: {
    group: 'networking.k8s.io',
    version: 'v1',
    kind: 'NetworkPolicy',
    plural: 'networkpolicies',
  },
  horizontalPodAutoscaler: {
    group: 'autoscaling',
    version: 'v2',
    kind: 'HorizontalPodAutoscaler',
    plural: 'horizontalpodautoscalers',
  },
  customResourceDefinition: {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
  },
  certificate: certManager('Certificate', 'certificates'),
  issuer: certManager('Issuer', 'issuers'),
  clusterIssuer: certManager('ClusterIssuer', 'clusterissuers'),
  lease: { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases' },
  event: { group: 'events.k8s.io', version: 'v1', kind: 'Event', plural: 'events' },
} as const satisfies Record<string, ResourceType>;

const typesByKind = new Map<string, ResourceType>(
  Object.values(resourceTypes).map((type) => [`${apiVersionOf(type)}/${type.kind}`, type]),
);

/** `v1`, `apps/v1`. */
export function apiVersionOf({ group, version }: ResourceType): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The type of an object that carries its kind. @throws Error when the operator does not know the kind */
export function typeOf({ apiVersion, kind }: KubeObject): ResourceType {
  const type = typesByKind.get(`${apiVersion}/${kind}`);
  if (type === undefined)
    throw new Error(`The operator does not write objects of ${apiVersion}, kind ${kind}.`);
  return type;
}

/** The URL path of a collection or of one object, with an optional subresource. */
export function resourcePath(
  type: ResourceType,
  { namespace, name, subresource }: { namespace?: string | undefined; name?: string; subresource?: string },
): string {
  const segments = type.group === '' ? ['api', type.version] : ['apis', type.group, type.version];
  if (namespace !== undefined) segments.push('namespaces', namespace);
  segments.push(type.plural);
  if (name !== undefined) segments.push(name);
  if (subresource !== undefined) segments.push(subresource);
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

/** `namespace/name`, or `name` where there is no namespace. */
export function keyOf({ metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
