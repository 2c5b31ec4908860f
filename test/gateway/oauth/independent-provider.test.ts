// An identity provider of another make behind the gateway: real clients on one side, real OpenID Connect on the other.
import { CryptoProvider, ProtocolMode, PublicClientApplication } from '@azure/msal-node';
import { decodeJwt } from 'jose';
import * as openid from 'openid-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SnapshotOAuth } from '../../../gateway/config/snapshot.ts';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { Phone } from '../../peers/phone/phone.ts';
import { GatewayFixture, HOSTNAME } from '../pipeline/gateway-fixture.ts';
import { IndependentProvider } from './independent-provider.ts';
import { networkOf } from './msal-network.ts';
import { Browser, TrustingFetch } from './trusting-fetch.ts';

const USER = 'alice@example.com';
const CLIENT_ID = 'mail-app';
const RESOURCE = 'https://mail.example.com';
const PERMISSION = 'EAS.AccessAsUser.All';
const REDIRECT = 'com.example.mail://oauth';

let provider: IndependentProvider;
let exchange: Exchange;
let gateway: GatewayFixture;
let browser: TrustingFetch;

beforeAll(async () => {
  const authority = await CertificateAuthority.create();
  provider = await IndependentProvider.start({
    authority,
    user: USER,
    resource: RESOURCE,
    permission: PERMISSION,
    client: {
      client_id: CLIENT_ID,
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: [REDIRECT],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    },
  });
  exchange = await Exchange.start({ authority, users: [{ name: USER }], tokens: provider.tokenRules() });
  gateway = await GatewayFixture.start({ authority, routes: [] });
  browser = new TrustingFetch(authority.certificate, { [HOSTNAME]: '127.0.0.1' });
});

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await gateway.stop();
  exchange.close();
  await provider[Symbol.asyncDispose]();
});

function serve(change: Partial<SnapshotOAuth>): void {
  gateway.apply([
    {
      servers: [{ name: 'mbx1', url: exchange.frontEnd().url }],
      authentication: {
        type: 'OAuth',
        oauth: {
          authorizationEndpoint: `${provider.issuer}/auth`,
          tokenEndpoint: `${provider.issuer}/token`,
          openIDConfigurationEndpoint: `${provider.issuer}/.well-known/openid-configuration`,
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

function discover(): Promise<openid.Configuration> {
  return openid.discovery(
    new URL(`${gateway.url}/proxyservice/.well-known/openid-configuration`),
    CLIENT_ID,
    undefined,
    openid.None(),
    { [openid.customFetch]: (url, options) => browser.fetch(url, options as RequestInit) },
  );
}

test.each<[string, Partial<SnapshotOAuth>, Record<string, string>, Record<string, string>]>([
  [
    'a scope where the identity provider wants a resource (RFC 8707)',
    { protocol: 'V1' },
    { scope: `openid offline_access https://${HOSTNAME}/${PERMISSION}` },
    { resource: RESOURCE, scope: 'openid offline_access' },
  ],
  [
    'a scope',
    { protocol: 'V2' },
    { scope: `openid offline_access https://${HOSTNAME}/${PERMISSION}` },
    { scope: `openid offline_access ${RESOURCE}/${PERMISSION}` },
  ],
  [
    'a resource where the identity provider wants a scope',
    { protocol: 'V2' },
    { resource: `https://${HOSTNAME}` },
    { scope: `${RESOURCE}/${PERMISSION} offline_access openid` },
  ],
])('a client that asks for %s signs in, renews its token and opens its mailbox', async (...row) => {
  const [, change, audience, sent] = row;
  serve(change);
  const config = await discover();
  expect(config.serverMetadata()).toMatchObject({
    issuer: provider.issuer,
    authorization_endpoint: `${gateway.url}/proxyservice/oauth2/authorize`,
    token_endpoint: `${gateway.url}/proxyservice/oauth2/token`,
  });
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const expectedState = openid.randomState();
  const url = openid.buildAuthorizationUrl(config, {
    ...audience,
    redirect_uri: REDIRECT,
    prompt: 'consent',
    state: expectedState,
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  });
  const back = await browser.signIn(url.href, REDIRECT);
  expect(back.searchParams.get('iss')).toBe(provider.issuer);
  const tokens = await openid.authorizationCodeGrant(config, back, { pkceCodeVerifier, expectedState });
  expect(decodeJwt(tokens.access_token)).toMatchObject({ aud: RESOURCE, iss: provider.issuer });
  await openMailbox(tokens.access_token);
  const renewed = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '', audience);
  await openMailbox(renewed.access_token);
  const { requests } = provider;
  expect(requests.find(({ path }) => path === '/auth')?.parameters).toMatchObject(sent);
  expect(requests.findLast(({ path }) => path === '/token')?.parameters).toMatchObject(sent);
  requests.length = 0;
});

test('a device without a browser gets a code, and the token that its user allows', async () => {
  serve({ protocol: 'V2', deviceAuthorizationEndpoint: `${provider.issuer}/device/auth` });
  const config = await discover();
  const scope = `openid https://${HOSTNAME}/${PERMISSION}`;
  const device = await openid.initiateDeviceAuthorization(config, { scope });
  const window = new Browser(browser.fetch);
  const asked = await window.open(device.verification_uri);
  expect(asked.url.startsWith(provider.issuer)).toBe(true);
  const confirmed = await window.submit(asked, { user_code: device.user_code });
  await window.submit(confirmed, {});
  const tokens = await openid.pollDeviceAuthorizationGrant(config, { ...device, interval: 0 });
  await openMailbox(tokens.access_token);
});

test('MSAL signs in where issuers are compared by its known authorities', async () => {
  serve({ protocol: 'V2' });
  const scopes = [`https://${HOSTNAME}/${PERMISSION}`];
  const app = new PublicClientApplication({
    auth: {
      clientId: CLIENT_ID,
      authority: `${gateway.url}/proxyservice/`,
      knownAuthorities: [new URL(gateway.url).host, new URL(provider.issuer).host],
    },
    system: { networkClient: networkOf(browser.fetch), protocolMode: ProtocolMode.OIDC },
  });
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const url = await app.getAuthCodeUrl({
    scopes,
    redirectUri: REDIRECT,
    codeChallenge: challenge,
    codeChallengeMethod: 'S256',
  });
  const back = await browser.signIn(url, REDIRECT);
  const code = back.searchParams.get('code') ?? '';
  const result = await app.acquireTokenByCode({
    scopes,
    redirectUri: REDIRECT,
    code,
    codeVerifier: verifier,
  });
  await openMailbox(result.accessToken);
});

test('an error of the identity provider reaches the client as it is', async () => {
  serve({});
  const refused = await browser.fetch(`${gateway.url}/proxyservice/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x', client_id: 'nobody' }),
  });
  expect(refused.status).toBe(401);
  expect(await refused.json()).toMatchObject({ error: 'invalid_client' });
});

test('without a device endpoint none is offered', async () => {
  serve({});
  const answer = await browser.fetch(`${gateway.url}/proxyservice/oauth2/devicecode`, { method: 'POST' });
  expect(answer.status).toBe(404);
  const document = await browser.fetch(`${gateway.url}/proxyservice/.well-known/openid-configuration`);
  const members = Object.keys((await document.json()) as object);
  expect(members).not.toContain('device_authorization_endpoint');
  expect(members).not.toContain('pushed_authorization_request_endpoint');
});
