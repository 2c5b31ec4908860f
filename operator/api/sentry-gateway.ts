// SentryGateway: where phones connect.
import * as z from 'zod';
import { formats, text } from './formats.ts';
import { networkPolicy, proxyProtocol, trustedProxies } from './gateway-network.ts';
import { podSettings } from './gateway-pod.ts';
import { autoscaling, replicas } from './gateway-scale.ts';
import { serviceSettings } from './gateway-service.ts';
import { gatewayLimits } from './gateway-limits.ts';
import { labelSelector } from './label-selector.ts';
import { conditionSchema, dnsLabel, type ObjectMeta, objectName } from './meta.ts';

const tls = z.strictObject({
  certificateRefs: z
    .array(
      z.strictObject({
        name: objectName('Name of a Secret of type kubernetes.io/tls, in the namespace of this resource.'),
      }),
    )
    .min(1)
    .max(4)
    .describe('Certificates from Secrets: one of each key type, RSA and ECDSA side by side. No default.')
    .optional(),
  issuerRef: z
    .strictObject({
      group: text(formats.objectName)
        .default('cert-manager.io')
        .describe('API group of the issuer. Default cert-manager.io.'),
      kind: text(formats.kind)
        .default('Issuer')
        .describe('Kind: Issuer, ClusterIssuer, or one of another group. Default Issuer.'),
      name: objectName('Name of the issuer; an Issuer lies in the namespace of this resource.'),
    })
    .describe(
      'Certificate by cert-manager: the operator writes a Certificate for the host names. In a cluster only. No default.',
    )
    .optional(),
  selfSigned: z
    .strictObject({})
    .describe(
      "A certificate of the operator's own CA, for trying out and for tests. The CA is published in the ConfigMap <gateway>-ca. No default.",
    )
    .optional(),
  minVersion: z
    .enum(['TLSv1.2', 'TLSv1.3'])
    .default('TLSv1.2')
    .describe('The oldest TLS version that phones may speak. Default TLSv1.2.'),
});

const listener = z.strictObject({
  name: dnsLabel('Name of the listener, unique in this gateway. Routes may name it.'),
  hostnames: z
    .array(text(formats.hostname))
    .min(1)
    .max(32)
    .describe(
      'Host names by which phones reach it, told apart by SNI. Phones that send no name reach the first listener.',
    ),
  tls: tls.describe(
    'Where its certificate comes from: exactly one of certificateRefs, issuerRef and selfSigned.',
  ),
});

export const sentryGatewaySpec = z.strictObject({
  port: z
    .int()
    .min(1)
    .max(65_535)
    .default(443)
    .describe(
      'Port on which phones connect: of the Service, or of this machine in standalone mode. Default 443.',
    ),
  listeners: z.array(listener).min(1).max(16).describe('Listeners, a map by name.'),
  replicas: replicas.optional(),
  autoscaling: autoscaling
    .describe(
      'The number of pods follows their CPU time, by a HorizontalPodAutoscaler; it needs a metrics server. Not used in standalone mode. Default: none, replicas says how many.',
    )
    .optional(),
  allowedRoutes: z
    .strictObject({
      namespaces: z
        .strictObject({
          from: z
            .enum(['Same', 'All', 'Selector'])
            .default('Same')
            .describe(
              "Same: the gateway's own namespace. All: every namespace. Selector: those that selector matches. Default Same.",
            ),
          selector: labelSelector('namespace')
            .describe('Labels of those namespaces, with from: Selector only. Default none.')
            .optional(),
        })
        .prefault({})
        .describe('Namespaces whose routes may attach.'),
    })
    .prefault({})
    .describe('Which routes may attach.'),
  service: serviceSettings
    .prefault({})
    .describe('The Service that phones reach the pods by. Not used in standalone mode.'),
  proxyProtocol: proxyProtocol
    .default('Disabled')
    .describe(
      'Required: every connection of a phone begins with a PROXY protocol header (version 1 or 2) of the load balancer, which names the phone. Default Disabled.',
    ),
  trustedProxies: trustedProxies
    .describe(
      'Address ranges of the proxies in front of the gateway: connections are taken from these only, with proxyProtocol: Required. Default: from everywhere.',
    )
    .optional(),
  limits: gatewayLimits
    .describe(
      'What one client address may have at one gateway process: an IPv4 address, or the /64 of an IPv6 address. Behind the address translation of a carrier or an office there are many phones: be generous. With proxyProtocol it is the address that the load balancer names. Default: as the fields say.',
    )
    .optional(),
  networkPolicy: networkPolicy
    .prefault({})
    .describe('Where the pods may connect to. Not used in standalone mode.'),
  pod: podSettings.prefault({}).describe('The pods of the gateway. Not used in standalone mode.'),
  drain: z
    .strictObject({
      seconds: z
        .int()
        .min(1)
        .max(3600)
        .default(60)
        .describe(
          'Seconds over which a stopping gateway ends its open polls and finishes requests. Default 60.',
        ),
      propagationSeconds: z
        .int()
        .min(0)
        .max(120)
        .default(5)
        .describe(
          'Seconds that a stopping pod still takes new connections, until no load balancer sends any. Default 5; 0 in standalone mode.',
        ),
    })
    .prefault({})
    .describe('How a gateway process stops.'),
  logging: z
    .strictObject({
      access: z
        .enum(['All', 'Errors', 'Sampled'])
        .default('Errors')
        .describe(
          'Which requests are logged: All; Errors (401 and polls that a phone left are none); or Sampled, which is every error and samplePercent of the others. Default Errors.',
        ),
      samplePercent: z
        .int()
        .min(1)
        .max(100)
        .describe('Percentage of requests without an error that are logged with access: Sampled. Default 1.')
        .optional(),
      identifiers: z
        .enum(['Hashed', 'Plain'])
        .default('Hashed')
        .describe('How users and devices appear in the log. Default Hashed.'),
    })
    .prefault({})
    .describe('The access log, JSON lines on standard error.'),
});

