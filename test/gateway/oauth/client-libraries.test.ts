// Real OAuth clients sign in through the gateway, finding its endpoints by discovery, and their tokens open Exchange.
import {
  type AccountInfo,
  type AuthenticationResult,
  CryptoProvider,
  PublicClientApplication,
} from '@azure/msal-node';
import { decodeJwt } from 'jose';
import * as openid from 'openid-client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SnapshotOAuth } from '../../../gateway/config/snapshot.ts';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { IdentityProvider } from '../../peers/identity-provider/identity-provider.ts';
import { Phone } from '../../peers/phone/phone.ts';
import { GatewayFixture, HOSTNAME } from '../pipeline/gateway-fixture.ts';
import { networkOf } from './msal-network.ts';
import { TrustingFetch } from './trusting-fetch.ts';

const USER = 'alice@example.com';
const RESOURCE = 'https://outlook.office365.com/';
const CLIENT_ID = '0f1c2b2a-0000-4000-8000-000000000001';
const SCOPE = `https://${HOSTNAME}/EAS.AccessAsUser.All`;
const REDIRECT = 'com.example.mail://oauth';

let authority: CertificateAuthority;
let provider: IdentityProvider;
let exchange: Exchange;
let gateway: GatewayFixture;
let browser: TrustingFetch;

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  provider = await IdentityProvider.start({ authority, users: [USER], resources: [RESOURCE] });
  exchange = await Exchange.start({
    authority,
    users: [{ name: USER }],
    tokens: provider.tokenRules([RESOURCE]),
  });
  gateway = await GatewayFixture.start({ authority, routes: [] });
  browser = new TrustingFetch(authority.certificate, { [HOSTNAME]: '127.0.0.1' });
});

beforeEach(() => {
  gateway.records.length = 0;
});

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await gateway.stop();
  exchange.close();
  await provider[Symbol.asyncDispose]();
});

/** Serves one route whose endpoints are those of `base` at the identity provider. */
function serve(base: string, change: Partial<SnapshotOAuth> = {}): void {
  gateway.apply([
    {
      servers: [{ name: 'mbx1', url: exchange.frontEnd().url }],
      authentication: {
        type: 'OAuth',
        oauth: {
          authorizationEndpoint: `${provider.url}/${base}/authorize`,
          tokenEndpoint: `${provider.url}/${base}/token`,
          gatewayResource: `https://${HOSTNAME}`,
          destinationResource: RESOURCE,
          allowPasswordGrant: false,
          otherResources: 'Refuse',
          ...change,
        },
      },
    },
  ]);
}

async function openMailbox(accessToken: string): Promise<void> {
  const phone = new Phone({ ...gateway.forPhones, user: USER, authorization: `Bearer ${accessToken}` });
  await phone.folderSync();
  phone.close();
  expect(phone.report.summary()).toMatchObject({ lost: 0, signIns: 0 });
  expect(exchange.violations).toEqual([]);
}

const tenant = (): string => provider.directory.tenantId;
const tokenRequests = (): string[] =>
  provider.requests
    .filter(({ endpoint }) => endpoint?.purpose === 'token')
    .map(({ body }) => body.toString());

