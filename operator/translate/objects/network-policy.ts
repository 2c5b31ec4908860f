// What may reach a gateway's pods, and where they may connect to.
import type { Snapshot, SnapshotOAuth } from '../../../gateway/config/snapshot.ts';
import { contains, isSameRange } from '../../api/cidr.ts';
import { FORBIDDEN_CIDRS } from '../../api/gateway-network.ts';
import type { KubernetesObject } from '../../api/meta.ts';
import type { SentryGateway } from '../../api/sentry-gateway.ts';
import { objectMetadata, selectorLabels } from './metadata.ts';
import { podPorts } from './ports.ts';

const EVERYWHERE = ['0.0.0.0/0', '::/0'];

export interface NetworkPolicyInput {
  readonly gateway: SentryGateway;
  readonly snapshot: Snapshot;
  /** Address ranges of the cluster's pods and Services. */
  readonly clusterCIDRs: readonly string[];
}

/**
 * Ports are those of the pods. Policies know no host names, so servers named by one are allowed by their port alone, in
 * `egressCIDRs` or everywhere but in ranges of the cluster; one of these that `egressCIDRs` names is allowed. A server named by
 * its address is allowed alone, and not at all outside of `egressCIDRs`.
 */
export function networkPolicy({ gateway, snapshot, clusterCIDRs }: NetworkPolicyInput): KubernetesObject {
  const { egressCIDRs } = gateway.spec.networkPolicy;
  const allowed = egressCIDRs ?? EVERYWHERE;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: objectMetadata(gateway),
    spec: {
      podSelector: { matchLabels: selectorLabels(gateway.metadata) },
      policyTypes: ['Ingress', 'Egress'],
      ingress: ingress(),
      egress: [{ ports: [port(53, 'UDP'), port(53)] }, ...upstreamRules(snapshot, { allowed, clusterCIDRs })],
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

interface Ranges {
  readonly allowed: readonly string[];
  readonly clusterCIDRs: readonly string[];
}

function upstreamRules(snapshot: Snapshot, ranges: Ranges) {
  const { named, literal } = destinations(snapshot);
  const rules: object[] = [...literal]
    .filter(([cidr]) => ranges.allowed.some((range) => contains(range, cidr)))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([cidr, ports]) => ({
      ports: sorted(ports),
      to: [{ ipBlock: { cidr } }],
    }));
  if (named.size > 0) rules.push({ ports: sorted(named), to: blocks(ranges) });
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
  for (const host of allowedHostsOf(snapshot)) named.add(Number(/:(\d+)$/.exec(host)?.[1] ?? 443));
  return { named, literal };
}

/** Servers and identity providers; phones call the authorization endpoint themselves. */
function urlsOf({ routes }: Snapshot): URL[] {
  return routes.flatMap(({ servers, authentication }) => [
    ...servers.map(({ url }) => new URL(url)),
    ...(authentication.type === 'OAuth' ? calledOf(authentication.oauth) : []),
  ]);
}

/** What is not configured lies beside the token endpoint. */
function calledOf(oauth: SnapshotOAuth): URL[] {
  const urls = [oauth.tokenEndpoint, oauth.deviceAuthorizationEndpoint, oauth.openIDConfigurationEndpoint];
  return urls.filter((url) => url !== undefined).map((url) => new URL(url));
}

/** Servers that Exchange may send users to. */
function allowedHostsOf({ routes }: Snapshot): string[] {
  return routes.flatMap(({ redirects }) => redirects.allowedHosts ?? []);
}

/** `URL` has brought every spelling of an address into one. */
function literalRange(hostname: string): string | undefined {
  if (hostname.startsWith('[')) return `${hostname.slice(1, -1)}/128`;
  return /^\d+([.]\d+){3}$/.test(hostname) ? `${hostname}/32` : undefined;
}

/** An IPv4 address in IPv6 form is none that a policy knows. */
function isForbidden(cidr: string): boolean {
  return cidr.startsWith('::ffff:') || FORBIDDEN_CIDRS.some((range) => contains(range, cidr));
}

/** An exception must lie in its range, and be less than it. */
function blocks({ allowed, clusterCIDRs }: Ranges) {
  return allowed.map((cidr) => {
    const except = [...FORBIDDEN_CIDRS, ...clusterCIDRs].filter(
      (inner) => contains(cidr, inner) && !isSameRange(cidr, inner),
    );
    return { ipBlock: { cidr, ...(except.length > 0 && { except }) } };
  });
}

function sorted(ports: ReadonlySet<number>) {
  return [...ports].toSorted((a, b) => a - b).map((number) => port(number));
}
