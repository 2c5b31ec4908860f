// The identity provider's OpenID Connect configuration, with the gateway's endpoints in place of those that phones must not use directly.
import type { Clock } from '../http/deadlines.ts';
import { HeaderList } from '../http/headers.ts';
import { type IdentityProviderClient, IdentityProviderError } from './identity-provider-client.ts';
import type { ProviderEndpoint } from './provider-endpoints.ts';

/** A document's members. */
export type Configuration = Readonly<Record<string, unknown>>;

/** Where this request's phone finds the gateway: `https://host[:port]/proxyservice…`, and the `/v2.0` of its path. */
export interface GatewayBase {
  readonly url: string;
  readonly version: '' | '/v2.0';
  readonly hasDeviceCode: boolean;
}

const FRESH_MS = 3_600_000;
/** How long an old one serves before a newer one is asked for again. */
const RETRY_MS = 60_000;
/** Tenants of which a document is kept: a path may name any. */
const MAX_KEPT = 64;
const HEADERS = HeaderList.of(['Accept', 'application/json']);

/** They would lead a client to the identity provider past the gateway, or forbid the way through it. */
const BYPASSES: ReadonlySet<string> = new Set([
  'backchannel_authentication_endpoint',
  'device_authorization_endpoint',
  'mtls_endpoint_aliases',
  'pushed_authorization_request_endpoint',
  'require_pushed_authorization_requests',
  'request_parameter_supported',
  'request_uri_parameter_supported',
  'require_signed_request_object',
  'signed_metadata',
]);

interface Kept {
  readonly document: Configuration;
  freshUntil: number;
}

/** The documents of one route's identity provider, by tenant. */
export class ConfigurationDocuments {
  private readonly client: IdentityProviderClient;
  private readonly endpoint: ProviderEndpoint;
  private readonly clock: Clock;
  private readonly kept = new Map<string, Kept>();
  private readonly underWay = new Map<string, Promise<Configuration>>();

  constructor(client: IdentityProviderClient, endpoint: ProviderEndpoint, clock: Clock) {
    this.client = client;
    this.endpoint = endpoint;
    this.clock = clock;
  }

  /**
   * The identity provider's document; one that is over an hour old only while no newer one can be had.
   * Several phones that ask at once cause one request.
   *
   * @throws IdentityProviderError where there is none.
   */
  async get(tenant: string): Promise<Configuration> {
    const path = this.endpoint.path(tenant);
    const kept = this.kept.get(path);
    if (kept !== undefined && this.clock.now() < kept.freshUntil) return kept.document;
    try {
      let fetching = this.underWay.get(path);
      if (fetching === undefined) {
        fetching = this.fetch(tenant).finally(() => this.underWay.delete(path));
        this.underWay.set(path, fetching);
      }
      return await fetching;
    } catch (error) {
      if (kept === undefined) throw error;
      kept.freshUntil = this.clock.now() + RETRY_MS;
      return kept.document;
    }
  }

  private async fetch(tenant: string): Promise<Configuration> {
    const { client, endpoint, kept } = this;
    const answer = await client.send(
      { method: 'GET', endpoint, tenant, query: null, headers: HEADERS, body: undefined },
      // A phone that goes away must not fail those that wait for the same document.
      new AbortController().signal,
    );
    if (answer.status !== 200) throw new IdentityProviderError(`Status${answer.status}`);
    const document = parse(answer.body);
    const path = endpoint.path(tenant);
    kept.delete(path);
    kept.set(path, { document, freshUntil: this.clock.now() + FRESH_MS });
    if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value ?? '');
    return document;
  }
}

/**
 * The document for a phone. The issuer stays the identity provider's: it is what tokens carry, and what a client compares them with.
 * So do its keys, and endpoints that take no audience.
 */
export function throughGateway(document: Configuration, base: GatewayBase): Configuration {
  const oauth2 = `${base.url}/oauth2${base.version}`;
  const kept = Object.entries(document).filter(([name]) => !BYPASSES.has(name));
  return {
    ...Object.fromEntries(kept),
    authorization_endpoint: `${oauth2}/authorize`,
    token_endpoint: `${oauth2}/token`,
    ...(base.hasDeviceCode && { device_authorization_endpoint: `${oauth2}/devicecode` }),
    request_parameter_supported: false,
    // Its default is true (OpenID Connect Discovery 1.0, 3).
    request_uri_parameter_supported: false,
  };
}

function parse(body: Buffer): Configuration {
  const document = parseJSON(body.toString('utf8'));
  if (typeof document !== 'object' || document === null || !('issuer' in document)) {
    throw new IdentityProviderError('NoConfiguration');
  }
  return document;
}

function parseJSON(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new IdentityProviderError('NoConfiguration', error);
  }
}
