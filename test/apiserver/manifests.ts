// A table of manifests: what each says, and the verdict that the API server and the file provider must share.

interface Manifest {
  apiVersion: string;
  kind: 'SentryGateway' | 'ExchangeRoute';
  metadata: { name: string; namespace: string };
  [field: string]: unknown;
}

/** A good manifest, and the values that must stand at these paths afterwards. */
export interface ValidCase {
  readonly name: string;
  readonly manifest: Manifest;
  readonly expected: Readonly<Record<string, unknown>>;
}

/** A bad manifest, the field that is to be named, and a part of what the file provider says to do. */
export interface InvalidCase {
  readonly name: string;
  readonly manifest: Manifest;
  readonly path: string;
  readonly says: string;
}

type Changes = Readonly<Record<string, unknown>>;

const baseGateway = {
  apiVersion: 'sentrygateway.io/v1alpha1',
  kind: 'SentryGateway',
  metadata: { name: 'mail', namespace: 'default' },
  spec: { listeners: [{ name: 'phones', hostnames: ['sentry.example.com'], tls: { selfSigned: {} } }] },
} as const;

const baseRoute = {
  apiVersion: 'sentrygateway.io/v1alpha1',
  kind: 'ExchangeRoute',
  metadata: { name: 'example-com', namespace: 'default' },
  spec: {
    gatewayRefs: [{ name: 'mail' }],
    servers: [{ name: 'mbx1', url: 'https://mbx1.example.com' }],
  },
} as const;

const oauth = {
  authorizationEndpoint: 'https://login.example.com/common/oauth2/authorize',
  tokenEndpoint: 'https://login.example.com/common/oauth2/token',
  gatewayResource: 'https://sentry.example.com',
  destinationResource: 'https://outlook.office365.com/',
};

const gateway = (changes: Changes): Manifest => changed(baseGateway, changes);
const route = (changes: Changes): Manifest => changed(baseRoute, changes);

/** The value at a path such as `spec.listeners[0].tls.minVersion`. */
export function valueAt(object: unknown, path: string): unknown {
  let node = object;
  for (const part of partsOf(path)) node = (node as Record<string, unknown> | undefined)?.[part];
  return node;
}

function changed(base: object, changes: Changes): Manifest {
  const copy = structuredClone(base) as unknown as Manifest;
  for (const [path, value] of Object.entries(changes)) {
    const parts = partsOf(path);
    const last = parts.pop() ?? '';
    let node = copy as Record<string, unknown>;
    for (const part of parts) node = (node[part] ??= {}) as Record<string, unknown>;
    if (value === undefined) delete node[last];
    else node[last] = value;
  }
  return copy;
}

function partsOf(path: string): string[] {
  return path.replaceAll(/\[(\d+)\]/g, '.$1').split('.');
}

