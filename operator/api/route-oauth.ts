// ExchangeRoute's spec.authentication.oauth: the sign-in and token URLs that the gateway offers to phones.
import * as z from 'zod';
import { formats, text } from './formats.ts';
import { caReference } from './meta.ts';
import type { Rule } from './rule.ts';

export const oauth = z.strictObject({
  authorizationEndpoint: text(formats.oauthEndpoint).describe(
    "The identity provider's authorization endpoint.",
  ),
  tokenEndpoint: text(formats.oauthEndpoint).describe("The identity provider's token endpoint."),
  protocol: z
    .enum(['V1', 'V2', 'ADFS'])
    .describe(
      'What the endpoints speak. V1: resource. V2: scope alone. ADFS: both, with scopes as AD FS writes them. Default: by the path of tokenEndpoint, V2 for /oauth2/v2.0/, ADFS for /adfs/, else V1.',
    )
    .optional(),
  deviceAuthorizationEndpoint: text(formats.oauthEndpoint)
    .describe(
      "The identity provider's endpoint for device codes. Default: devicecode beside tokenEndpoint where that ends in /oauth2/token or /oauth2/v2.0/token, else none is offered.",
    )
    .optional(),
  openIDConfigurationEndpoint: text(formats.oauthEndpoint)
    .describe(
      "The identity provider's OpenID configuration. Default: where Entra ID and AD FS have it, if tokenEndpoint ends in /oauth2/token or /oauth2/v2.0/token, else none is offered.",
    )
    .optional(),
  gatewayResource: text(formats.oauthResource).describe(
    'The resource that phones ask for: usually https:// and the host of the gateway. Compared without a final slash and without case of the host.',
  ),
  destinationResource: text(formats.oauthResource).describe(
    'The resource that the identity provider is asked for instead, such as https://outlook.office365.com/.',
  ),
  caRef: caReference(
    "CA certificates by which the identity provider's certificate is verified. Default: the public CAs.",
  ).optional(),
  allowPasswordGrant: z
    .boolean()
    .default(false)
    .describe('Whether token requests of grant type password pass. Default false.'),
  otherResources: z
    .enum(['Refuse', 'Pass'])
    .default('Refuse')
    .describe('What happens to requests for another resource. Default Refuse (invalid_target).'),
  answeredResource: z
    .enum(['Destination', 'Gateway'])
    .describe(
      'Which resource token answers name, in resource and scope. Destination: the answer stays as it is. Gateway: gatewayResource, for clients that keep tokens by it. Default Destination.',
    )
    .optional(),
  challenges: z
    .enum(['Rewrite', 'Pass'])
    .describe(
      "What becomes of authorization_uri in Exchange's Bearer challenges. Rewrite: the gateway's endpoint of this route, so that phones without a profile sign in there too. Pass: it stays. Default Rewrite.",
    )
    .optional(),
});

type OAuthSpec = z.infer<typeof oauth>;

const V2_PATH = '/oauth2/v2.0/';

export const oauthRules: readonly Rule<never>[] = [
  {
    at: 'spec.authentication.oauth',
    cel: `has(self.protocol) || self.authorizationEndpoint.contains('${V2_PATH}') == self.tokenEndpoint.contains('${V2_PATH}')`,
    check: ({ protocol, authorizationEndpoint, tokenEndpoint }: OAuthSpec) =>
      protocol !== undefined || authorizationEndpoint.includes(V2_PATH) === tokenEndpoint.includes(V2_PATH),
    field: '.tokenEndpoint',
    message: 'name two endpoints of one version, both with /oauth2/v2.0/ or neither, or set protocol',
  },
];
