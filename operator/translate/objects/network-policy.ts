// What may reach a gateway's pods, and where they may connect to.
import type { Snapshot } from '../../../gateway/config/snapshot.ts';
import type { KubernetesObject } from '../../api/meta.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { objectMetadata, selectorLabels } from './metadata.ts';
import { podPorts } from './ports.ts';

/** Link-local addresses, and the metadata services of clouds that lie elsewhere. */
const FORBIDDEN_IPV4 = ['169.254.0.0/16', '168.63.129.16/32', '100.100.100.200/32'];
const FORBIDDEN_IPV6 = ['fe80::/10', 'fd00:ec2::254/128'];

export interface NetworkPolicyInput {
  readonly gateway: SentryGateway;
  readonly snapshot: Snapshot;
  /** Address ranges of the cluster's pods and Services. */
  readonly clusterCIDRs: readonly string[];
}

/** Ports are those of the pods; policies know no host names, so servers named by one are allowed by their port alone. */
export function networkPolicy({ gateway, snapshot, clusterCIDRs }: NetworkPolicyInput): KubernetesObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: objectMetadata(gateway),
    spec: {
      podSelector: { matchLabels: selectorLabels(gateway.metadata) },
      policyTypes: ['Ingress', 'Egress'],
      ingress: ingress(),
      egress: [{ ports: [port(53, 'UDP'), port(53)] }, ...upstreamRules(snapshot, clusterCIDRs)],
    },
  };
}

/** Phones from anywhere, metrics and probes from the cluster, the admin port from the operator. */
function ingress() {
  const operator = { matchLabels: { 'app.kubernetes.io/name': 'sentry-operator' } };
  return [
    { ports: [port(podPorts.phones)] },
    { ports: [port(podPorts.metrics)], from: [{ namespaceSelector: {} }] },
    { ports: [port(podPorts.admin)], from: [{ namespaceSelector: {}, podSelector: operator }] },
  ];
}

function port(number: number, protocol = 'TCP') {
  return { protocol, port: number };
}

function upstreamRules(snapshot: Snapshot, clusterCIDRs: readonly string[]) {
  const { named, literal } = destinations(snapshot);
  const rules: object[] = [...literal]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([cidr, ports]) => ({
      ports: sorted(ports),
      to: [{ ipBlock: { cidr } }],
    }));
  if (named.size > 0) rules.push({ ports: sorted(named), to: anywhere(clusterCIDRs) });
  return rules;
}

interface Destinations {
  /** Ports of servers that are named by a host name. */
  readonly named: ReadonlySet<number>;
  /** Ports by the range of one address. */
  readonly literal: ReadonlyMap<string, ReadonlySet<number>>;
}

function destinations(snapshot: Snapshot): Destinations {
  const named = new Set<number>();
  const literal = new Map<string, Set<number>>();
  for (const url of urlsOf(snapshot)) {
    const number = Number(url.port || 443);
    const cidr = literalRange(url.hostname);
    if (cidr === undefined) named.add(number);
    else if (!isForbidden(cidr)) literal.set(cidr, (literal.get(cidr) ?? new Set()).add(number));
  }
  return { named, literal };
}

/** Servers and token endpoints; phones call the authorization endpoint themselves. */
function urlsOf({ routes }: Snapshot): URL[] {
  return routes.flatMap(({ servers, authentication }) => [
    ...servers.map(({ url }) => new URL(url)),
    ...(authentication.type === 'OAuth' ? [new URL(authentication.oauth.tokenEndpoint)] : []),
  ]);
}

/** `URL` has brought every spelling of an address into one. */
function literalRange(hostname: string): string | undefined {
  if (hostname.startsWith('[')) return `${hostname.slice(1, -1)}/128`;
  return /^\d+([.]\d+){3}$/.test(hostname) ? `${hostname}/32` : undefined;
}

function isForbidden(cidr: string): boolean {
  return /^(169[.]254[.]|168[.]63[.]129[.]16[/]|100[.]100[.]100[.]200[/]|fe[89ab].:|fd00:ec2::254[/]|::ffff:)/.test(
    cidr,
  );
}

function anywhere(clusterCIDRs: readonly string[]) {
  const ipv6 = clusterCIDRs.filter((cidr) => cidr.includes(':'));
  const ipv4 = clusterCIDRs.filter((cidr) => !cidr.includes(':'));
  return [
    { ipBlock: { cidr: '0.0.0.0/0', except: [...FORBIDDEN_IPV4, ...ipv4] } },
    { ipBlock: { cidr: '::/0', except: [...FORBIDDEN_IPV6, ...ipv6] } },
  ];
}

function sorted(ports: ReadonlySet<number>) {
  return [...ports].toSorted((a, b) => a - b).map((number) => port(number));
}