/** What phones are to be given (see the OAuth task). */
export const clientSettings = z.strictObject({
  host: z.string().max(253).describe('Host name of the gateway.'),
  signInURL: z.string().max(2048).describe('OAuth sign-in URL.').optional(),
  tokenURL: z.string().max(2048).describe('OAuth token URL.').optional(),
  apple: z
    .strictObject({
      Host: z.string().max(253).describe('Key Host of com.apple.eas.account.'),
      OAuth: z.boolean().describe('Key OAuth.').optional(),
      OAuthSignInURL: z.string().max(2048).describe('Key OAuthSignInURL.').optional(),
      OAuthTokenRequestURL: z.string().max(2048).describe('Key OAuthTokenRequestURL.').optional(),
    })
    .describe("Keys of Apple's com.apple.eas.account payload."),
  emailPlus: z
    .strictObject({
      email_exchange_host: z.string().max(253).describe('Key email_exchange_host.'),
      email_login_certificate: z.string().max(1024).describe('Key email_login_certificate.').optional(),
      eas_min_allowed_auth_mode: z.string().max(64).describe('Key eas_min_allowed_auth_mode.').optional(),
      modern_auth_authority_url: z.string().max(2048).describe('Key modern_auth_authority_url.').optional(),
      modern_auth_resource_url: z.string().max(2048).describe('Key modern_auth_resource_url.').optional(),
    })
    .describe('Keys and values for Email+.'),
  msal: z
    .strictObject({
      authority: z.string().max(2048).describe('The authority.'),
      knownAuthorities: z
        .array(z.string().max(2048))
        .max(2)
        .describe('The hosts to name as known authorities: of the gateway and of the identity provider.'),
      scope: z.string().max(2048).describe('The scope to ask for.'),
    })
    .describe("Settings of clients that sign in by Microsoft's MSAL.")
    .optional(),
});

export const sentryGatewayStatus = z.strictObject({
  observedGeneration: z.int().min(0).describe('The generation that this status is about.').optional(),
  conditions: z
    .array(conditionSchema)
    .max(16)
    .describe('Accepted, ResolvedRefs, Programmed, Ready.')
    .optional(),
  addresses: z
    .array(z.strictObject({ value: z.string().max(253).describe('IP address or host name.') }))
    .max(16)
    .describe('Addresses at which phones reach the gateway.')
    .optional(),
  selector: z.string().max(1024).describe('Label selector of the pods, for kubectl scale.').optional(),
  replicas: z.int().min(0).describe('Number of pods.').optional(),
  readyReplicas: z.int().min(0).describe('Number of ready pods.').optional(),
  listeners: z
    .array(
      z.strictObject({
        name: dnsLabel('Name of the listener.'),
        certificate: z
          .strictObject({
            notAfter: z.iso.datetime().describe('When the first of its certificates ends.'),
          })
          .describe('Its certificate.')
          .optional(),
        attachedRoutes: z.int().min(0).describe('Number of routes attached to it.'),
      }),
    )
    .max(16)
    .describe('State of each listener.')
    .optional(),
  snapshot: z
    .strictObject({
      hash: z.string().max(128).describe('SHA-256 of the configuration that is to be served.'),
      generation: z.int().min(0).describe('Number of that configuration, growing by one with each change.'),
    })
    .describe('The configuration that is to be served.')
    .optional(),
  clients: clientSettings.describe('What phones are to be given.').optional(),
});

export type SentryGatewaySpec = z.infer<typeof sentryGatewaySpec>;
export type SentryGatewayStatus = z.infer<typeof sentryGatewayStatus>;
export type ClientSettings = z.infer<typeof clientSettings>;

export interface SentryGateway {
  readonly apiVersion: string;
  readonly kind: 'SentryGateway';
  readonly metadata: ObjectMeta;
  readonly spec: SentryGatewaySpec;
  readonly status?: SentryGatewayStatus;
}
