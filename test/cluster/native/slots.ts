// Names and address ranges of up to four native clusters that may run side by side on one machine.

export interface Slot {
  readonly number: number;
  /** Held (flock) for as long as any process of the cluster lives. Also the log of what holds it. */
  readonly lockPath: string;
  /** State of the cluster; deleted when it stops. */
  readonly folder: string;
  /** The interface towards the node, in the namespace of whoever started the cluster. */
  readonly interface: string;
  /** The cgroup, in every hierarchy, of the pods. */
  readonly cgroup: string;
  readonly addresses: Addresses;
}

export interface Addresses {
  /** Our end of the cable: what pods call to reach a server of the test. */
  readonly host: string;
  /** The node's end: API server, node ports. */
  readonly node: string;
  /** Both ends of the cable, pods, and cluster IPs, in CIDR notation. */
  readonly cableRange: string;
  readonly podRange: string;
  readonly serviceRange: string;
}

export const slots: readonly Slot[] = [0, 1, 2, 3].map((number) => ({
  number,
  lockPath: `/run/lock/sentry-cluster-${number}`,
  folder: `/var/lib/sentry-cluster/${number}`,
  interface: `sentry${number}`,
  cgroup: `sentry-cluster-${number}`,
  addresses: {
    host: `10.251.${number}.1`,
    node: `10.251.${number}.2`,
    cableRange: `10.251.${number}.0/30`,
    podRange: `10.${244 + number}.0.0/16`,
    serviceRange: `10.${96 + number}.0.0/16`,
  },
}));
