// For fields.test.ts: the fields that only Kubernetes objects show, each with a value and with changes of it.
import type { SentryGateway } from '../api/sentry-gateway.ts';

export type Writable<T> = {
  -readonly [K in keyof T]: T[K] extends object | undefined ? Writable<T[K]> : T[K];
};
export type GatewaySpec = Writable<SentryGateway['spec']>;
/** By field, what is changed: for an enum one change for each value that the base does not have. */
export type Changes<Spec> = Readonly<Record<string, Readonly<Record<string, (spec: Spec) => void>>>>;

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

const labelSelector = () => ({
  matchLabels: { app: 'mail' },
  matchExpressions: [{ key: 'tier', operator: 'In', values: ['gold'] }],
});
const nodeTerm = () => ({ matchExpressions: [{ key: 'disk', operator: 'In', values: ['1'] }] });
const podTerm = () => ({ labelSelector: labelSelector(), namespaces: ['edge'], topologyKey: 'zone' });
const podAffinity = () => ({
  [REQUIRED]: [podTerm()],
  [PREFERRED]: [{ weight: 1, podAffinityTerm: podTerm() }],
});

/** Beside the fields of the test itself. */
export const objectFields = {
  autoscaling: { min: 3, max: 9, targetCPUUtilizationPercent: 50 },
  proxyProtocol: 'Required',
  trustedProxies: ['192.0.2.0/24'],
  limits: { maxConnectionsPerAddress: 100, maxUnacceptedRequestsPerAddress: 200 },
  networkPolicy: { egressCIDRs: ['10.0.0.0/8'] },
  service: {
    annotations: { zone: 'a' },
    loadBalancerClass: 'example.com/internal',
    loadBalancerSourceRanges: ['198.51.100.0/24'],
    externalTrafficPolicy: 'Local',
    ipFamilyPolicy: 'RequireDualStack',
    ipFamilies: ['IPv4', 'IPv6'],
  },
  pod: {
    resources: {
      requests: { cpu: '1', memory: '1Gi', 'ephemeral-storage': '1Gi' },
      limits: { cpu: '2', memory: '2Gi', 'ephemeral-storage': '2Gi' },
    },
    nodeSelector: { pool: 'edge' },
    tolerations: [
      { key: 'edge', operator: 'Equal', value: 'yes', effect: 'NoExecute', tolerationSeconds: 60 },
    ],
    affinity: {
      nodeAffinity: {
        [REQUIRED]: { nodeSelectorTerms: [nodeTerm()] },
        [PREFERRED]: [{ weight: 1, preference: nodeTerm() }],
      },
      podAffinity: podAffinity(),
      podAntiAffinity: podAffinity(),
    },
    priorityClassName: 'mail',
    imagePullSecrets: [{ name: 'registry' }],
    hostAliases: [{ ip: '10.0.0.1', hostnames: ['mbx1.corp.example.com'] }],
    dnsConfig: {
      nameservers: ['10.0.0.53'],
      searches: ['corp.example.com'],
      options: [{ name: 'ndots', value: '2' }],
    },
    labels: { team: 'mail' },
    annotations: { note: 'mail' },
  },
};

type Setter = (spec: GatewaySpec, value: unknown) => void;

/** A change of the value at a path of `spec`; `[]` and `{}` mean the first of them. */
function setter(path: string): Setter {
  const steps = path.replaceAll('[]', '.0').split('.');
  return (spec, value) => {
    let node = spec as unknown as Record<string, unknown>;
    for (const step of steps.slice(0, -1)) node = node[step] as Record<string, unknown>;
    node[steps.at(-1) ?? ''] = value;
  };
}

const other = (path: string, value: unknown): Changes<GatewaySpec> => ({
  [path]: { other: (spec) => setter(path.replace(/\{\}$/, ''))(spec, value) },
});

const values = (path: string, ...names: readonly string[]): Changes<GatewaySpec> => ({
  [path]: Object.fromEntries(names.map((name) => [name, (spec: GatewaySpec) => setter(path)(spec, name)])),
});

type Quantities = Readonly<Record<'cpu' | 'memory' | 'ephemeral-storage', string>>;

const resourceChanges = (part: 'requests' | 'limits', quantities: Quantities): Changes<GatewaySpec> =>
  Object.assign(
    {},
    ...Object.entries(quantities).map(([resource, quantity]) =>
      other(`pod.resources.${part}.${resource}`, quantity),
    ),
  ) as Changes<GatewaySpec>;

/** An operator, and the values that it goes with. */
function operators(at: string, valuesOf: Readonly<Record<string, readonly string[]>>): Changes<GatewaySpec> {
  const [setOperator, setValues] = [setter(`${at}.operator`), setter(`${at}.values`)];
  return {
    [`${at}.operator`]: Object.fromEntries(
      Object.entries(valuesOf).map(([operator, given]) => [
        operator,
        (spec: GatewaySpec) => {
          setOperator(spec, operator);
          setValues(spec, given);
        },
      ]),
    ),
  };
}

const nodeTermChanges = (at: string): Changes<GatewaySpec> => ({
  ...other(`${at}.matchExpressions[].key`, 'other'),
  ...operators(`${at}.matchExpressions[]`, {
    NotIn: ['1'],
    Exists: [],
    DoesNotExist: [],
    Gt: ['1'],
    Lt: ['1'],
  }),
  ...other(`${at}.matchExpressions[].values[]`, '2'),
});

