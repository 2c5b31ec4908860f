// An identity provider that is not ours: the package oidc-provider, which knows nothing of Entra ID, on TLS of the tests' authority.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JSONWebKeySet, type JWK } from 'jose';
import { type ClientMetadata, type Configuration, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { CertificateAuthority } from '../../peers/certificates.ts';
import type { TokenRules } from '../../peers/exchange/token-verifier.ts';

export interface IndependentProviderOptions {
  readonly authority: CertificateAuthority;
  /** Signs in whenever somebody is to. */
  readonly user: string;
  readonly client: ClientMetadata;
  /** What tokens are for. */
  readonly resource: string;
  readonly permission: string;
}

export class IndependentProvider implements AsyncDisposable {
  readonly issuer: string;
  /** Path and parameters of every request for the provider. */
  readonly requests: { readonly path: string; readonly parameters: object }[] = [];
  private readonly server: Server;
  private readonly keys: JSONWebKeySet;
  private readonly resource: string;
  private readonly provider: Provider;

  private constructor(server: Server, key: JWK, options: IndependentProviderOptions) {
    this.server = server;
    this.issuer = `https://localhost:${(server.address() as AddressInfo).port}`;
    const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...publicKey } = key;
    this.keys = { keys: [publicKey] };
    this.resource = options.resource;
    this.provider = new Provider(this.issuer, configuration(key, options));
    this.provider.use(async (context, next) => {
      await next();
      const { path, query, oidc } = context as KoaContextWithOIDC;
      this.requests.push({ path, parameters: { ...query, ...oidc?.body } });
    });
    const serve = this.provider.callback();
    server.on('request', (request, response) => {
      if (request.url?.startsWith('/interaction/') === true) {
        void this.signIn(options.user, request, response);
      } else {
        void serve(request, response);
      }
    });
  }

  static async start(options: IndependentProviderOptions): Promise<IndependentProvider> {
    const server = createServer(await options.authority.issue({ names: ['localhost', '127.0.0.1'] }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const key = { ...(await exportJWK(privateKey)), kid: 'k1', use: 'sig', alg: 'RS256' };
    return new IndependentProvider(server, key, options);
  }

  /** What the simulated Exchange needs to accept its tokens. */
  tokenRules(): TokenRules {
    return {
      audiences: [this.resource],
      keys: () => this.keys,
      authorizationUri: `${this.issuer}/auth`,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async signIn(user: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { prompt } = await this.provider.interactionDetails(request, response);
    const result = prompt.name === 'login' ? { login: { accountId: user } } : { consent: {} };
    await this.provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  }
}

function configuration(key: JWK, options: IndependentProviderOptions): Configuration {
  const { user, client, resource, permission } = options;
  const scope = `${resource}/${permission}`;
  return {
    clients: [client],
    jwks: { keys: [key] },
    cookies: { keys: ['a key for cookies of one test'] },
    scopes: ['openid', 'offline_access'],
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: () => true,
    extraTokenClaims: () => ({ upn: user }),
    ttl: {
      AccessToken: 3600,
      Grant: 3600,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 3600,
      Session: 3600,
    },
    loadExistingGrant: async ({ oidc: { provider, session } }) => {
      const grant = new provider.Grant({ clientId: client.client_id, accountId: session?.accountId ?? '' });
      grant.addOIDCScope('openid offline_access');
      grant.addResourceScope(resource, scope);
      await grant.save();
      return grant;
    },
    features: {
      devInteractions: { enabled: false },
      deviceFlow: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_, __, oneOf) => oneOf ?? resource,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, asked) => {
          if (asked !== resource) throw new Error(`${asked} is not registered`);
          return { scope, audience: asked, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
        },
      },
    },
  };
}
