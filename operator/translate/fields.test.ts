// Every field and every enum value of both kinds must change something in the translation, or say here why it cannot.
import { beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { CertificateAuthority } from '../../test/peers/certificates.ts';
import { type ExchangeRoute, exchangeRouteSpec } from '../api/exchange-route.ts';
import type { ConfigMap, Namespace, Secret } from '../api/meta.ts';
import { type SentryGateway, sentryGatewaySpec } from '../api/sentry-gateway.ts';
import { parseManifest } from '../api/validate.ts';
import { ensureGatewayKeys } from '../pki/gateway-keys.ts';
import { MemoryKeyStore } from '../pki/memory-key-store.ts';
import {
  type Changes,
  type GatewaySpec,
  objectFieldChanges,
  objectFields,
  type Writable,
} from './fields-of-objects.ts';
import { translate } from './translate.ts';
import type { Resources } from './types.ts';

type RouteSpec = Writable<ExchangeRoute['spec']>;

const gatewayBase = {
  port: 8443,
  listeners: [
    { name: 'phones', hostnames: ['sentry.example.com'], tls: { certificateRefs: [{ name: 'sentry' }] } },
    { name: 'trial', hostnames: ['trial.example.com'], tls: { selfSigned: {} } },
    { name: 'issued', hostnames: ['issued.example.com'], tls: { issuerRef: { name: 'letsencrypt' } } },
  ],
  ...objectFields,
  allowedRoutes: {
    namespaces: {
      from: 'Selector',
      selector: {
        matchLabels: { mail: 'yes' },
        matchExpressions: [{ key: 'tier', operator: 'In', values: ['gold', 'silver'] }],
      },
    },
  },
  logging: { access: 'Sampled', samplePercent: 5 },
};

const gatewayChanges: Changes<GatewaySpec> = {
  port: { other: (spec) => (spec.port = 443) },
  'listeners[].name': { other: (spec) => (spec.listeners[0]!.name = 'other') },
  'listeners[].hostnames[]': { other: (spec) => (spec.listeners[0]!.hostnames[0] = 'other.example.com') },
  'listeners[].tls.certificateRefs[].name': {
    other: (spec) => (spec.listeners[0]!.tls.certificateRefs![0]!.name = 'other'),
  },
  'listeners[].tls.issuerRef.group': {
    other: (spec) => (spec.listeners[2]!.tls.issuerRef!.group = 'issuers.example.com'),
  },
  'listeners[].tls.issuerRef.kind': {
    other: (spec) => (spec.listeners[2]!.tls.issuerRef!.kind = 'ClusterIssuer'),
  },
  'listeners[].tls.issuerRef.name': {
    other: (spec) => (spec.listeners[2]!.tls.issuerRef!.name = 'other'),
  },
  'listeners[].tls.selfSigned': {
    absent: (spec) => {
      delete spec.listeners[1]!.tls.selfSigned;
      spec.listeners[1]!.tls.certificateRefs = [{ name: 'other' }];
    },
  },
  'listeners[].tls.minVersion': { 'TLSv1.3': (spec) => (spec.listeners[0]!.tls.minVersion = 'TLSv1.3') },
  'allowedRoutes.namespaces.from': {
    Same: (spec) => (spec.allowedRoutes.namespaces = { from: 'Same' }),
    All: (spec) => (spec.allowedRoutes.namespaces = { from: 'All' }),
  },
  'allowedRoutes.namespaces.selector.matchLabels{}': {
    other: (spec) => (spec.allowedRoutes.namespaces.selector!.matchLabels!['mail'] = 'no'),
  },
  'allowedRoutes.namespaces.selector.matchExpressions[].key': {
    other: (spec) => (spec.allowedRoutes.namespaces.selector!.matchExpressions![0]!.key = 'colour'),
  },
  'allowedRoutes.namespaces.selector.matchExpressions[].operator': Object.fromEntries(
    (['NotIn', 'Exists', 'DoesNotExist'] as const).map((operator) => [
      operator,
      ({ allowedRoutes: { namespaces } }: GatewaySpec) => {
        const values = operator === 'NotIn' ? { values: ['gold', 'silver'] } : {};
        namespaces.selector!.matchExpressions = [{ key: 'tier', operator, ...values }];
      },
    ]),
  ),
  'allowedRoutes.namespaces.selector.matchExpressions[].values[]': {
    other: (spec) => (spec.allowedRoutes.namespaces.selector!.matchExpressions![0]!.values = ['lead']),
  },
  ...objectFieldChanges,
  'drain.seconds': { other: (spec) => (spec.drain.seconds = 61) },
  'drain.propagationSeconds': { other: (spec) => (spec.drain.propagationSeconds = 6) },
  'logging.access': {
    All: (spec) => (spec.logging = { access: 'All', identifiers: 'Hashed' }),
    Errors: (spec) => (spec.logging = { access: 'Errors', identifiers: 'Hashed' }),
  },
  'logging.samplePercent': { other: (spec) => (spec.logging.samplePercent = 6) },
  'logging.identifiers': { Plain: (spec) => (spec.logging.identifiers = 'Plain') },
};

const routeBase = {
  gatewayRefs: [{ name: 'mail', namespace: 'default', listenerName: 'phones' }],
  match: { users: ['ann@example.com'], deviceTypes: ['iPhone'], domains: ['example.com'] },
  servers: [{ name: 'mbx1', url: 'https://mbx1.corp.example.com', priority: 1, weight: 2 }],
  balancing: 'RoundRobin',
  health: { slowStartSeconds: 60 },
  limits: { maxConnections: 1000, maxConnectionsPerServer: 500, maxQueuedRequests: 100, queueSeconds: 5 },
  timeouts: { uploadFirstByteSeconds: 300, downloadFirstByteSeconds: 300 },
  serverTLS: { caRef: { name: 'exchange-ca' }, serverName: 'mail.corp.example.com' },
  minProtocolVersion: '16.1',
  autodiscover: { redirectDomain: 'new.example' },
  redirects: { policy: 'Follow', allowedHosts: ['outlook.office365.com'], caRef: { name: 'exchange-ca' } },
  throttling: {
    identicalCommands: {},
    deviceRequests: { perMinute: 60, burst: 20 },
    userRequests: { perMinute: 120, burst: 40 },
  },
  authentication: {
    type: 'OAuth',
    tokenPolicy: {
      allowedTenants: ['00000000-0000-0000-0000-000000000000'],
      allowedClientIds: ['phone'],
      requiredScopes: ['EAS.AccessAsUser.All'],
    },
    oauth: {
      authorizationEndpoint: 'https://login.example.com/authorize',
      tokenEndpoint: 'https://login.example.com/token',
      gatewayResource: 'https://sentry.example.com',
      destinationResource: 'https://outlook.office365.com/',
      protocol: 'V1',
      deviceAuthorizationEndpoint: 'https://login.example.com/device',
      openIDConfigurationEndpoint: 'https://login.example.com/configuration',
      caRef: { name: 'exchange-ca' },
    },
  },
};

const oauthText = (
  field:
    | 'authorizationEndpoint'
    | 'tokenEndpoint'
    | 'deviceAuthorizationEndpoint'
    | 'openIDConfigurationEndpoint'
    | 'gatewayResource'
    | 'destinationResource',
) => ({
  other: (spec: RouteSpec) => (spec.authentication.oauth![field] = 'https://other.example/x'),
});
const caChanges = (
  path: string,
  caRefOf: (spec: RouteSpec) => { kind: string; name: string; key: string },
) => ({
  [`${path}.kind`]: { Secret: (spec: RouteSpec) => (caRefOf(spec).kind = 'Secret') },
  [`${path}.name`]: { other: (spec: RouteSpec) => (caRefOf(spec).name = 'other-ca') },
  [`${path}.key`]: { other: (spec: RouteSpec) => (caRefOf(spec).key = 'other.crt') },
});

const routeChanges: Changes<RouteSpec> = {
  'gatewayRefs[].name': { other: (spec) => (spec.gatewayRefs[0]!.name = 'other') },
  'gatewayRefs[].namespace': { other: (spec) => (spec.gatewayRefs[0]!.namespace = 'other') },
  'gatewayRefs[].listenerName': { other: (spec) => (spec.gatewayRefs[0]!.listenerName = 'trial') },
  'match.users[]': { other: (spec) => (spec.match.users = ['bob']) },
  'match.deviceTypes[]': { other: (spec) => (spec.match.deviceTypes = ['iPad']) },
  'match.domains[]': { other: (spec) => (spec.match.domains = ['other.example']) },
  'servers[].name': { other: (spec) => (spec.servers[0]!.name = 'other') },
  'servers[].url': { other: (spec) => (spec.servers[0]!.url = 'https://other.example') },
  'servers[].priority': { other: (spec) => (spec.servers[0]!.priority = 2) },
  ...caChanges('serverTLS.caRef', (spec) => spec.serverTLS.caRef!),
  'serverTLS.serverName': { other: (spec) => (spec.serverTLS.serverName = 'other.example') },
  'authentication.type': { PassThrough: (spec) => (spec.authentication = { type: 'PassThrough' }) },
  'authentication.oauth.authorizationEndpoint': oauthText('authorizationEndpoint'),
  'authentication.oauth.tokenEndpoint': oauthText('tokenEndpoint'),
  'authentication.oauth.gatewayResource': oauthText('gatewayResource'),
  'authentication.oauth.destinationResource': oauthText('destinationResource'),
  ...caChanges('authentication.oauth.caRef', (spec) => spec.authentication.oauth!.caRef!),
  'authentication.oauth.allowPasswordGrant': {
    other: (spec) => (spec.authentication.oauth!.allowPasswordGrant = true),
  },
  'authentication.oauth.otherResources': {
    Pass: (spec) => (spec.authentication.oauth!.otherResources = 'Pass'),
  },
  'authentication.oauth.protocol': {
    V2: (spec) => (spec.authentication.oauth!.protocol = 'V2'),
    ADFS: (spec) => (spec.authentication.oauth!.protocol = 'ADFS'),
  },
  'authentication.oauth.deviceAuthorizationEndpoint': oauthText('deviceAuthorizationEndpoint'),
  'authentication.oauth.openIDConfigurationEndpoint': oauthText('openIDConfigurationEndpoint'),
  'authentication.oauth.answeredResource': {
    Gateway: (spec) => (spec.authentication.oauth!.answeredResource = 'Gateway'),
  },
  'authentication.oauth.challenges': {
    Pass: (spec) => (spec.authentication.oauth!.challenges = 'Pass'),
  },
  'authentication.tokenPolicy.allowedTenants[]': {
    other: (spec) =>
      (spec.authentication.tokenPolicy!.allowedTenants = ['72f988bf-86f1-41af-91ab-2d7cd011db47']),
  },
  'authentication.tokenPolicy.allowedClientIds[]': {
    other: (spec) => (spec.authentication.tokenPolicy!.allowedClientIds = ['other']),
  },
  'authentication.tokenPolicy.requiredScopes[]': {
    other: (spec) => (spec.authentication.tokenPolicy!.requiredScopes = ['other']),
  },
  'authentication.tokenPolicy.unreadableTokens': {
    Refuse: (spec) => (spec.authentication.tokenPolicy!.unreadableTokens = 'Refuse'),
  },
  'autodiscover.policy': {
    AnyDomain: (spec) => (spec.autodiscover = { policy: 'AnyDomain' }),
    Disabled: (spec) => (spec.autodiscover = { policy: 'Disabled' }),
  },
  'autodiscover.redirectDomain': {
    other: (spec) => (spec.autodiscover.redirectDomain = 'other.example'),
  },
  'redirects.policy': {
    Rewrite: (spec) => (spec.redirects.policy = 'Rewrite'),
    Pass: (spec) => (spec.redirects = { policy: 'Pass', allowBasicCredentials: false }),
  },
  'redirects.allowedHosts[]': { other: (spec) => (spec.redirects.allowedHosts = ['*.example.com:8443']) },
  'redirects.allowBasicCredentials': { other: (spec) => (spec.redirects.allowBasicCredentials = true) },
  ...caChanges('redirects.caRef', (spec) => spec.redirects.caRef!),
  'throttling.retryAfter': { Pass: (spec) => (spec.throttling.retryAfter = 'Pass') },
  'throttling.failedLogins.limit': { other: (spec) => (spec.throttling.failedLogins.limit = 0) },
  'throttling.failedLogins.windowSeconds': {
    other: (spec) => (spec.throttling.failedLogins.windowSeconds = 600),
  },
  'throttling.failedLogins.addressLimit': {
    other: (spec) => (spec.throttling.failedLogins.addressLimit = 5000),
  },
  'throttling.identicalCommands.limit': {
    other: (spec) => (spec.throttling.identicalCommands!.limit = 7),
  },
  'throttling.identicalCommands.windowSeconds': {
    other: (spec) => (spec.throttling.identicalCommands!.windowSeconds = 7),
  },
  'throttling.identicalCommands.retryAfterSeconds': {
    other: (spec) => (spec.throttling.identicalCommands!.retryAfterSeconds = 7),
  },
  'throttling.deviceRequests.perMinute': {
    other: (spec) => (spec.throttling.deviceRequests!.perMinute = 7),
  },
  'throttling.deviceRequests.burst': { other: (spec) => (spec.throttling.deviceRequests!.burst = 7) },
  'throttling.userRequests.perMinute': { other: (spec) => (spec.throttling.userRequests!.perMinute = 7) },
  'throttling.userRequests.burst': { other: (spec) => (spec.throttling.userRequests!.burst = 7) },
  minProtocolVersion: {
    '12.0': (spec) => (spec.minProtocolVersion = '12.0'),
    '12.1': (spec) => (spec.minProtocolVersion = '12.1'),
    '14.0': (spec) => (spec.minProtocolVersion = '14.0'),
    '14.1': (spec) => (spec.minProtocolVersion = '14.1'),
    '16.0': (spec) => (spec.minProtocolVersion = '16.0'),
  },
  'servers[].weight': { other: (spec) => (spec.servers[0]!.weight = 3) },
  balancing: {
    Priority: (spec) => {
      spec.balancing = 'Priority';
      spec.servers[0]!.weight = 1;
    },
    LeastRequests: (spec) => (spec.balancing = 'LeastRequests'),
    UserHash: (spec) => (spec.balancing = 'UserHash'),
  },
  'health.active.type': {
    HealthCheckPage: (spec) => (spec.health.active.type = 'HealthCheckPage'),
    EmptyBearer: (spec) => (spec.health.active.type = 'EmptyBearer'),
  },
  'health.active.intervalSeconds': { other: (spec) => (spec.health.active.intervalSeconds = 7) },
  'health.active.timeoutSeconds': { other: (spec) => (spec.health.active.timeoutSeconds = 7) },
  'health.active.unhealthyThreshold': { other: (spec) => (spec.health.active.unhealthyThreshold = 3) },
  'health.active.healthyThreshold': { other: (spec) => (spec.health.active.healthyThreshold = 3) },
  'health.passive.failingUsers': { other: (spec) => (spec.health.passive.failingUsers = 4) },
  'health.passive.ejectionSeconds': { other: (spec) => (spec.health.passive.ejectionSeconds = 7) },
  'health.passive.maxEjectedPercent': { other: (spec) => (spec.health.passive.maxEjectedPercent = 7) },
  'health.slowStartSeconds': { other: (spec) => (spec.health.slowStartSeconds = 7) },
  'limits.maxConnections': { other: (spec) => (spec.limits.maxConnections = 7) },
  'limits.maxConnectionsPerServer': { other: (spec) => (spec.limits.maxConnectionsPerServer = 7) },
  'limits.maxQueuedRequests': { other: (spec) => (spec.limits.maxQueuedRequests = 7) },
  'limits.queueSeconds': { other: (spec) => (spec.limits.queueSeconds = 7) },
  'limits.maxReplayPercent': { other: (spec) => (spec.limits.maxReplayPercent = 7) },
  'timeouts.uploadFirstByteSeconds': { other: (spec) => (spec.timeouts.uploadFirstByteSeconds = 7) },
  'timeouts.downloadFirstByteSeconds': { other: (spec) => (spec.timeouts.downloadFirstByteSeconds = 7) },
  'limits.maxRequestBytes': { other: (spec) => (spec.limits.maxRequestBytes = 65_536) },
  'timeouts.connectSeconds': { other: (spec) => (spec.timeouts.connectSeconds = 7) },
  'timeouts.firstByteSeconds': { other: (spec) => (spec.timeouts.firstByteSeconds = 7) },
  'timeouts.idleSeconds': { other: (spec) => (spec.timeouts.idleSeconds = 7) },
  'timeouts.pollSeconds': { other: (spec) => (spec.timeouts.pollSeconds = 3601) },
  'timeouts.keepAliveSeconds': { other: (spec) => (spec.timeouts.keepAliveSeconds = 61) },
};

/** Fields that change nothing in the translation, and why they may exist. */
const explained: Readonly<Record<string, string>> = {};

let surroundings: Omit<Resources, 'gateways' | 'routes'>;

beforeAll(async () => {
  const [one, two, three] = await Promise.all(
    ['one', 'two', 'three'].map((name) => CertificateAuthority.create(name)),
  );
  const [sentry, other] = await Promise.all(['sentry', 'other'].map((name) => one!.issue({ names: [name] })));
  const { keys } = await ensureGatewayKeys(
    {
      namespace: 'default',
      name: 'mail',
      listeners: ['phones', 'trial', 'other'].map((name) => ({ name, hostnames: [`${name}.example.com`] })),
      admin: true,
    },
    { store: new MemoryKeyStore(), clock: { now: () => new Date() }, signal: AbortSignal.timeout(30_000) },
  );
  surroundings = {
    secrets: [
      tlsSecret('sentry', sentry!),
      tlsSecret('other', other!),
      secret('exchange-ca', { 'ca.crt': three!.certificate }),
    ],
    configMaps: [
      configMap('exchange-ca', { 'ca.crt': one!.certificate, 'other.crt': two!.certificate }),
      configMap('other-ca', { 'ca.crt': two!.certificate }),
    ],
    namespaces: [
      namespace('default', { mail: 'yes', tier: 'gold' }),
      namespace('silver', { mail: 'yes', tier: 'silver' }),
      namespace('lead', { mail: 'yes', tier: 'lead' }),
      namespace('plain', { mail: 'yes' }),
    ],
    keys: new Map([['default/mail', keys]]),
    certManager: { certificates: [] },
  };
});

describe('every field of SentryGateway', () => {
  const leaves = leavesOf(sentryGatewaySpec);

  test('is held to have an effect', () => {
    expect(Object.keys(gatewayChanges).toSorted()).toEqual([...leaves.keys()].toSorted());
  });

  test.each(changesOf(gatewayChanges))('%s: %s changes the translation', (path, name, change) => {
    const changed = structuredClone(gateway().spec) as GatewaySpec;
    change(changed);
    expect(outputOf(gateway(changed), route())).not.toBe(outputOf(gateway(), route()));
    expectEnum(leaves.get(path), name, gatewayChanges[path]);
  });

  test.each(enumsOf(leaves, gatewayChanges))(
    'each value of %s has an effect of its own',
    (_path, changes) => {
      const outputs = Object.values(changes).map((change) => {
        const changed = structuredClone(gateway().spec) as GatewaySpec;
        change(changed);
        return outputOf(gateway(changed), route());
      });
      expect(new Set(outputs).size).toBe(outputs.length);
    },
  );
});

describe('every field of ExchangeRoute', () => {
  const leaves = leavesOf(exchangeRouteSpec);

  test('is held to have an effect, or a reason why it has none', () => {
    const accounted = [...Object.keys(routeChanges), ...Object.keys(explained)];
    expect(accounted.toSorted()).toEqual([...leaves.keys()].toSorted());
  });

  test.each(changesOf(routeChanges))('%s: %s changes the translation', (path, name, change) => {
    const changed = structuredClone(route().spec) as RouteSpec;
    change(changed);
    expect(outputOf(gateway(), route(changed))).not.toBe(outputOf(gateway(), route()));
    expectEnum(leaves.get(path), name, routeChanges[path]);
  });
});

/** Fields without fields of their own: `[]` for items of a list, `{}` for values of a map; for enums with their values. */
function leavesOf(schema: z.ZodType, path = ''): Map<string, readonly string[] | undefined> {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject && Object.keys(inner.shape).length > 0) {
    const leaves = new Map<string, readonly string[] | undefined>();
    for (const [name, member] of Object.entries<z.ZodType>(inner.shape)) {
      for (const [leaf, values] of leavesOf(member, path === '' ? name : `${path}.${name}`))
        leaves.set(leaf, values);
    }
    return leaves;
  }
  if (inner instanceof z.ZodArray) return leavesOf(inner.element as z.ZodType, `${path}[]`);
  if (inner instanceof z.ZodRecord) return new Map([[`${path}{}`, undefined]]);
  return new Map([[path, inner instanceof z.ZodEnum ? inner.options.map(String) : undefined]]);
}