describe('MSAL', () => {
  const application = (path: string): PublicClientApplication =>
    new PublicClientApplication({
      auth: {
        clientId: CLIENT_ID,
        authority: gateway.url + path,
        knownAuthorities: [new URL(gateway.url).host, new URL(provider.url).host],
      },
      system: { networkClient: networkOf(browser.fetch) },
    });

  function accountOf({ account }: AuthenticationResult): AccountInfo {
    if (account === null) throw new Error('MSAL has no account');
    return account;
  }

  async function signIn(app: PublicClientApplication) {
    const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
    const request = { scopes: [SCOPE], redirectUri: REDIRECT, state: 's+1' };
    const url = await app.getAuthCodeUrl({
      ...request,
      loginHint: USER,
      codeChallenge: challenge,
      codeChallengeMethod: 'S256',
    });
    expect(url.startsWith(`${gateway.url}/proxyservice/`)).toBe(true);
    const back = await browser.signIn(url, REDIRECT);
    expect(back.searchParams.get('state')).toBe('s+1');
    return app.acquireTokenByCode({
      ...request,
      code: back.searchParams.get('code') ?? '',
      codeVerifier: verifier,
    });
  }

  test.each([
    ['Entra ID v2', 'common/oauth2/v2.0', '/proxyservice/common'],
    ['Entra ID v2 by the authority of the status', 'common/oauth2/v2.0', '/proxyservice'],
    [
      'Entra ID v2 by the route',
      'organizations/oauth2/v2.0',
      '/proxyservice/default/example-com/organizations',
    ],
    ['Entra ID v1, whose clients name a resource', 'common/oauth2', '/proxyservice/common'],
    ['a tenant of Entra ID', 'contoso.com/oauth2/v2.0', '/proxyservice/common'],
    ['AD FS', 'adfs/oauth2', '/proxyservice'],
  ])('signs in at %s as a public client with PKCE, and renews its token', async (_, base, path) => {
    serve(base);
    const app = application(path);
    const first = await signIn(app);
    expect(decodeJwt(first.accessToken)).toMatchObject({ upn: USER, appid: CLIENT_ID });
    await openMailbox(first.accessToken);
    expect(accountOf(first).tenantId).toBe(tenant());
    await provider.rotateKeys();
    const renewed = await app.acquireTokenSilent({
      account: accountOf(first),
      scopes: [SCOPE],
      forceRefresh: true,
    });
    expect(renewed.fromCache).toBe(false);
    expect(renewed.accessToken).not.toBe(first.accessToken);
    await openMailbox(renewed.accessToken);
  });

  test.each([
    ['Entra ID v2', 'common/oauth2/v2.0'],
    ['AD FS', 'adfs/oauth2'],
  ])('signs in at %s by a device code', async (_, base) => {
    serve(base);
    const result = await application('/proxyservice/common').acquireTokenByDeviceCode({
      scopes: [SCOPE],
      deviceCodeCallback: ({ userCode, message }) => {
        expect(message).toContain(userCode);
        expect(provider.approveDevice(userCode, USER)).toBe(true);
      },
    });
    await openMailbox(result?.accessToken ?? '');
    expect(gateway.records.map(({ command }) => command)).toContain('OAuthDeviceCode');
  });

  test('finds its token in its own cache where answers name the gateway', async () => {
    serve('common/oauth2/v2.0', { answeredResource: 'Gateway' });
    const app = application('/proxyservice/common');
    const first = await signIn(app);
    const asked = tokenRequests().length;
    const silent = await app.acquireTokenSilent({
      account: accountOf(first),
      scopes: [SCOPE],
    });
    expect([silent.fromCache, silent.accessToken]).toEqual([true, first.accessToken]);
    expect(tokenRequests()).toHaveLength(asked);
  });

  test('answers a challenge with claims by a new token', async () => {
    serve('common/oauth2/v2.0');
    const app = application('/proxyservice/common');
    const first = await signIn(app);
    const claims = '{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}';
    const renewed = await app.acquireTokenSilent({
      account: accountOf(first),
      scopes: [SCOPE],
      claims,
    });
    await openMailbox(renewed.accessToken);
    const sent = new URLSearchParams(tokenRequests().at(-1)).get('claims') ?? '';
    expect(JSON.parse(sent)).toMatchObject(JSON.parse(claims) as object);
  });

  test('is told what the identity provider refuses', async () => {
    serve('common/oauth2/v2.0');
    const app = application('/proxyservice/common');
    const first = await signIn(app);
    provider.revoke(USER);
    await expect(
      app.acquireTokenSilent({
        account: accountOf(first),
        scopes: [SCOPE],
        forceRefresh: true,
      }),
    ).rejects.toMatchObject({ errorCode: 'invalid_grant', errorNo: 700_082 });
  });

  test('gets no token for anything else', async () => {
    serve('common/oauth2/v2.0');
    const url = await application('/proxyservice/common').getAuthCodeUrl({
      scopes: ['https://graph.microsoft.com/Mail.Read'],
      redirectUri: REDIRECT,
      loginHint: USER,
    });
    await expect(browser.signIn(url, REDIRECT)).rejects.toThrow('invalid_target');
  });
});

