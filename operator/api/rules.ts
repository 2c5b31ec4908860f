// Rules across fields, each written once: as CEL for the API server and as a check for the file provider.
import type { ExchangeRoute } from './exchange-route.ts';
import { celString, formats, isOfFormat } from './formats.ts';
import { networkRules } from './gateway-network.ts';
import { podRules } from './gateway-pod.ts';
import { autodiscoverRules } from './route-autodiscover.ts';
import { oauthRules } from './route-oauth.ts';
import { redirectRules } from './route-redirects.ts';
import { routeServerRules } from './route-servers.ts';
import { scaleRules } from './gateway-scale.ts';
import { serviceRules, serviceTransitionRules } from './gateway-service.ts';
import { labelSelectorRules } from './label-selector.ts';
import type { Rule, TransitionRule } from './rule.ts';
import type { SentryGateway } from './sentry-gateway.ts';

const ONLINE_PATTERN =
  '^https://(outlook[.]office365[.]com|outlook[.]office[.]com|eas[.]outlook[.]com|outlook[.]office365[.]us|outlook-dod[.]office365[.]us|webmail[.]apps[.]mil|partner[.]outlook[.]cn)(:[0-9]+)?/?$';
const ONLINE = new RegExp(ONLINE_PATTERN);

const nameRule: Rule<SentryGateway | ExchangeRoute> = {
  at: '',
  cel: `self.metadata.name.matches(${celString(formats.resourceName.pattern)})`,
  check: ({ metadata }) => isOfFormat(formats.resourceName, metadata.name),
  field: '.metadata.name',
  message:
    'use as metadata.name at most 40 lower-case letters, digits and hyphens, beginning with a letter: it becomes part of Service names and URLs',
};

type Spec = SentryGateway['spec'];
type RouteSpec = ExchangeRoute['spec'];

const unique = (values: readonly string[]): boolean => new Set(values).size === values.length;

/** Rules of SentryGateway. */
export const sentryGatewayRules: readonly Rule<never>[] = [
  nameRule,
  {
    at: 'spec.listeners[].tls',
    cel: '[has(self.certificateRefs), has(self.issuerRef), has(self.selfSigned)].exists_one(source, source)',
    check: ({ certificateRefs, issuerRef, selfSigned }: Spec['listeners'][number]['tls']) =>
      [certificateRefs, issuerRef, selfSigned].filter((source) => source !== undefined).length === 1,
    field: '',
    message: 'set exactly one of certificateRefs, issuerRef and selfSigned',
  },
  {
    at: 'spec.allowedRoutes.namespaces',
    cel: "has(self.selector) == (self.from == 'Selector')",
    check: ({ from, selector }: Spec['allowedRoutes']['namespaces']) =>
      (selector !== undefined) === (from === 'Selector'),
    field: '.selector',
    message: 'set selector with from: Selector, and only then',
  },
  {
    at: 'spec.logging',
    cel: "!has(self.samplePercent) || self.access == 'Sampled'",
    check: ({ access, samplePercent }: Spec['logging']) =>
      samplePercent === undefined || access === 'Sampled',
    field: '.samplePercent',
    message: 'set samplePercent only with access: Sampled',
  },
  {
    at: 'spec.listeners[].tls.certificateRefs',
    cel: 'self.all(a, self.exists_one(b, b.name == a.name))',
    check: (refs: readonly { name: string }[]) => unique(refs.map(({ name }) => name)),
    field: '',
    message: 'name each Secret once',
  },
  ...labelSelectorRules('spec.allowedRoutes.namespaces.selector'),
  ...scaleRules,
  ...serviceRules,
  ...networkRules,
  ...podRules,
];

/** Rules of SentryGateway about its past: only an API server knows it. */
export const sentryGatewayTransitionRules: readonly TransitionRule[] = serviceTransitionRules;

/** CEL: `a` and `b` have the same value of an optional field, or both none. Reserved words such as namespace are written `__namespace__`. */
function sameOptional(name: string): string {
  return `has(a.${name}) == has(b.${name}) && (!has(a.${name}) || a.${name} == b.${name})`;
}

/** Rules of ExchangeRoute. */
export const exchangeRouteRules: readonly Rule<never>[] = [
  nameRule,
  {
    at: 'spec.authentication',
    cel: "has(self.oauth) == (self.type == 'OAuth')",
    check: ({ type, oauth }: RouteSpec['authentication']) => (oauth !== undefined) === (type === 'OAuth'),
    field: '.oauth',
    message: 'set oauth with type: OAuth, and only then',
  },
  ...oauthRules,
  ...autodiscoverRules,
  {
    at: 'spec',
    cel: `self.servers.all(s, s.url.lowerAscii().matches(${celString(ONLINE_PATTERN)})) || !self.servers.exists(s, s.url.lowerAscii().matches(${celString(ONLINE_PATTERN)}))`,
    check: ({ servers }: RouteSpec) => {
      const online = servers.filter(({ url }) => ONLINE.test(url.toLowerCase())).length;
      return online === 0 || online === servers.length;
    },
    field: '.servers',
    message:
      'name the servers of one Exchange organisation: Exchange Online and servers on premises need a route each',
  },
  {
    at: 'spec.gatewayRefs',
    cel: `self.all(a, self.exists_one(b, a.name == b.name && ${sameOptional('__namespace__')} && ${sameOptional('listenerName')}))`,
    check: (refs: RouteSpec['gatewayRefs']) =>
      unique(refs.map(({ namespace, name, listenerName }) => [namespace, name, listenerName].join('/'))),
    field: '',
    message: 'name each gateway and listener once',
  },
  ...redirectRules,
  ...routeServerRules,
];

/** Lists whose items are told apart by these fields; the API server refuses duplicates by itself. */
export const listMapKeys: Readonly<Record<string, readonly string[]>> = {
  'spec.listeners': ['name'],
  'spec.pod.dnsConfig.options': ['name'],
  'spec.pod.hostAliases': ['ip'],
  'spec.pod.imagePullSecrets': ['name'],
  'spec.servers': ['name'],
  'status.conditions': ['type'],
  'status.listeners': ['name'],
  'status.servers': ['name'],
  'status.gateways[].conditions': ['type'],
};

/** Lists of scalars without duplicates; the API server refuses them by itself. */
export const listSets: readonly string[] = [
  'spec.authentication.tokenPolicy.allowedTenants',
  'spec.authentication.tokenPolicy.allowedClientIds',
  'spec.authentication.tokenPolicy.requiredScopes',
  'spec.listeners[].hostnames',
  'spec.redirects.allowedHosts',
  'spec.service.ipFamilies',
  'spec.service.loadBalancerSourceRanges',
  'spec.trustedProxies',
  'spec.networkPolicy.egressCIDRs',
  'spec.pod.dnsConfig.nameservers',
  'spec.pod.dnsConfig.searches',
];