function unwrap(schema: z.ZodType): z.ZodType {
  const wrapped =
    schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
  return wrapped ? unwrap(schema.unwrap() as z.ZodType) : schema;
}

function changesOf<Spec>(changes: Changes<Spec>): [string, string, (spec: Spec) => void][] {
  return Object.entries(changes).flatMap(([path, named]) =>
    Object.entries(named).map(([name, change]): [string, string, (spec: Spec) => void] => [
      path,
      name,
      change,
    ]),
  );
}

function enumsOf<Spec>(
  leaves: ReturnType<typeof leavesOf>,
  changes: Changes<Spec>,
): [string, Readonly<Record<string, (spec: Spec) => void>>][] {
  return [...leaves].flatMap(([path, values]) => (values && changes[path] ? [[path, changes[path]]] : []));
}

/** The changes of an enum are named by its values, and all but that of the base are there. */
function expectEnum(values: readonly string[] | undefined, name: string, changes: object | undefined): void {
  if (values === undefined) return;
  expect(values).toContain(name);
  expect(Object.keys(changes ?? {})).toHaveLength(values.length - 1);
}

function gateway(spec: unknown = gatewayBase): SentryGateway {
  const metadata = { name: 'mail', namespace: 'default' };
  return parsed('SentryGateway', {
    apiVersion: 'sentrygateway.io/v1alpha1',
    kind: 'SentryGateway',
    metadata,
    spec,
  });
}

