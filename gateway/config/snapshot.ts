// The snapshot: the one versioned document that a gateway serves, as the operator's translation writes it.
import * as z from 'zod';
import { healthSchema } from './health.ts';
import { throttlingSchema } from './throttling.ts';

/** The version that this build holds. How it reads the one before, and which it writes, is in versions.ts. */
export const SNAPSHOT_VERSION = 2;

/** A file that lies beside the snapshot, named by its content: certificates, keys and CA bundles. */
const fileName = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,200}$/);
const dnsLabel = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
const seconds = z.int().positive();

/** `10.0.0.0/8`, `2001:db8::/32`. */
const addressRange = z.union([z.cidrv4(), z.cidrv6()], 'must be a range such as 10.0.0.0/8 or 2001:db8::/32');

/** A server of one Exchange organisation. `http:` occurs for loopback addresses only: the API accepts `https:` alone. */
const server = z.strictObject({
  name: dnsLabel,
  url: z
    .string()
    .regex(
      /^(https:\/\/[^/?#@]+|http:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?)$/,
      'must be https://host[:port]',
    ),
  priority: z.int().nonnegative(),
  /** Its share of the requests, where they are balanced. Absent: 1. */
  weight: z.int().positive().optional(),
});

const oauth = z.strictObject({
  authorizationEndpoint: z.url({ protocol: /^https$/ }),
  tokenEndpoint: z.url({ protocol: /^https$/ }),
  gatewayResource: z.string().min(1),
  destinationResource: z.string().min(1),
  caFile: fileName.optional(),
  allowPasswordGrant: z.boolean(),
  otherResources: z.enum(['Refuse', 'Pass']),
  /** What the endpoints speak. Absent: as the token endpoint's path tells. */
  protocol: z.enum(['V1', 'V2', 'ADFS']).optional(),
  /** Absent: beside the token endpoint, where its path is written as Entra ID's or AD FS's. */
  deviceAuthorizationEndpoint: z.url({ protocol: /^https$/ }).optional(),
  /** Absent: likewise. */
  openIDConfigurationEndpoint: z.url({ protocol: /^https$/ }).optional(),
  /** Token answers name the gateway's resource. Absent: they stay as they are. */
  answeredResource: z.literal('Gateway').optional(),
  /** Exchange's challenges name the identity provider. Absent: they name the gateway, which version 1 could not do. */
  challenges: z.literal('Pass').optional(),
});

/** A list that is absent demands nothing. Tenants and client ids are lower case. */
const tokenPolicy = z.strictObject({
  allowedTenants: z.array(z.string().min(1)).min(1).optional(),
  allowedClientIds: z.array(z.string().min(1)).min(1).optional(),
  requiredScopes: z.array(z.string().min(1)).min(1).optional(),
  /** Absent: tokens that are opaque or encrypted pass. */
  unreadableTokens: z.literal('Refuse').optional(),
});

const route = z.strictObject({
  namespace: dnsLabel,
  name: dnsLabel,
  /** Names of the listeners that it is attached to. */
  listeners: z.array(dnsLabel).min(1),
  /** AND over fields, OR within; all empty: the default route. Lower case, users normalised by `translate`. */
  match: z.strictObject({
    users: z.array(z.string().min(1)),
    deviceTypes: z.array(z.string().min(1)),
    domains: z.array(z.string().min(1)),
  }),
  /** None: a reference of the route does not resolve. Its users get 503, at its OAuth endpoints too, never another route. */
  servers: z.array(server),
  /** Among servers of equal priority. Absent: Priority, the first one takes everything. */
  balancing: z.enum(['RoundRobin', 'LeastRequests', 'UserHash']).optional(),
  health: healthSchema.optional(),
  serverTLS: z.strictObject({ caFile: fileName.optional(), serverName: z.string().optional() }),
  authentication: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('PassThrough'), tokenPolicy: tokenPolicy.optional() }),
    z.strictObject({ type: z.literal('OAuth'), oauth, tokenPolicy: tokenPolicy.optional() }),
  ]),
  /** Absent: the domains that the match names are answered for, which version 1 could not do. */
  autodiscover: z
    .strictObject({
      policy: z.enum(['AnyDomain', 'Disabled']).optional(),
      redirectDomain: z
        .string()
        .regex(/^[a-z0-9.-]{1,253}$/)
        .optional(),
    })
    .optional(),
  redirects: z.strictObject({
    policy: z.enum(['Rewrite', 'Follow', 'Pass']),
    /** `host[:port]` or `*.suffix[:port]`, lower case. Absent: nobody is moved. */
    allowedHosts: z.array(z.string().min(1)).min(1).optional(),
    /** Absent: passwords are not sent to other servers than the route's. */
    allowBasicCredentials: z.literal(true).optional(),
    /** Of the servers that users are moved to. Absent: the public CAs. */
    caFile: fileName.optional(),
  }),
  throttling: throttlingSchema.optional(),
  /** Of ActiveSync. Absent: Exchange alone decides. */
  minProtocolVersion: z.enum(['12.0', '12.1', '14.0', '14.1', '16.0', '16.1']).optional(),
  limits: z.strictObject({
    maxRequestBytes: z.int().positive(),
    /** Requests under way of one gateway process, at all servers and at each. Absent: no bound. */
    maxConnections: z.int().positive().optional(),
    maxConnectionsPerServer: z.int().positive().optional(),
    /** Requests that wait while a bound is reached, and for how long. Absent: the gateway's defaults. */
    maxQueuedRequests: z.int().nonnegative().optional(),
    queueSeconds: seconds.optional(),
    /** Of the requests so many may be sent again to another server. Absent: the gateway's default. */
    maxReplayPercent: z.int().min(0).max(100).optional(),
  }),
  timeouts: z.strictObject({
    connectSeconds: seconds,
    /** From the end of the request body to the first byte of the answer, for all but polls. */
    firstByteSeconds: seconds,
    /** The same for mails that are sent, and for bodies and attachments that are fetched. Absent: as `firstByteSeconds`. */
    uploadFirstByteSeconds: seconds.optional(),
    downloadFirstByteSeconds: seconds.optional(),
    /** Between two pieces of a body while it flows. */
    idleSeconds: seconds,
    /** To the first byte of the answer of Ping and Sync. */
    pollSeconds: seconds,
    /** Between two requests of a phone on one connection. */
    keepAliveSeconds: seconds,
  }),
});

