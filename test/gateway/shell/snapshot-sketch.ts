// Snapshots for tests of the process: what a test does not say is as in a default manifest.
import { createHash, randomBytes } from 'node:crypto';
import type { Snapshot, SnapshotListener, SnapshotRoute } from '../../../gateway/config/snapshot.ts';
import type { Credentials } from '../../peers/certificates.ts';

export interface ListenerSketch {
  readonly name?: string;
  readonly hostnames?: readonly string[];
  readonly credentials: readonly Credentials[];
  readonly minVersion?: SnapshotListener['minVersion'];
}

export interface ServerSketch {
  readonly name: string;
  readonly url: string;
  readonly priority?: number;
  readonly weight?: number;
}

export interface RouteSketch {
  readonly name?: string;
  readonly listeners?: readonly string[];
  readonly match?: Partial<SnapshotRoute['match']>;
  readonly servers?: readonly ServerSketch[];
  readonly balancing?: SnapshotRoute['balancing'];
  readonly health?: SnapshotRoute['health'];
  readonly limits?: Partial<SnapshotRoute['limits']>;
  readonly ca?: string;
  readonly authentication?: SnapshotRoute['authentication'];
  readonly timeouts?: Partial<SnapshotRoute['timeouts']>;
  readonly autodiscover?: SnapshotRoute['autodiscover'];
  readonly maxRequestBytes?: number;
  readonly minProtocolVersion?: SnapshotRoute['minProtocolVersion'];
  /** With a `ca` the new servers are verified by it too. */
  readonly redirects?: Partial<SnapshotRoute['redirects']>;
  readonly throttling?: SnapshotRoute['throttling'];
}

export interface SnapshotSketch {
  readonly listeners: readonly ListenerSketch[];
  readonly routes?: readonly RouteSketch[];
  readonly ticketKey?: Buffer;
  readonly admin?: { readonly credentials: Credentials; readonly clientCA: string };
  readonly proxyProtocol?: Snapshot['proxyProtocol'];
  readonly limits?: Snapshot['limits'];
  readonly drain?: Snapshot['drain'];
  readonly logging?: Snapshot['logging'];
}

export interface SketchedSnapshot {
  readonly snapshot: Snapshot;
  readonly files: Map<string, Buffer>;
}

/** The snapshot of a sketch, with its files named by their content. */
export function sketchSnapshot(sketch: SnapshotSketch): SketchedSnapshot {
  const files = new Map<string, Buffer>();
  const add = (content: string | Buffer): string => {
    const name = `file-${createHash('sha256').update(content).digest('hex').slice(0, 32)}`;
    files.set(name, Buffer.from(content));
    return name;
  };
  const pair = ({ cert, key }: Credentials) => ({ certificateFile: add(cert), keyFile: add(key) });
  const listeners = sketch.listeners.map(({ name, hostnames, credentials, minVersion }) => ({
    name: name ?? 'phones',
    hostnames: [...(hostnames ?? ['sentry.example.com'])],
    certificates: credentials.map(pair),
    minVersion: minVersion ?? 'TLSv1.2',
  }));
  const names = listeners.map(({ name }) => name);
  const snapshot: Snapshot = {
    version: 2,
    gateway: { namespace: 'default', name: 'mail' },
    listeners,
    routes: (sketch.routes ?? []).map((route) => sketchRoute(route, names, add)),
    ticketKeyFile: add(sketch.ticketKey ?? randomBytes(48)),
    ...(sketch.admin && {
      admin: { ...pair(sketch.admin.credentials), clientCAFile: add(sketch.admin.clientCA) },
    }),
    ...(sketch.proxyProtocol && { proxyProtocol: sketch.proxyProtocol }),
    ...(sketch.limits && { limits: sketch.limits }),
    drain: sketch.drain ?? { seconds: 2, propagationSeconds: 0 },
    logging: sketch.logging ?? { access: 'All', samplePercent: 10, identifiers: 'Hashed' },
  };
  return { snapshot, files };
}

function sketchRoute(
  route: RouteSketch,
  listeners: readonly string[],
  add: (content: string) => string,
): SnapshotRoute {
  const servers = route.servers ?? [{ name: 'mbx1', url: 'https://localhost:9' }];
  return {
    namespace: 'default',
    name: route.name ?? 'example-com',
    listeners: [...(route.listeners ?? listeners)],
    match: { users: [], deviceTypes: [], domains: [], ...route.match },
    servers: servers.map(({ name, url, priority, weight }) => ({
      name,
      url,
      priority: priority ?? 0,
      ...(weight !== undefined && { weight }),
    })),
    ...(route.balancing && { balancing: route.balancing }),
    ...(route.health && { health: route.health }),
    serverTLS: route.ca === undefined ? {} : { caFile: add(route.ca) },
    ...(route.autodiscover && { autodiscover: route.autodiscover }),
    authentication: withCaFile(route.authentication ?? { type: 'PassThrough' }, route.ca, add),
    redirects: {
      policy: 'Rewrite',
      ...route.redirects,
      ...(route.redirects !== undefined && route.ca !== undefined && { caFile: add(route.ca) }),
    },
    ...(route.throttling && { throttling: route.throttling }),
    ...(route.minProtocolVersion && { minProtocolVersion: route.minProtocolVersion }),
    limits: { maxRequestBytes: route.maxRequestBytes ?? 30_000_000, ...route.limits },
    timeouts: {
      connectSeconds: 5,
      firstByteSeconds: 120,
      idleSeconds: 60,
      pollSeconds: 3600,
      keepAliveSeconds: 120,
      ...route.timeouts,
    },
  };
}

/** The identity provider's certificates come from the servers' authority. */
function withCaFile(
  authentication: SnapshotRoute['authentication'],
  ca: string | undefined,
  add: (content: string) => string,
): SnapshotRoute['authentication'] {
  if (authentication.type === 'PassThrough' || ca === undefined) return authentication;
  return { ...authentication, oauth: { ...authentication.oauth, caFile: add(ca) } };
}