const podTermChanges = (at: string): Changes<GatewaySpec> => ({
  ...other(`${at}.labelSelector.matchLabels{}`, { app: 'other' }),
  ...other(`${at}.labelSelector.matchExpressions[].key`, 'other'),
  ...operators(`${at}.labelSelector.matchExpressions[]`, { NotIn: ['gold'], Exists: [], DoesNotExist: [] }),
  ...other(`${at}.labelSelector.matchExpressions[].values[]`, 'other'),
  ...other(`${at}.namespaces[]`, 'other'),
  ...other(`${at}.topologyKey`, 'other'),
});

const podAffinityChanges = (at: string): Changes<GatewaySpec> => ({
  ...podTermChanges(`${at}.${REQUIRED}[]`),
  ...other(`${at}.${PREFERRED}[].weight`, 2),
  ...podTermChanges(`${at}.${PREFERRED}[].podAffinityTerm`),
});

/** Settings of load balancers go where there is none. */
const serviceOfType =
  (type: 'ClusterIP' | 'NodePort') =>
  ({ service }: GatewaySpec): void => {
    service.type = type;
    delete service.loadBalancerClass;
    delete service.loadBalancerSourceRanges;
    delete service.externalTrafficPolicy;
  };

const toleration = (change: object) => (spec: GatewaySpec) => {
  spec.pod.tolerations = [{ key: 'edge', operator: 'Equal', value: 'yes', effect: 'NoExecute', ...change }];
};

export const objectFieldChanges: Changes<GatewaySpec> = {
  replicas: {
    other: (spec) => {
      delete spec.autoscaling;
      spec.replicas = 4;
    },
  },
  ...other('autoscaling.min', 4),
  ...other('autoscaling.max', 10),
  ...other('autoscaling.targetCPUUtilizationPercent', 60),
  proxyProtocol: {
    Disabled: (spec) => {
      spec.proxyProtocol = 'Disabled';
      delete spec.trustedProxies;
    },
  },
  ...other('trustedProxies[]', '192.0.2.128/25'),
  ...other('limits.maxConnectionsPerAddress', 101),
  ...other('limits.maxUnacceptedRequestsPerAddress', 201),
  ...other('networkPolicy.egressCIDRs[]', '172.16.0.0/12'),
  'service.type': { ClusterIP: serviceOfType('ClusterIP'), NodePort: serviceOfType('NodePort') },
  ...other('service.annotations{}', { zone: 'b' }),
  ...other('service.loadBalancerClass', 'example.com/other'),
  ...other('service.loadBalancerSourceRanges[]', '203.0.113.0/24'),
  ...values('service.externalTrafficPolicy', 'Cluster'),
  'service.ipFamilyPolicy': {
    SingleStack: ({ service }) => {
      service.ipFamilyPolicy = 'SingleStack';
      service.ipFamilies = ['IPv4'];
    },
    PreferDualStack: ({ service }) => (service.ipFamilyPolicy = 'PreferDualStack'),
  },
  'service.ipFamilies[]': { IPv6: ({ service }) => (service.ipFamilies = ['IPv6', 'IPv4']) },
  ...resourceChanges('requests', { cpu: '500m', memory: '512Mi', 'ephemeral-storage': '512Mi' }),
  ...resourceChanges('limits', { cpu: '3', memory: '3Gi', 'ephemeral-storage': '3Gi' }),
  ...other('pod.nodeSelector{}', { pool: 'other' }),
  ...other('pod.tolerations[].key', 'other'),
  'pod.tolerations[].operator': { Exists: toleration({ operator: 'Exists', value: undefined }) },
  ...other('pod.tolerations[].value', 'no'),
  'pod.tolerations[].effect': {
    NoSchedule: toleration({ effect: 'NoSchedule' }),
    PreferNoSchedule: toleration({ effect: 'PreferNoSchedule' }),
  },
  ...other('pod.tolerations[].tolerationSeconds', 61),
  ...nodeTermChanges(`pod.affinity.nodeAffinity.${REQUIRED}.nodeSelectorTerms[]`),
  ...other(`pod.affinity.nodeAffinity.${PREFERRED}[].weight`, 2),
  ...nodeTermChanges(`pod.affinity.nodeAffinity.${PREFERRED}[].preference`),
  ...podAffinityChanges('pod.affinity.podAffinity'),
  ...podAffinityChanges('pod.affinity.podAntiAffinity'),
  ...other('pod.priorityClassName', 'other'),
  ...other('pod.imagePullSecrets[].name', 'other'),
  ...other('pod.hostAliases[].ip', '10.0.0.2'),
  ...other('pod.hostAliases[].hostnames[]', 'other.example'),
  ...other('pod.dnsConfig.nameservers[]', '10.0.0.54'),
  ...other('pod.dnsConfig.searches[]', 'other.example'),
  ...other('pod.dnsConfig.options[].name', 'timeout'),
  ...other('pod.dnsConfig.options[].value', '3'),
  ...other('pod.labels{}', { team: 'other' }),
  ...other('pod.annotations{}', { note: 'other' }),
};