describe('openid-client', () => {
  /** Compares issuers strictly, so a tenant must be named. */
  const discover = (path: string): Promise<openid.Configuration> =>
    openid.discovery(
      new URL(`${gateway.url}${path}/.well-known/openid-configuration`),
      CLIENT_ID,
      undefined,
      openid.None(),
      { [openid.customFetch]: (url, options) => browser.fetch(url, options as RequestInit) },
    );

  test.each<[string, string, string, Record<string, string>]>([
    ['v2 with a scope', '/oauth2/v2.0', '/v2.0', { scope: `${SCOPE} openid offline_access` }],
    ['v2 with a resource', '/oauth2/v2.0', '/v2.0', { resource: `https://${HOSTNAME}/` }],
    ['v1 with a resource', '/oauth2', '', { resource: `https://${HOSTNAME}/` }],
    ['v1 with a scope', '/oauth2', '', { scope: `openid ${SCOPE}` }],
  ])('signs in at Entra ID %s, checks the id token, and renews', async (_, oauth2, version, audience) => {
    serve(tenant() + oauth2);
    const config = await discover(`/proxyservice/default/example-com/${tenant()}${version}`);
    const pkceCodeVerifier = openid.randomPKCECodeVerifier();
    const [expectedState, expectedNonce] = [openid.randomState(), openid.randomNonce()];
    const url = openid.buildAuthorizationUrl(config, {
      ...audience,
      redirect_uri: REDIRECT,
      login_hint: USER,
      state: expectedState,
      nonce: expectedNonce,
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    });
    const back = await browser.signIn(url.href, REDIRECT);
    const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true };
    const tokens = await openid.authorizationCodeGrant(config, back, checks, audience);
    expect(tokens.claims()).toMatchObject({ aud: CLIENT_ID, tid: tenant() });
    await openMailbox(tokens.access_token);
    const renewed = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '', audience);
    await openMailbox(renewed.access_token);
  });

  test('signs in by a device code', async () => {
    serve(`${tenant()}/oauth2/v2.0`);
    const config = await discover(`/proxyservice/${tenant()}/v2.0`);
    const device = await openid.initiateDeviceAuthorization(config, { scope: SCOPE });
    provider.approveDevice(device.user_code, USER);
    const tokens = await openid.pollDeviceAuthorizationGrant(config, { ...device, interval: 0 });
    await openMailbox(tokens.access_token);
  });

  test('is told of the identity provider its issuer and keys, and of the gateway its endpoints', async () => {
    serve(`${tenant()}/oauth2/v2.0`);
    const metadata = (await discover(`/proxyservice/common/v2.0`)).serverMetadata();
    expect(metadata).toMatchObject({
      issuer: `https://login.microsoftonline.com/${tenant()}/v2.0`,
      authorization_endpoint: `${gateway.url}/proxyservice/common/oauth2/v2.0/authorize`,
      token_endpoint: `${gateway.url}/proxyservice/common/oauth2/v2.0/token`,
      device_authorization_endpoint: `${gateway.url}/proxyservice/common/oauth2/v2.0/devicecode`,
      jwks_uri: `${provider.url}/${tenant()}/discovery/v2.0/keys`,
    });
    expect(gateway.records.at(-1)).toMatchObject({ command: 'OAuthConfiguration', code: 200 });
  });
});