const listener = z.strictObject({
  name: dnsLabel,
  /** Lower case; told apart by SNI. The first listener also answers where no name is sent. */
  hostnames: z.array(z.string().min(1)).min(1),
  /** Certificate chains with their keys; at most one of each key type (RSA, ECDSA). */
  certificates: z.array(z.strictObject({ certificateFile: fileName, keyFile: fileName })).min(1),
  minVersion: z.enum(['TLSv1.2', 'TLSv1.3']),
});

/**
 * The whole document. Routes stand in the order in which they are to be tried where they are equally specific: older
 * first (creation time, then namespace/name). The gateway itself sorts by specificity.
 */
export const snapshotSchema = z.strictObject({
  version: z.literal(SNAPSHOT_VERSION),
  gateway: z.strictObject({ namespace: dnsLabel, name: dnsLabel }),
  listeners: z.array(listener).min(1),
  routes: z.array(route),
  /** 48 random bytes shared by the replicas, from which each listener derives its TLS session ticket keys. */
  ticketKeyFile: fileName,
  /** Mutual TLS of the admin port; absent where it is a Unix socket. */
  admin: z.strictObject({ certificateFile: fileName, keyFile: fileName, clientCAFile: fileName }).optional(),
  /**
   * Every connection of a phone begins with a PROXY protocol header (version 1 or 2), and is taken from these address ranges
   * only; from everywhere where there are none. Absent: the protocol is not spoken.
   */
  proxyProtocol: z.strictObject({ trustedProxies: z.array(addressRange).max(64) }).optional(),
  /** Of one client address (of IPv6: one /64) at one gateway process. */
  limits: z
    .strictObject({
      /** Absent: no limit of its own. */
      maxConnectionsPerAddress: z.int().positive().optional(),
      /** Under way, before Exchange has accepted their credentials. Absent: the gateway's default. */
      maxUnacceptedRequestsPerAddress: z.int().positive().optional(),
    })
    .optional(),
  drain: z.strictObject({ seconds, propagationSeconds: z.int().nonnegative() }),
  logging: z.strictObject({
    access: z.enum(['All', 'Errors', 'Sampled']),
    samplePercent: z.int().min(1).max(100),
    identifiers: z.enum(['Hashed', 'Plain']),
  }),
});

export type Snapshot = z.infer<typeof snapshotSchema>;
export type SnapshotListener = Snapshot['listeners'][number];
export type SnapshotRoute = Snapshot['routes'][number];
export type SnapshotOAuth = z.infer<typeof oauth>;

/** The files that a snapshot names, by name: PEM text and the ticket key's bytes. */
export type SnapshotFiles = ReadonlyMap<string, Buffer>;