function route(spec: unknown = routeBase, namespace = 'default'): ExchangeRoute {
  const metadata = { name: 'route', namespace };
  return parsed('ExchangeRoute', {
    apiVersion: 'sentrygateway.io/v1alpha1',
    kind: 'ExchangeRoute',
    metadata,
    spec,
  });
}

/** What was changed must be what the API server would take. */
function parsed<K extends 'SentryGateway' | 'ExchangeRoute'>(kind: K, manifest: unknown) {
  const result = parseManifest(kind, manifest);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.object;
}

function outputOf(oneGateway: SentryGateway, oneRoute: ExchangeRoute): string {
  const others = ['silver', 'lead', 'plain'].map((name) =>
    route({ ...routeBase, match: { domains: [name] } }, name),
  );
  const resources = { ...surroundings, gateways: [oneGateway], routes: [oneRoute, ...others] };
  const translation = translate(resources, { image: 'gateway', target: 'Cluster' });
  return JSON.stringify([
    translation.gateways.map(({ snapshot, files, objects, replicas }) => [
      snapshot,
      [...files.keys()],
      objects,
      replicas,
    ]),
    [...translation.gatewayStatuses],
    [...translation.certificates],
    [...translation.routeStatuses],
  ]);
}

function tlsSecret(name: string, { cert, key }: { readonly cert: string; readonly key: string }): Secret {
  return { ...secret(name, { 'tls.crt': cert, 'tls.key': key }), type: 'kubernetes.io/tls' };
}

function secret(name: string, texts: Readonly<Record<string, string>>): Secret {
  const data = Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return { metadata: { name, namespace: 'default' }, data: Object.fromEntries(data) };
}

function configMap(name: string, data: Readonly<Record<string, string>>): ConfigMap {
  return { metadata: { name, namespace: 'default' }, data };
}

function namespace(name: string, labels: Readonly<Record<string, string>>): Namespace {
  return { metadata: { name, labels } };
}
