// ExchangeRoute: where the mail of some users lives.
import * as z from 'zod';
import { type Format, formats, text } from './formats.ts';
import { caReference, conditionSchema, dnsLabel, type ObjectMeta } from './meta.ts';
import { autodiscover } from './route-autodiscover.ts';
import { oauth } from './route-oauth.ts';
import { redirects, redirectStatus } from './route-redirects.ts';
import { balancing, health, limits, servers, timeouts } from './route-servers.ts';
import { throttling } from './route-throttling.ts';
import { tokenPolicy } from './route-token-policy.ts';
import { clientSettings } from './sentry-gateway.ts';

const gatewayRef = z.strictObject({
  name: text(formats.resourceName).describe('Name of the SentryGateway.'),
  namespace: dnsLabel(
    'Namespace of the SentryGateway, which must allow routes of this namespace. Default: the namespace of the route.',
  ).optional(),
  listenerName: dnsLabel('Name of the one listener to attach to. Default: all of them.').optional(),
});

const minProtocolVersion = z
  .enum(['12.0', '12.1', '14.0', '14.1', '16.0', '16.1'])
  .describe(
    'The oldest version of ActiveSync that phones may speak, in quotes: phones are offered no older one, and requests in one are refused. Exchange Online takes nothing below "16.1". Default: all that the servers speak.',
  )
  .optional();

const values = (description: string, format: Format) =>
  z.array(text(format)).max(1024).describe(description).optional();

export const exchangeRouteSpec = z.strictObject({
  gatewayRefs: z.array(gatewayRef).min(1).max(16).describe('The gateways that the route attaches to.'),
  match: z
    .strictObject({
      users: values(
        'User names: user@domain, DOMAIN\\user or a bare name; case does not matter. Default: any user.',
        formats.user,
      ),
      deviceTypes: values(
        'Device types as phones send them, such as iPhone; case does not matter. Default: any.',
        formats.deviceType,
      ),
      domains: values(
        'Domains of users: DNS names, or NetBIOS names for DOMAIN\\user; case does not matter. Default: any.',
        formats.domain,
      ),
    })
    .prefault({})
    .describe(
      'Whose requests the route takes: every field that is set must match, by any of its values. With no field set it is the default route.',
    ),
  servers,
  balancing,
  health,
  serverTLS: z
    .strictObject({
      caRef: caReference(
        "CA certificates by which the servers' certificates are verified. Default: the public CAs.",
      ).optional(),
      serverName: text(formats.hostname)
        .describe("The name that the servers' certificates carry. Default: the host of each URL.")
        .optional(),
    })
    .prefault({})
    .describe('How the servers are verified; that cannot be switched off.'),
  authentication: z
    .strictObject({
      type: z
        .enum(['PassThrough', 'OAuth'])
        .default('PassThrough')
        .describe(
          'PassThrough: credentials go to Exchange unchanged. OAuth: the same, and the gateway offers sign-in and token URLs. Default PassThrough.',
        ),
      oauth: oauth.describe('The OAuth endpoints; exactly with type: OAuth. Default none.').optional(),
      tokenPolicy: tokenPolicy
        .describe(
          'Bearer tokens that the gateway refuses by itself, expired ones among them. It reads them without verifying them: whatever passes is judged by Exchange. Credentials of other kinds pass. Default: all tokens pass.',
        )
        .optional(),
    })
    .prefault({})
    .describe('How users sign in.'),
  autodiscover,
  redirects,
  limits,
  throttling,
  minProtocolVersion,
  timeouts,
});

export const exchangeRouteStatus = z.strictObject({
  observedGeneration: z.int().min(0).describe('The generation that this status is about.').optional(),
  conditions: z
    .array(conditionSchema)
    .max(16)
    .describe('The summary over all gateways: Accepted, ResolvedRefs, Programmed, Ready, Conflicted.')
    .optional(),
  gateways: z
    .array(
      z.strictObject({
        gatewayRef: gatewayRef.describe('The gateway.'),
        conditions: z.array(conditionSchema).max(16).describe('The conditions with this gateway.'),
        clients: clientSettings
          .describe("What phones are to be given to use this route's own URLs.")
          .optional(),
      }),
    )
    .max(16)
    .describe('State with each gateway of gatewayRefs.')
    .optional(),
  servers: z
    .array(
      z.strictObject({
        name: dnsLabel('Name of the server.'),
        healthyPods: z.int().min(0).describe('Number of gateway pods that reach it.'),
        pods: z.int().min(0).describe('Number of gateway pods that were asked.'),
        since: z.iso.datetime().describe('When that number last changed.').optional(),
        lastError: z.string().max(1024).describe('The last error in words.').optional(),
      }),
    )
    .max(32)
    .describe('Health of the servers as the gateways see it.')
    .optional(),
  redirects: redirectStatus.describe('Users of mailboxes that moved. Absent: there are none.').optional(),
});

export type ExchangeRouteSpec = z.infer<typeof exchangeRouteSpec>;
export type ExchangeRouteStatus = z.infer<typeof exchangeRouteStatus>;

export interface ExchangeRoute {
  readonly apiVersion: string;
  readonly kind: 'ExchangeRoute';
  readonly metadata: ObjectMeta;
  readonly spec: ExchangeRouteSpec;
  readonly status?: ExchangeRouteStatus;
}