export const validManifests: readonly ValidCase[] = [
  {
    name: 'a gateway of one self-signed listener gets every default',
    manifest: gateway({}),
    expected: {
      'spec.port': 443,
      'spec.listeners[0].tls.minVersion': 'TLSv1.2',
      'spec.replicas': undefined,
      'spec.allowedRoutes.namespaces.from': 'Same',
      'spec.service.type': 'LoadBalancer',
      'spec.drain.seconds': 60,
      'spec.drain.propagationSeconds': 5,
      'spec.logging.access': 'Errors',
      'spec.logging.identifiers': 'Hashed',
      'spec.logging.samplePercent': undefined,
      'spec.pod': {},
      'spec.autoscaling': undefined,
      'spec.proxyProtocol': 'Disabled',
      'spec.limits': undefined,
      'spec.networkPolicy': {},
      'spec.service.externalTrafficPolicy': undefined,
    },
  },
  {
    name: 'a route of one server gets every default',
    manifest: route({}),
    expected: {
      'spec.servers[0].priority': 0,
      'spec.servers[0].weight': 1,
      'spec.balancing': 'Priority',
      'spec.health.active': {
        type: 'Options',
        intervalSeconds: 10,
        timeoutSeconds: 5,
        unhealthyThreshold: 2,
        healthyThreshold: 2,
      },
      'spec.health.passive': { failingUsers: 3, ejectionSeconds: 30, maxEjectedPercent: 50 },
      'spec.health.slowStartSeconds': 0,
      'spec.limits.maxConnections': undefined,
      'spec.limits.queueSeconds': undefined,
      'spec.timeouts.uploadFirstByteSeconds': undefined,
      'spec.match': {},
      'spec.serverTLS': {},
      'spec.authentication.type': 'PassThrough',
      'spec.redirects.policy': 'Rewrite',
      'spec.redirects.allowedHosts': undefined,
      'spec.throttling.retryAfter': 'Honor',
      'spec.throttling.failedLogins.limit': 4,
      'spec.throttling.failedLogins.windowSeconds': 1800,
      'spec.throttling.failedLogins.addressLimit': 200,
      'spec.throttling.identicalCommands': undefined,
      'spec.throttling.deviceRequests': undefined,
      'spec.limits.maxRequestBytes': 30_000_000,
      'spec.timeouts.connectSeconds': 5,
      'spec.timeouts.firstByteSeconds': 120,
      'spec.timeouts.idleSeconds': 60,
      'spec.timeouts.pollSeconds': 3600,
      'spec.timeouts.keepAliveSeconds': 120,
    },
  },
  {
    name: 'a gateway takes RSA and ECDSA certificates side by side',
    manifest: gateway({ 'spec.listeners[0].tls': { certificateRefs: [{ name: 'rsa' }, { name: 'ecdsa' }] } }),
    expected: { 'spec.listeners[0].tls.certificateRefs[1].name': 'ecdsa' },
  },
  {
    name: 'a gateway takes the certificate of an issuer of cert-manager',
    manifest: gateway({ 'spec.listeners[0].tls': { issuerRef: { name: 'letsencrypt' } } }),
    expected: {
      'spec.listeners[0].tls.issuerRef.group': 'cert-manager.io',
      'spec.listeners[0].tls.issuerRef.kind': 'Issuer',
    },
  },
  {
    name: 'a gateway takes several listeners with several host names each',
    manifest: gateway({
      'spec.listeners[1]': {
        name: 'tablets',
        hostnames: ['a.example.com', 'b.example.com'],
        tls: { selfSigned: {}, minVersion: 'TLSv1.3' },
      },
    }),
    expected: { 'spec.listeners[1].tls.minVersion': 'TLSv1.3' },
  },
  {
    name: 'a gateway may be scaled to nothing',
    manifest: gateway({ 'spec.replicas': 0 }),
    expected: { 'spec.replicas': 0 },
  },
  {
    name: 'a gateway admits routes of namespaces by label',
    manifest: gateway({
      'spec.allowedRoutes.namespaces': { from: 'Selector', selector: { matchLabels: { mail: 'yes' } } },
    }),
    expected: { 'spec.allowedRoutes.namespaces.selector.matchLabels.mail': 'yes' },
  },
  {
    name: 'a gateway admits routes of namespaces by expression',
    manifest: gateway({
      'spec.allowedRoutes.namespaces': {
        from: 'Selector',
        selector: { matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }] },
      },
    }),
    expected: { 'spec.allowedRoutes.namespaces.selector.matchExpressions[0].values': ['a', 'b'] },
  },
  {
    name: 'a gateway samples its access log',
    manifest: gateway({ 'spec.logging': { access: 'Sampled', samplePercent: 10, identifiers: 'Plain' } }),
    expected: { 'spec.logging.samplePercent': 10 },
  },
  {
    name: 'a gateway may log everything with hashed identifiers',
    manifest: gateway({ 'spec.logging.access': 'All' }),
    expected: { 'spec.logging.identifiers': 'Hashed' },
  },
  {
    name: 'a gateway sets resources, host aliases and labels of its pods',
    manifest: gateway({
      'spec.pod': {
        resources: { requests: { cpu: '250m', memory: '256Mi' }, limits: { memory: '1Gi' } },
        hostAliases: [{ ip: '10.0.0.7', hostnames: ['mbx1.example.com'] }],
        labels: { team: 'mail' },
      },
    }),
    expected: { 'spec.pod.hostAliases[0].ip': '10.0.0.7' },
  },
  {
    name: 'a host alias may be an IPv6 address',
    manifest: gateway({ 'spec.pod.hostAliases': [{ ip: 'fd00::7', hostnames: ['mbx1'] }] }),
    expected: { 'spec.pod.hostAliases[0].ip': 'fd00::7' },
  },
  {
    name: 'a gateway has a Service of another type with annotations',
    manifest: gateway({
      'spec.service': { type: 'NodePort', annotations: { 'example.com/lb': 'internal' } },
    }),
    expected: { 'spec.service.type': 'NodePort' },
  },
  {
    name: 'a gateway drains at once where no load balancer is',
    manifest: gateway({ 'spec.drain': { seconds: 1, propagationSeconds: 0 } }),
    expected: { 'spec.drain.propagationSeconds': 0 },
  },
  {
    name: 'a name of forty characters is the longest',
    manifest: gateway({ 'metadata.name': `a${'b'.repeat(39)}` }),
    expected: {},
  },
  {
    name: 'a route names servers by priority, with ports and an IP address',
    manifest: route({
      'spec.servers[1]': { name: 'mbx2', url: 'https://10.1.2.3:8443', priority: 1 },
      'spec.servers[2]': { name: 'mbx3', url: 'https://[fd00::3]:443/', priority: 2 },
    }),
    expected: { 'spec.servers[2].priority': 2 },
  },
  {
    name: 'a route of Exchange Online alone is one organisation',
    manifest: route({ 'spec.servers[0].url': 'https://outlook.office365.com' }),
    expected: {},
  },
  {
    name: 'a route matches users, device types and domains, NetBIOS names too',
    manifest: route({
      'spec.match': {
        users: ['ann@example.com', 'EXAMPLE\\bob', 'carol'],
        deviceTypes: ['iPhone'],
        domains: ['example.com', 'EXAMPLE'],
      },
    }),
    expected: { 'spec.match.users[1]': 'EXAMPLE\\bob' },
  },
  {
    name: 'a route signs phones in with OAuth',
    manifest: route({ 'spec.authentication': { type: 'OAuth', oauth } }),
    expected: {
      'spec.authentication.oauth.allowPasswordGrant': false,
      'spec.authentication.oauth.otherResources': 'Refuse',
    },
  },
  {
    name: 'an identity provider of another make is described by fields',
    manifest: route({
      'spec.authentication': {
        type: 'OAuth',
        oauth: {
          ...oauth,
          authorizationEndpoint: 'https://idp.example.com/auth',
          tokenEndpoint: 'https://idp.example.com/token',
          protocol: 'V2',
          deviceAuthorizationEndpoint: 'https://idp.example.com/device/auth',
          openIDConfigurationEndpoint: 'https://idp.example.com/.well-known/openid-configuration',
          answeredResource: 'Gateway',
          challenges: 'Pass',
        },
      },
    }),
    expected: { 'spec.authentication.oauth.protocol': 'V2' },
  },
  {
    name: 'two OAuth endpoints of different paths may be said to be of one version',
    manifest: route({
      'spec.authentication': {
        type: 'OAuth',
        oauth: {
          ...oauth,
          tokenEndpoint: 'https://login.example.com/common/oauth2/v2.0/token',
          protocol: 'V2',
        },
      },
    }),
    expected: {},
  },
  {
    name: 'an OAuth endpoint may have a query',
    manifest: route({
      'spec.authentication': {
        type: 'OAuth',
        oauth: { ...oauth, authorizationEndpoint: 'https://login.example.com/authorize?tenant=a' },
      },
    }),
    expected: {},
  },
  {
    name: 'a route may refuse tokens by tenant, client and scope',
    manifest: route({
      'spec.authentication.tokenPolicy': {
        allowedTenants: ['72f988bf-86f1-41af-91ab-2d7cd011db47'],
        allowedClientIds: ['f8d98a96-0999-43f5-8af3-69971c7bb423', 'urn:example:phone'],
        requiredScopes: ['EAS.AccessAsUser.All'],
      },
    }),
    expected: { 'spec.authentication.tokenPolicy.unreadableTokens': 'Pass' },
  },
  {
    name: 'a token policy may be about expiry alone',
    manifest: route({ 'spec.authentication.tokenPolicy': {} }),
    expected: { 'spec.authentication.tokenPolicy.unreadableTokens': 'Pass' },
  },
  {
    name: 'a route answers Autodiscover for its domains unless told otherwise',
    manifest: route({ 'spec.match.domains': ['example.com'] }),
    expected: { 'spec.autodiscover.policy': 'NamedDomains' },
  },
  {
    name: 'the domains of a route may have moved',
    manifest: route({
      'spec.match.domains': ['old.example'],
      'spec.autodiscover.redirectDomain': 'new.example',
    }),
    expected: { 'spec.autodiscover.policy': 'NamedDomains' },
  },
  {
    name: 'a CA reference is a ConfigMap with the key ca.crt unless told otherwise',
    manifest: route({ 'spec.serverTLS.caRef': { name: 'exchange-ca' } }),
    expected: { 'spec.serverTLS.caRef.kind': 'ConfigMap', 'spec.serverTLS.caRef.key': 'ca.crt' },
  },
  {
    name: 'a CA may lie in a Secret under another key',
    manifest: route({ 'spec.serverTLS.caRef': { kind: 'Secret', name: 'exchange-ca', key: 'root.pem' } }),
    expected: { 'spec.serverTLS.caRef.kind': 'Secret' },
  },
  {
    name: 'a route balances by users, with weights and limits',
    manifest: route({
      'spec.servers[0].weight': 3,
      'spec.balancing': 'UserHash',
      'spec.health': { active: { type: 'EmptyBearer', intervalSeconds: 30 }, slowStartSeconds: 120 },
      'spec.limits': { maxConnectionsPerServer: 5000, maxQueuedRequests: 100, queueSeconds: 5 },
    }),
    expected: {
      'spec.health.active.timeoutSeconds': 5,
      'spec.health.passive.failingUsers': 3,
      'spec.limits.maxRequestBytes': 30_000_000,
    },
  },
  {
    name: "a route expects another name in the servers' certificates",
    manifest: route({ 'spec.serverTLS.serverName': 'mail.corp.example.com' }),
    expected: { 'spec.serverTLS.serverName': 'mail.corp.example.com' },
  },
  {
    name: 'a route attaches to one listener of a gateway of another namespace',
    manifest: route({ 'spec.gatewayRefs[0]': { name: 'mail', namespace: 'edge', listenerName: 'phones' } }),
    expected: { 'spec.gatewayRefs[0].listenerName': 'phones' },
  },
  {
    name: 'a route attaches to sixteen gateways',
    manifest: route({ 'spec.gatewayRefs': Array.from({ length: 16 }, (_, i) => ({ name: `g${i}` })) }),
    expected: {},
  },
  {
    name: 'a route changes its limits and time-outs',
    manifest: route({
      'spec.limits.maxRequestBytes': 65_536,
      'spec.timeouts': { connectSeconds: 1, pollSeconds: 7200 },
    }),
    expected: { 'spec.timeouts.connectSeconds': 1, 'spec.timeouts.idleSeconds': 60 },
  },
  {
    name: 'a field without a value is an absent field',
    manifest: gateway({
      'spec.drain': null,
      'spec.port': null,
      'spec.replicas': null,
      'spec.service.annotations': { note: null },
      'metadata.labels': null,
    }),
    expected: { 'spec.drain.seconds': 60, 'spec.port': 443, 'spec.replicas': undefined },
  },
  {
    name: 'a match without a value is the default route',
    manifest: route({ 'spec.match': null }),
    expected: { 'spec.match': {} },
  },
  {
    name: 'what kubectl get wrote is a good manifest again',
    manifest: gateway({
      'metadata.creationTimestamp': '2026-01-01T00:00:00+01:00',
      'metadata.generation': 3,
      'metadata.ownerReferences': [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: 'b1e5' }],
      'metadata.annotations': { 'Example.com/Note': 'any text: ü' },
      status: { replicas: 2 },
    }),
    expected: {},
  },
  {
    name: 'a user may have letters of any script, a space within, and 320 characters',
    manifest: route({
      'spec.match.users': ['jürgen müller', 'EXAMPLE\\иван', '\u{1f600}'.repeat(320)],
    }),
    expected: {},
  },
  {
    name: 'a label key may have a prefix of any domain but our own',
    manifest: gateway({ 'spec.pod.labels': { 'example.com/team': 'mail', empty: '' } }),
    expected: {},
  },
  {
    name: 'a request may be as large as its limit, in other words',
    manifest: gateway({ 'spec.pod.resources': { requests: { cpu: '500m' }, limits: { cpu: '0.5' } } }),
    expected: {},
  },
  {
    name: 'a route names every sort of Exchange Online together',
    manifest: route({
      'spec.servers': [
        { name: 'a', url: 'https://Outlook.Office365.com' },
        { name: 'b', url: 'https://eas.outlook.com:443/' },
      ],
    }),
    expected: {},
  },
  {
    name: 'a route attaches to two listeners of a gateway, and to one of the same name elsewhere',
    manifest: route({
      'spec.gatewayRefs': [
        { name: 'mail', listenerName: 'a' },
        { name: 'mail', listenerName: 'b' },
        { name: 'mail', namespace: 'edge', listenerName: 'a' },
      ],
    }),
    expected: {},
  },
  {
    name: 'a gateway scales with its CPU time',
    manifest: gateway({ 'spec.autoscaling': { max: 10 } }),
    expected: { 'spec.autoscaling.min': 2, 'spec.autoscaling.targetCPUUtilizationPercent': 70 },
  },
  {
    name: 'a gateway may be scaled between one number and the same',
    manifest: gateway({
      'spec.autoscaling': { min: 3, max: 3, targetCPUUtilizationPercent: 300 },
      'spec.pod.resources': { limits: { cpu: '1' } },
    }),
    expected: { 'spec.replicas': undefined },
  },
  {
    name: 'a gateway has a load balancer of a class, for some addresses',
    manifest: gateway({
      'spec.service': {
        loadBalancerClass: 'example.com/internal',
        loadBalancerSourceRanges: ['10.0.0.0/8', '2001:db8::/32'],
        externalTrafficPolicy: 'Local',
      },
    }),
    expected: { 'spec.service.type': 'LoadBalancer', 'spec.service.externalTrafficPolicy': 'Local' },
  },
  {
    name: 'a gateway has node ports that keep the address of phones',
    manifest: gateway({ 'spec.service': { type: 'NodePort', externalTrafficPolicy: 'Local' } }),
    expected: { 'spec.service.ipFamilyPolicy': undefined },
  },
  {
    name: 'a gateway has addresses of both families, IPv6 first',
    manifest: gateway({
      'spec.service': { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] },
    }),
    expected: { 'spec.service.ipFamilies': ['IPv6', 'IPv4'] },
  },
  {
    name: 'a gateway has an address of one family',
    manifest: gateway({ 'spec.service': { ipFamilies: ['IPv6'] } }),
    expected: { 'spec.service.externalTrafficPolicy': undefined },
  },
  {
    name: 'a gateway speaks the PROXY protocol with whoever connects',
    manifest: gateway({ 'spec.proxyProtocol': 'Required' }),
    expected: { 'spec.trustedProxies': undefined },
  },
  {
    name: 'a gateway speaks the PROXY protocol with its load balancers',
    manifest: gateway({
      'spec.proxyProtocol': 'Required',
      'spec.trustedProxies': ['10.1.2.3/32', '2001:DB8::/32', '::1/128'],
    }),
    expected: { 'spec.trustedProxies[0]': '10.1.2.3/32' },
  },
  {
    name: 'a gateway limits what one client address may have',
    manifest: gateway({
      'spec.limits': { maxConnectionsPerAddress: 2000, maxUnacceptedRequestsPerAddress: 500 },
    }),
    expected: { 'spec.limits.maxConnectionsPerAddress': 2000 },
  },
  {
    name: 'a gateway calls some addresses only',
    manifest: gateway({ 'spec.networkPolicy': { egressCIDRs: ['0.0.0.0/0', '10.0.0.0/8', 'fc00::/7'] } }),
    expected: { 'spec.networkPolicy.egressCIDRs[2]': 'fc00::/7' },
  },
  {
    name: 'a gateway says where its pods run, and how they resolve names',
    manifest: gateway({
      'spec.pod': {
        nodeSelector: { 'example.com/pool': 'edge' },
        tolerations: [
          { key: 'edge', value: 'yes', effect: 'NoSchedule' },
          { key: 'edge', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 },
          { operator: 'Exists' },
        ],
        priorityClassName: 'system-cluster-critical',
        imagePullSecrets: [{ name: 'registry' }],
        dnsConfig: {
          nameservers: ['10.0.0.53'],
          searches: ['corp.example.com.'],
          options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
        },
        annotations: { 'Example.com/Note': 'any text: ü' },
      },
    }),
    expected: { 'spec.pod.tolerations[0].operator': 'Equal', 'spec.pod.tolerations[0].key': 'edge' },
  },
  {
    name: 'a gateway has affinities as Kubernetes writes them',
    manifest: gateway({
      'spec.pod.affinity': {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              {
                matchExpressions: [
                  { key: 'topology.kubernetes.io/zone', operator: 'In', values: ['a', 'b'] },
                  { key: 'cores', operator: 'Gt', values: ['4'] },
                  { key: 'edge', operator: 'Exists' },
                ],
              },
            ],
          },
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 10, preference: { matchExpressions: [{ key: 'spot', operator: 'DoesNotExist' }] } },
          ],
        },
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            {
              labelSelector: { matchLabels: { 'app.kubernetes.io/instance': 'mail' } },
              topologyKey: 'kubernetes.io/hostname',
            },
          ],
        },
        podAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 100,
              podAffinityTerm: {
                labelSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['proxy'] }] },
                namespaces: ['edge'],
                topologyKey: 'kubernetes.io/hostname',
              },
            },
          ],
        },
      },
    }),
    expected: {},
  },
];

