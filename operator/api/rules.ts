// Rules across fields, each written once: as CEL for the API server and as a check for the file provider.
import type { ExchangeRoute } from './exchange-route.ts';
import type { SentryGateway } from './sentry-gateway.ts';

/** One rule of a kind. Both forms give the same verdict; a table of manifests holds them to it. */
export interface Rule<Node> {
  /** Where the rule stands in the schema: a path of properties, `[]` for the items of a list; '' is the root. */
  readonly at: string;
  /** CEL; `self` is the node at that path. */
  readonly cel: string;
  /** The same in TypeScript; true when the node is good. */
  readonly check: (node: Node) => boolean;
  /** The field to blame, below `at`, as `.field`; empty for the node itself. */
  readonly field: string;
  /** What to do. */
  readonly message: string;
}

const NAME_PATTERN = '^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$';
const ONLINE_PATTERN =
  '^https://(outlook[.]office365[.]com|outlook[.]office[.]com|outlook[.]office365[.]us|outlook-dod[.]office365[.]us|partner[.]outlook[.]cn)(:[0-9]+)?/?$';

const nameRule: Rule<SentryGateway | ExchangeRoute> = {
  at: '',
  cel: `self.metadata.name.matches('${NAME_PATTERN}')`,
  check: ({ metadata }) => new RegExp(NAME_PATTERN).test(metadata.name),
  field: '.metadata.name',
  message:
    'use as metadata.name at most 40 lower-case letters, digits and hyphens, beginning with a letter: it becomes part of Service names and URLs',
};

type Spec = SentryGateway['spec'];
type RouteSpec = ExchangeRoute['spec'];

/** Rules of SentryGateway. */
export const sentryGatewayRules: readonly Rule<never>[] = [
  nameRule,
  {
    at: 'spec.listeners[].tls',
    cel: 'has(self.certificateRefs) != has(self.selfSigned)',
    check: (tls: Spec['listeners'][number]['tls']) =>
      (tls.certificateRefs === undefined) !== (tls.selfSigned === undefined),
    field: '',
    message: 'set exactly one of certificateRefs and selfSigned',
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
];

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
  {
    at: 'spec',
    cel: `self.servers.all(s, s.url.matches('${ONLINE_PATTERN}')) || !self.servers.exists(s, s.url.matches('${ONLINE_PATTERN}'))`,
    check: ({ servers }: RouteSpec) => {
      const online = servers.filter(({ url }) => new RegExp(ONLINE_PATTERN).test(url)).length;
      return online === 0 || online === servers.length;
    },
    field: '.servers',
    message:
      'name the servers of one Exchange organisation: Exchange Online and servers on premises need a route each',
  },
];

/** Lists whose items are told apart by these fields; the API server refuses duplicates by itself. */
export const listMapKeys: Readonly<Record<string, readonly string[]>> = {
  'spec.listeners': ['name'],
  'spec.servers': ['name'],
  'status.conditions': ['type'],
  'status.listeners': ['name'],
  'status.servers': ['name'],
  'status.gateways[].conditions': ['type'],
};

/** Lists of scalars without duplicates; the API server refuses them by itself. */
export const listSets: readonly string[] = ['spec.listeners[].hostnames'];