export const invalidManifests: readonly InvalidCase[] = [
  ...(
    [
      [
        'a host name that is an IP address',
        { 'spec.listeners[0].hostnames': ['10.0.0.1'] },
        'spec.listeners[0].hostnames[0]',
        'IP address',
      ],
      [
        'a host name with a label of 64 characters',
        { 'spec.listeners[0].hostnames': [`${'a'.repeat(64)}.example.com`] },
        'spec.listeners[0].hostnames[0]',
        'host name',
      ],
      [
        'a wildcard',
        { 'spec.listeners[0].hostnames': ['*.example.com'] },
        'spec.listeners[0].hostnames[0]',
        'wildcard',
      ],
      [
        'the same certificate twice',
        { 'spec.listeners[0].tls': { certificateRefs: [{ name: 'a' }, { name: 'a' }] } },
        'spec.listeners[0].tls.certificateRefs',
        'once',
      ],
      [
        'the option of a self-signed certificate that does not exist',
        { 'spec.listeners[0].tls.selfSigned': { days: 3 } },
        'spec.listeners[0].tls.selfSigned.days',
        'unknown field',
      ],
      [
        'an operator In without values',
        {
          'spec.allowedRoutes.namespaces': {
            from: 'Selector',
            selector: { matchExpressions: [{ key: 'a', operator: 'In' }] },
          },
        },
        'spec.allowedRoutes.namespaces.selector.matchExpressions[0].values',
        'only then',
      ],
      [
        'an operator Exists with values',
        {
          'spec.allowedRoutes.namespaces': {
            from: 'Selector',
            selector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] },
          },
        },
        'spec.allowedRoutes.namespaces.selector.matchExpressions[0].values',
        'only then',
      ],
      [
        'a selector whose key is no label key',
        {
          'spec.allowedRoutes.namespaces': { from: 'Selector', selector: { matchLabels: { 'b ad': 'x' } } },
        },
        'spec.allowedRoutes.namespaces.selector.matchLabels',
        'label keys',
      ],
      [
        'a pod label whose key is none',
        { 'spec.pod.labels': { 'b ad': 'x' } },
        'spec.pod.labels',
        'label keys',
      ],
      [
        'a pod label whose value is none',
        { 'spec.pod.labels': { team: 'two words' } },
        'spec.pod.labels.team',
        'label value',
      ],
      [
        "a pod label of the operator's own",
        { 'spec.pod.labels': { 'app.kubernetes.io/instance': 'other' } },
        'spec.pod.labels',
        'choose other keys',
      ],
      [
        'a pod label of our group',
        { 'spec.pod.labels': { 'sentrygateway.io/snapshot': 'other' } },
        'spec.pod.labels',
        'choose other keys',
      ],
      [
        'too many pod labels',
        { 'spec.pod.labels': Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, 'v'])) },
        'spec.pod.labels',
        'at most 32',
      ],
      [
        'an annotation of the Service whose key is none',
        { 'spec.service.annotations': { 'b ad': 'x' } },
        'spec.service.annotations',
        'annotation keys',
      ],
      [
        'a request above its limit',
        { 'spec.pod.resources': { requests: { memory: '2Gi' }, limits: { memory: '2047Mi' } } },
        'spec.pod.resources.requests',
        'lower the request for memory',
      ],
      [
        'a request for disk above its limit',
        {
          'spec.pod.resources': {
            requests: { 'ephemeral-storage': '2G' },
            limits: { 'ephemeral-storage': '1Gi' },
          },
        },
        'spec.pod.resources.requests',
        'lower the request for ephemeral-storage',
      ],
      [
        'a host alias of an address that cannot be',
        { 'spec.pod.hostAliases': [{ ip: '999.1.1.1', hostnames: ['a'] }] },
        'spec.pod.hostAliases[0].ip',
        'IPv4 or IPv6',
      ],
      [
        'one address in two host aliases',
        {
          'spec.pod.hostAliases': [
            { ip: '10.0.0.7', hostnames: ['a'] },
            { ip: '10.0.0.7', hostnames: ['b'] },
          ],
        },
        'spec.pod.hostAliases[1]',
        'once',
      ],
      [
        'replicas beside autoscaling',
        { 'spec.replicas': 3, 'spec.autoscaling': { max: 5 } },
        'spec.replicas',
        'one of the two',
      ],
      ['autoscaling without a maximum', { 'spec.autoscaling': {} }, 'spec.autoscaling.max', 'required'],
      [
        'a maximum below the minimum, which is 2 by default',
        { 'spec.autoscaling': { max: 1 } },
        'spec.autoscaling.max',
        'at least min',
      ],
      [
        'autoscaling down to nothing',
        { 'spec.autoscaling': { min: 0, max: 5 } },
        'spec.autoscaling.min',
        '1',
      ],
      [
        'autoscaling by CPU time of which nothing is requested',
        {
          'spec.autoscaling': { max: 5 },
          'spec.pod.resources': { requests: { memory: '1Gi' }, limits: { memory: '1Gi' } },
        },
        'spec.pod.resources',
        'set requests.cpu',
      ],
      [
        'autoscaling by open polls, which this version does not know',
        { 'spec.autoscaling': { max: 5, targetOpenPolls: 1000 } },
        'spec.autoscaling.targetOpenPolls',
        'unknown field',
      ],
      [
        'a class of load balancers without one',
        { 'spec.service': { type: 'NodePort', loadBalancerClass: 'example.com/a' } },
        'spec.service.loadBalancerClass',
        'only with type: LoadBalancer',
      ],
      [
        'a class of load balancers that is none',
        { 'spec.service.loadBalancerClass': 'two words' },
        'spec.service.loadBalancerClass',
        'example.com/internal',
      ],
      [
        'source ranges of a Service inside the cluster',
        { 'spec.service': { type: 'ClusterIP', loadBalancerSourceRanges: ['10.0.0.0/8'] } },
        'spec.service.loadBalancerSourceRanges',
        'only with type: LoadBalancer',
      ],
      [
        'a source range that is an address',
        { 'spec.service.loadBalancerSourceRanges': ['10.0.0.1'] },
        'spec.service.loadBalancerSourceRanges[0]',
        '10.1.2.3/32',
      ],
      [
        'a source range that does not begin with its first address',
        { 'spec.service.loadBalancerSourceRanges': ['10.0.0.1/8'] },
        'spec.service.loadBalancerSourceRanges[0]',
        'first address',
      ],
      [
        'no source range at all',
        { 'spec.service.loadBalancerSourceRanges': [] },
        'spec.service.loadBalancerSourceRanges',
        '1',
      ],
      [
        'the same source range twice',
        { 'spec.service.loadBalancerSourceRanges': ['10.0.0.0/8', '10.0.0.0/8'] },
        'spec.service.loadBalancerSourceRanges[1]',
        'once',
      ],
      [
        'a policy for external traffic where there is none',
        { 'spec.service': { type: 'ClusterIP', externalTrafficPolicy: 'Local' } },
        'spec.service.externalTrafficPolicy',
        'NodePort or LoadBalancer',
      ],
      [
        'two address families without a policy',
        { 'spec.service.ipFamilies': ['IPv4', 'IPv6'] },
        'spec.service.ipFamilies',
        'PreferDualStack',
      ],
      [
        'two address families of a single stack',
        { 'spec.service': { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'SingleStack' } },
        'spec.service.ipFamilies',
        'name one family',
      ],
      [
        'one address family twice',
        { 'spec.service': { ipFamilies: ['IPv4', 'IPv4'], ipFamilyPolicy: 'PreferDualStack' } },
        'spec.service.ipFamilies[1]',
        'once',
      ],
      [
        'an address family that does not exist',
        { 'spec.service.ipFamilies': ['IPv5'] },
        'spec.service.ipFamilies[0]',
        'IPv4, IPv6',
      ],
      [
        "an annotation of the Service of the operator's own",
        { 'spec.service.annotations': { 'sentrygateway.io/applied-hash': 'x' } },
        'spec.service.annotations',
        'choose other keys',
      ],
      [
        'a client address without connections',
        { 'spec.limits': { maxConnectionsPerAddress: 0 } },
        'spec.limits.maxConnectionsPerAddress',
        '1',
      ],
      [
        'trusted proxies without the PROXY protocol',
        { 'spec.trustedProxies': ['10.0.0.0/8'] },
        'spec.trustedProxies',
        'only with proxyProtocol: Required',
      ],
      [
        'a trusted proxy by name',
        { 'spec.proxyProtocol': 'Required', 'spec.trustedProxies': ['lb.example.com'] },
        'spec.trustedProxies[0]',
        'address range',
      ],
      [
        'a trusted proxy of IPv4 in the form of IPv6',
        { 'spec.proxyProtocol': 'Required', 'spec.trustedProxies': ['::ffff:a00:1/128'] },
        'spec.trustedProxies[0]',
        'IPv4 addresses as such',
      ],
      [
        'a version of the PROXY protocol',
        { 'spec.proxyProtocol': 'V2' },
        'spec.proxyProtocol',
        'Disabled, Required',
      ],
      [
        'egress to the metadata service',
        { 'spec.networkPolicy.egressCIDRs': ['169.254.169.254/32'] },
        'spec.networkPolicy.egressCIDRs[0]',
        'metadata services',
      ],
      [
        'egress to link-local addresses of IPv6',
        { 'spec.networkPolicy.egressCIDRs': ['10.0.0.0/8', 'fe80::/64'] },
        'spec.networkPolicy.egressCIDRs[1]',
        'link-local',
      ],
      [
        'egress to a range with bits behind its prefix',
        { 'spec.networkPolicy.egressCIDRs': ['2001:db8::1/64'] },
        'spec.networkPolicy.egressCIDRs[0]',
        'first address',
      ],
      ['egress to nowhere', { 'spec.networkPolicy.egressCIDRs': [] }, 'spec.networkPolicy.egressCIDRs', '1'],
      [
        'a node selector whose key is none',
        { 'spec.pod.nodeSelector': { 'b ad': 'x' } },
        'spec.pod.nodeSelector',
        'label keys',
      ],
      [
        'a toleration of any key by its value',
        { 'spec.pod.tolerations': [{ value: 'yes' }] },
        'spec.pod.tolerations[0].key',
        'operator: Exists',
      ],
      [
        'a toleration of any value that names one',
        { 'spec.pod.tolerations': [{ key: 'a', operator: 'Exists', value: 'b' }] },
        'spec.pod.tolerations[0].value',
        'only with operator: Equal',
      ],
      [
        'a toleration for some time of a taint that evicts nobody',
        { 'spec.pod.tolerations': [{ key: 'a', effect: 'NoSchedule', tolerationSeconds: 5 }] },
        'spec.pod.tolerations[0].tolerationSeconds',
        'effect: NoExecute',
      ],
      [
        'an effect that does not exist',
        { 'spec.pod.tolerations': [{ key: 'a', effect: 'Never' }] },
        'spec.pod.tolerations[0].effect',
        'NoExecute',
      ],
      [
        'a node affinity for more than two numbers',
        {
          'spec.pod.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution': {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1', '2'] }] }],
          },
        },
        'spec.pod.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values',
        'one whole number',
      ],
      [
        'a node affinity for none of no values',
        {
          'spec.pod.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution': [
            { weight: 1, preference: { matchExpressions: [{ key: 'a', operator: 'NotIn' }] } },
          ],
        },
        'spec.pod.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values',
        'In and NotIn',
      ],
      [
        'a preference without a weight',
        {
          'spec.pod.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution': [
            { podAffinityTerm: { labelSelector: {}, topologyKey: 'a' } },
          ],
        },
        'spec.pod.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight',
        'required',
      ],
      [
        'an anti-affinity without a topology key',
        {
          'spec.pod.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution': [
            { labelSelector: {} },
          ],
        },
        'spec.pod.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey',
        'required',
      ],
      [
        'an anti-affinity to a label key that is none',
        {
          'spec.pod.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution': [
            { labelSelector: { matchLabels: { 'b ad': 'x' } }, topologyKey: 'a' },
          ],
        },
        'spec.pod.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchLabels',
        'label keys',
      ],
      [
        'an affinity that this version does not know',
        { 'spec.pod.affinity.zoneAffinity': {} },
        'spec.pod.affinity.zoneAffinity',
        'unknown field',
      ],
      [
        'a priority class whose name is none',
        { 'spec.pod.priorityClassName': 'High Priority' },
        'spec.pod.priorityClassName',
        'name of Kubernetes',
      ],
      [
        'one pull secret twice',
        { 'spec.pod.imagePullSecrets': [{ name: 'a' }, { name: 'a' }] },
        'spec.pod.imagePullSecrets[1]',
        'once',
      ],
      [
        'four name servers',
        {
          'spec.pod.dnsConfig': { nameservers: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'] },
        },
        'spec.pod.dnsConfig.nameservers',
        '3',
      ],
      [
        'a name server by name',
        { 'spec.pod.dnsConfig': { nameservers: ['ns.example.com'] } },
        'spec.pod.dnsConfig.nameservers[0]',
        'IPv4 or IPv6',
      ],
      [
        'a search domain that is none',
        { 'spec.pod.dnsConfig': { searches: ['*.example.com'] } },
        'spec.pod.dnsConfig.searches[0]',
        'corp.example.com',
      ],
      [
        'an option of the resolver in one word',
        { 'spec.pod.dnsConfig': { options: [{ name: 'ndots:2' }] } },
        'spec.pod.dnsConfig.options[0].name',
        'resolv.conf',
      ],
      [
        'a pod annotation whose key is none',
        { 'spec.pod.annotations': { 'b ad': 'x' } },
        'spec.pod.annotations',
        'annotation keys',
      ],
      [
        "a pod annotation of the operator's own",
        { 'spec.pod.annotations': { 'sentrygateway.io/step-out': '{}' } },
        'spec.pod.annotations',
        'choose other keys',
      ],
      [
        'a gateway whose own label is none',
        { 'metadata.labels': { team: 'two words' } },
        'metadata.labels',
        'label value',
      ],
      [
        'a field of metadata that does not exist',
        { 'metadata.label': { team: 'mail' } },
        'metadata.label',
        'unknown field',
      ],
      ['a gateway without a spec', { spec: undefined }, 'spec', 'required'],
      ['a gateway without listeners', { 'spec.listeners': undefined }, 'spec.listeners', 'required'],
      ['a gateway with an empty list of listeners', { 'spec.listeners': [] }, 'spec.listeners', '1'],
      [
        'a listener without a name',
        { 'spec.listeners[0].name': undefined },
        'spec.listeners[0].name',
        'required',
      ],
      [
        'a listener whose name has capitals',
        { 'spec.listeners[0].name': 'Phones' },
        'spec.listeners[0].name',
        'lower-case',
      ],
      [
        'a listener without host names',
        { 'spec.listeners[0].hostnames': [] },
        'spec.listeners[0].hostnames',
        '1',
      ],
      [
        'a host name with capitals',
        { 'spec.listeners[0].hostnames': ['Sentry.example.com'] },
        'spec.listeners[0].hostnames[0]',
        'lower case',
      ],
      [
        'a host name that is a URL',
        { 'spec.listeners[0].hostnames': ['https://sentry.example.com'] },
        'spec.listeners[0].hostnames[0]',
        'host name',
      ],
      [
        'a host name that ends with a dot',
        { 'spec.listeners[0].hostnames': ['sentry.example.com.'] },
        'spec.listeners[0].hostnames[0]',
        'final dot',
      ],
      [
        'a host name twice in one listener',
        { 'spec.listeners[0].hostnames': ['a.example.com', 'a.example.com'] },
        'spec.listeners[0].hostnames[1]',
        'once',
      ],
      [
        'two listeners of one name',
        { 'spec.listeners[1]': { name: 'phones', hostnames: ['b.example.com'], tls: { selfSigned: {} } } },
        'spec.listeners[1]',
        'once',
      ],
      ['a listener without TLS', { 'spec.listeners[0].tls': undefined }, 'spec.listeners[0].tls', 'required'],
      [
        'TLS without a source of certificates',
        { 'spec.listeners[0].tls': {} },
        'spec.listeners[0].tls',
        'exactly one',
      ],
      [
        'TLS with two sources of certificates',
        { 'spec.listeners[0].tls': { selfSigned: {}, certificateRefs: [{ name: 'a' }] } },
        'spec.listeners[0].tls',
        'exactly one',
      ],
      [
        'TLS with an issuer beside certificates',
        { 'spec.listeners[0].tls': { issuerRef: { name: 'a' }, certificateRefs: [{ name: 'a' }] } },
        'spec.listeners[0].tls',
        'exactly one',
      ],
      [
        'TLS with three sources of certificates',
        {
          'spec.listeners[0].tls': {
            issuerRef: { name: 'a' },
            certificateRefs: [{ name: 'a' }],
            selfSigned: {},
          },
        },
        'spec.listeners[0].tls',
        'exactly one',
      ],
      [
        'an issuer without a name',
        { 'spec.listeners[0].tls': { issuerRef: { kind: 'ClusterIssuer' } } },
        'spec.listeners[0].tls.issuerRef.name',
        'required',
      ],
      [
        'an issuer of a kind in lower case',
        { 'spec.listeners[0].tls': { issuerRef: { name: 'a', kind: 'clusterissuer' } } },
        'spec.listeners[0].tls.issuerRef.kind',
        'ClusterIssuer',
      ],
      [
        'an empty list of certificates',
        { 'spec.listeners[0].tls': { certificateRefs: [] } },
        'spec.listeners[0].tls.certificateRefs',
        '1',
      ],
      [
        'a certificate reference with a namespace',
        { 'spec.listeners[0].tls': { certificateRefs: [{ name: 'a', namespace: 'other' }] } },
        'spec.listeners[0].tls.certificateRefs[0].namespace',
        'remove',
      ],
      [
        'TLS 1.1',
        { 'spec.listeners[0].tls.minVersion': 'TLSv1.1' },
        'spec.listeners[0].tls.minVersion',
        'TLSv1.2',
      ],
      [
        'device authentication, which this version does not know',
        { 'spec.listeners[0].deviceAuthentication': { mode: 'PassThrough' } },
        'spec.listeners[0].deviceAuthentication',
        'unknown field',
      ],
      ['port 0', { 'spec.port': 0 }, 'spec.port', '1'],
      ['port 70000', { 'spec.port': 70_000 }, 'spec.port', '65535'],
      ['a port in words', { 'spec.port': 'https' }, 'spec.port', 'number'],
      ['a negative number of replicas', { 'spec.replicas': -1 }, 'spec.replicas', '0'],
      ['half a replica', { 'spec.replicas': 1.5 }, 'spec.replicas', 'whole number'],
      [
        'a selector of namespaces without from: Selector',
        { 'spec.allowedRoutes.namespaces': { from: 'All', selector: { matchLabels: { a: 'b' } } } },
        'spec.allowedRoutes.namespaces.selector',
        'only then',
      ],
      [
        'from: Selector without a selector',
        { 'spec.allowedRoutes.namespaces': { from: 'Selector' } },
        'spec.allowedRoutes.namespaces.selector',
        'only then',
      ],
      [
        'a sample percentage of a log of errors',
        { 'spec.logging': { access: 'Errors', samplePercent: 5 } },
        'spec.logging.samplePercent',
        'only with access: Sampled',
      ],
      [
        'a sample of 0 percent',
        { 'spec.logging': { access: 'Sampled', samplePercent: 0 } },
        'spec.logging.samplePercent',
        '1',
      ],
      [
        'a log level that does not exist',
        { 'spec.logging.access': 'Debug' },
        'spec.logging.access',
        'Sampled',
      ],
      ['a drain of no time', { 'spec.drain.seconds': 0 }, 'spec.drain.seconds', '1'],
      ['a duration as text', { 'spec.drain.seconds': '60s' }, 'spec.drain.seconds', 'number'],
      ['an external name Service', { 'spec.service.type': 'ExternalName' }, 'spec.service.type', 'NodePort'],
      [
        'a misspelt quantity',
        { 'spec.pod.resources': { requests: { cpu: 'lots' } } },
        'spec.pod.resources.requests.cpu',
        'quantity',
      ],
      [
        'a host alias without an address',
        { 'spec.pod.hostAliases': [{ ip: 'mbx1', hostnames: ['a'] }] },
        'spec.pod.hostAliases[0].ip',
        'IPv4',
      ],
      ['a misspelt field', { 'spec.listners': [] }, 'spec.listners', 'unknown field'],
      [
        'a name that begins with a digit',
        { 'metadata.name': '1mail' },
        'metadata.name',
        'beginning with a letter',
      ],
      ['a name of 41 characters', { 'metadata.name': 'a'.repeat(41) }, 'metadata.name', 'at most 40'],
      ['a name with a dot', { 'metadata.name': 'mail.example' }, 'metadata.name', 'lower-case letters'],
    ] as const
  ).map(([name, changes, path, says]) => ({ name, manifest: gateway(changes), path, says })),
  ...(
    [
      [
        'the same gateway twice',
        {
          'spec.gatewayRefs': [
            { name: 'mail', namespace: 'edge' },
            { name: 'mail', namespace: 'edge' },
          ],
        },
        'spec.gatewayRefs',
        'once',
      ],
      [
        'a gateway by a name that none can have',
        { 'spec.gatewayRefs[0].name': 'mail.example.com' },
        'spec.gatewayRefs[0].name',
        'letter',
      ],
      [
        'a server whose address cannot be',
        { 'spec.servers[0].url': 'https://999.1.1.1' },
        'spec.servers[0].url',
        'https://host',
      ],
      [
        'a server whose IPv6 address cannot be',
        { 'spec.servers[0].url': 'https://[:::::]' },
        'spec.servers[0].url',
        'https://host',
      ],
      [
        'Exchange Online in capitals beside a server on premises',
        {
          'spec.servers[1]': { name: 'online', url: 'https://OUTLOOK.office365.com/' },
        },
        'spec.servers',
        'one Exchange organisation',
      ],
      [
        'an OAuth endpoint with a port that does not exist',
        {
          'spec.authentication': {
            type: 'OAuth',
            oauth: { ...oauth, tokenEndpoint: 'https://login.example.com:99999/token' },
          },
        },
        'spec.authentication.oauth.tokenEndpoint',
        'https URL',
      ],
      [
        'two OAuth endpoints of different versions',
        {
          'spec.authentication': {
            type: 'OAuth',
            oauth: { ...oauth, tokenEndpoint: 'https://login.example.com/common/oauth2/v2.0/token' },
          },
        },
        'spec.authentication.oauth.tokenEndpoint',
        'two endpoints of one version',
      ],
      [
        'a tenant that is no id',
        { 'spec.authentication.tokenPolicy.allowedTenants': ['example.com'] },
        'spec.authentication.tokenPolicy.allowedTenants[0]',
        'tenant id',
      ],
      [
        'a client id with a space',
        { 'spec.authentication.tokenPolicy.allowedClientIds': ['a b'] },
        'spec.authentication.tokenPolicy.allowedClientIds[0]',
        'client id',
      ],
      [
        'two scopes in one string',
        { 'spec.authentication.tokenPolicy.requiredScopes': ['a b'] },
        'spec.authentication.tokenPolicy.requiredScopes[0]',
        'name of a scope',
      ],
      [
        'an empty list of tenants',
        { 'spec.authentication.tokenPolicy.allowedTenants': [] },
        'spec.authentication.tokenPolicy.allowedTenants',
        'at least 1',
      ],
      [
        'a scope twice',
        { 'spec.authentication.tokenPolicy.requiredScopes': ['a', 'a'] },
        'spec.authentication.tokenPolicy.requiredScopes[1]',
        'duplicate',
      ],
      [
        'an Autodiscover policy that does not exist',
        { 'spec.autodiscover.policy': 'Enabled' },
        'spec.autodiscover.policy',
        'NamedDomains',
      ],
      [
        'a domain that has moved, of any name',
        { 'spec.autodiscover': { policy: 'AnyDomain', redirectDomain: 'new.example' } },
        'spec.autodiscover.redirectDomain',
        'only with policy NamedDomains',
      ],
      [
        'a domain that has moved to itself',
        { 'spec.match.domains': ['Example.com'], 'spec.autodiscover.redirectDomain': 'example.com' },
        'spec.autodiscover.redirectDomain',
        'another domain',
      ],
      [
        'an OAuth protocol that nobody speaks',
        { 'spec.authentication': { type: 'OAuth', oauth: { ...oauth, protocol: 'V3' } } },
        'spec.authentication.oauth.protocol',
        'ADFS',
      ],
      [
        'an OpenID configuration without TLS',
        {
          'spec.authentication': {
            type: 'OAuth',
            oauth: { ...oauth, openIDConfigurationEndpoint: 'http://login.example.com/configuration' },
          },
        },
        'spec.authentication.oauth.openIDConfigurationEndpoint',
        'https URL',
      ],
      [
        'an OAuth endpoint with a hidden space at its end',
        {
          'spec.authentication': {
            type: 'OAuth',
            oauth: { ...oauth, tokenEndpoint: 'https://login.example.com/token\u00a0' },
          },
        },
        'spec.authentication.oauth.tokenEndpoint',
        'https URL',
      ],
      [
        'a resource with a query',
        {
          'spec.authentication': {
            type: 'OAuth',
            oauth: { ...oauth, gatewayResource: 'https://sentry.example.com?a=b' },
          },
        },
        'spec.authentication.oauth.gatewayResource',
        'without user, query',
      ],
      [
        'a user with a hidden space behind it',
        { 'spec.match.users': ['ann\u00a0'] },
        'spec.match.users[0]',
        'without spaces',
      ],
      [
        'a user with a control character',
        { 'spec.match.users': ['ann\u0000'] },
        'spec.match.users[0]',
        'ann@example.com',
      ],
      [
        'a domain that begins with @',
        { 'spec.match.domains': ['@example.com'] },
        'spec.match.domains[0]',
        'no @',
      ],
      [
        'a key of a ConfigMap that cannot be',
        { 'spec.serverTLS.caRef': { name: 'ca', key: '..' } },
        'spec.serverTLS.caRef.key',
        'ca.crt',
      ],
      [
        'a phone that may stay silent for ten minutes',
        { 'spec.timeouts.keepAliveSeconds': 600 },
        'spec.timeouts.keepAliveSeconds',
        '300',
      ],
      ['a route without a gateway', { 'spec.gatewayRefs': undefined }, 'spec.gatewayRefs', 'required'],
      ['a route with an empty list of gateways', { 'spec.gatewayRefs': [] }, 'spec.gatewayRefs', '1'],
      [
        'a route of seventeen gateways',
        { 'spec.gatewayRefs': Array.from({ length: 17 }, (_, i) => ({ name: `g${i}` })) },
        'spec.gatewayRefs',
        '16',
      ],
      [
        'weights where the first server takes everything',
        { 'spec.servers[0].weight': 2 },
        'spec.balancing',
        'or remove weight',
      ],
      [
        'a way of balancing that does not exist',
        { 'spec.balancing': 'Random' },
        'spec.balancing',
        'LeastRequests',
      ],
      ['a weight of nothing', { 'spec.servers[0].weight': 0 }, 'spec.servers[0].weight', '1'],
      [
        'a queue that nothing waits in',
        { 'spec.limits.queueSeconds': 5 },
        'spec.limits',
        'set maxConnections or maxConnectionsPerServer too',
      ],
      [
        'a probe that does not exist',
        { 'spec.health.active.type': 'Ping' },
        'spec.health.active.type',
        'HealthCheckPage',
      ],
      ['a route without servers', { 'spec.servers': undefined }, 'spec.servers', 'required'],
      ['a route with an empty list of servers', { 'spec.servers': [] }, 'spec.servers', '1'],
      [
        'two servers of one name',
        { 'spec.servers[1]': { name: 'mbx1', url: 'https://mbx2.example.com' } },
        'spec.servers[1]',
        'once',
      ],
      [
        'a server without TLS',
        { 'spec.servers[0].url': 'http://mbx1.example.com' },
        'spec.servers[0].url',
        'https://host',
      ],
      [
        'a server with a path',
        { 'spec.servers[0].url': 'https://mbx1.example.com/Microsoft-Server-ActiveSync' },
        'spec.servers[0].url',
        'without a path',
      ],
      [
        'a server with a user in its URL',
        { 'spec.servers[0].url': 'https://admin@mbx1.example.com' },
        'spec.servers[0].url',
        'https://host',
      ],
      [
        'a server with a port that does not exist',
        { 'spec.servers[0].url': 'https://mbx1.example.com:70000' },
        'spec.servers[0].url',
        'https://host:port',
      ],
      [
        'a server with a proxy of its own, which this version does not know',
        { 'spec.servers[0].egressProxy': 'https://proxy.example.com' },
        'spec.servers[0].egressProxy',
        'unknown field',
      ],
      ['a negative priority', { 'spec.servers[0].priority': -1 }, 'spec.servers[0].priority', '0'],
      [
        'servers on premises and online mixed',
        { 'spec.servers[1]': { name: 'online', url: 'https://outlook.office365.com' } },
        'spec.servers',
        'one Exchange organisation',
      ],
      [
        'OAuth without its endpoints',
        { 'spec.authentication': { type: 'OAuth' } },
        'spec.authentication.oauth',
        'with type: OAuth',
      ],
      [
        'OAuth endpoints without type: OAuth',
        { 'spec.authentication': { type: 'PassThrough', oauth } },
        'spec.authentication.oauth',
        'only then',
      ],
      [
        'an authentication type that does not exist',
        { 'spec.authentication.type': 'Kerberos' },
        'spec.authentication.type',
        'PassThrough, OAuth',
      ],
      [
        'a token endpoint without TLS',
        {
          'spec.authentication': {
            type: 'OAuth',
            oauth: { ...oauth, tokenEndpoint: 'http://login.example.com/token' },
          },
        },
        'spec.authentication.oauth.tokenEndpoint',
        'https URL',
      ],
      [
        'an authorization endpoint with a fragment',
        {
          'spec.authentication': {
            type: 'OAuth',
            oauth: { ...oauth, authorizationEndpoint: 'https://login.example.com/authorize#x' },
          },
        },
        'spec.authentication.oauth.authorizationEndpoint',
        'fragment',
      ],
      [
        'OAuth without a destination resource',
        {
          'spec.authentication': { type: 'OAuth', oauth: { ...oauth, destinationResource: undefined } },
        },
        'spec.authentication.oauth.destinationResource',
        'required',
      ],
      [
        'a CA reference with a namespace',
        { 'spec.serverTLS.caRef': { name: 'ca', namespace: 'other' } },
        'spec.serverTLS.caRef.namespace',
        'remove',
      ],
      [
        'a CA reference to a kind that holds no keys',
        { 'spec.serverTLS.caRef': { kind: 'Pod', name: 'ca' } },
        'spec.serverTLS.caRef.kind',
        'ConfigMap, Secret',
      ],
      [
        'a switch to skip verification, which does not exist',
        { 'spec.serverTLS.insecureSkipVerify': true },
        'spec.serverTLS.insecureSkipVerify',
        'unknown field',
      ],
      [
        'a redirect policy that does not exist',
        { 'spec.redirects.policy': 'Ignore' },
        'spec.redirects.policy',
        'Rewrite',
      ],
      [
        'allowed hosts where phones go wherever Exchange sends them',
        { 'spec.redirects': { policy: 'Pass', allowedHosts: ['outlook.office365.com'] } },
        'spec.redirects.allowedHosts',
        'only with policy Rewrite or Follow',
      ],
      [
        'a redirect that is followed to nowhere',
        { 'spec.redirects.policy': 'Follow' },
        'spec.redirects.allowedHosts',
        'name in allowedHosts',
      ],
      [
        'passwords for servers that nobody may be moved to',
        { 'spec.redirects.allowBasicCredentials': true },
        'spec.redirects.allowedHosts',
        'name in allowedHosts',
      ],
      [
        'a URL among the hosts of redirects',
        { 'spec.redirects.allowedHosts': ['https://outlook.office365.com'] },
        'spec.redirects.allowedHosts[0]',
        'use a host such as',
      ],
      [
        'one host twice among those of redirects',
        { 'spec.redirects.allowedHosts': ['a.example.com', 'a.example.com'] },
        'spec.redirects.allowedHosts[1]',
        'uplicate',
      ],
      [
        'a version of ActiveSync without quotes, which is a number',
        { 'spec.minProtocolVersion': 16.1 },
        'spec.minProtocolVersion',
        '16.1, in quotes',
      ],
      [
        'a version of ActiveSync that does not exist',
        { 'spec.minProtocolVersion': '15.0' },
        'spec.minProtocolVersion',
        '16.1',
      ],
      [
        'a bucket without a burst',
        { 'spec.throttling.deviceRequests': { perMinute: 60 } },
        'spec.throttling.deviceRequests.burst',
        'set it to a number',
      ],
      [
        'a limit below what a replay holds',
        { 'spec.limits.maxRequestBytes': 1024 },
        'spec.limits.maxRequestBytes',
        '65536',
      ],
      [
        "a poll that ends before the phone's longest heartbeat",
        { 'spec.timeouts.pollSeconds': 3599 },
        'spec.timeouts.pollSeconds',
        '3600',
      ],
      [
        'a time-out that does not exist',
        { 'spec.timeouts.readSeconds': 1 },
        'spec.timeouts.readSeconds',
        'unknown field',
      ],
      ['an empty user', { 'spec.match.users': [''] }, 'spec.match.users[0]', 'ann@example.com'],
      [
        'a domain with a space behind it',
        { 'spec.match.domains': ['example.com '] },
        'spec.match.domains[0]',
        'spaces',
      ],
      ['one user instead of a list', { 'spec.match.users': 'ann' }, 'spec.match.users', 'a list'],
      [
        'a match that this version does not know',
        { 'spec.match.groups': ['a'] },
        'spec.match.groups',
        'unknown field',
      ],
      [
        'a route whose name has 41 characters',
        { 'metadata.name': 'r'.repeat(41) },
        'metadata.name',
        'at most 40',
      ],
    ] as const
  ).map(([name, changes, path, says]) => ({ name, manifest: route(changes), path, says })),
];
