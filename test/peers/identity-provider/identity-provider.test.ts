// The simulated identity provider: sign-in by a phone, tokens as Exchange takes them, and every refusal.
import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CertificateAuthority } from '../certificates.ts';
import { Exchange } from '../exchange/exchange.ts';
import { OAuthCredential, SignInFailure, type OAuthOptions } from '../phone/credential.ts';
import { HttpClient } from '../phone/http-client.ts';
import type { HttpAnswer } from '../phone/http-connection.ts';
import { Phone } from '../phone/phone.ts';
import { IdentityProvider } from './identity-provider.ts';

const resource = 'https://outlook.office365.com/';
const user = 'alice@example.com';

describe('the simulated identity provider', () => {
  let authority: CertificateAuthority;
  let provider: IdentityProvider;
  let http: HttpClient;

  beforeEach(async () => {
    authority = await CertificateAuthority.create();
    provider = await IdentityProvider.start({
      authority,
      users: [{ name: user, password: 'secret' }],
      resources: [resource],
    });
    http = new HttpClient({ ca: authority.certificate });
  });
  afterEach(async () => {
    http.close();
    await provider.close();
  });

  function credential(options: Partial<OAuthOptions> = {}, base = 'common/oauth2'): OAuthCredential {
    return new OAuthCredential({
      signInUrl: `${provider.url}/${base}/authorize`,
      tokenUrl: `${provider.url}/${base}/token`,
      loginHint: user,
      ...options,
    });
  }

  async function post(path: string, form: Record<string, string>): Promise<HttpAnswer> {
    return http.request(provider.url, {
      method: 'POST',
      target: path,
      headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      body: Buffer.from(new URLSearchParams(form).toString()),
    });
  }

  async function authorize(parameters: Record<string, string>): Promise<HttpAnswer> {
    const query = new URLSearchParams({
      client_id: 'client',
      redirect_uri: 'app://back',
      response_type: 'code',
      login_hint: user,
      state: 's&1',
      ...parameters,
    });
    return http.request(provider.url, {
      method: 'GET',
      target: `/common/oauth2/authorize?${query.toString()}`,
      headers: [],
    });
  }

  async function codeFor(parameters: Record<string, string>): Promise<string> {
    const location = (await authorize(parameters)).header('location') ?? '';
    return new URLSearchParams(location.slice(location.indexOf('?'))).get('code') ?? '';
  }

  it.each([
    ['Entra v1', 'common/oauth2', { resource }, 'https://outlook.office365.com'],
    [
      'Entra v1 of a tenant',
      'contoso.com/oauth2',
      { resource: 'https://outlook.office365.com' },
      'https://outlook.office365.com',
    ],
    [
      'Entra v2',
      'common/oauth2/v2.0',
      { scope: `${resource}EAS.AccessAsUser.All offline_access openid` },
      'https://outlook.office365.com',
    ],
    ['AD FS', 'adfs/oauth2', { resource }, resource],
    ['AD FS, renewed', 'adfs/oauth2', { resource }, resource],
    ['AD FS by its scope', 'adfs/oauth2', { scope: `openid ${resource}/EAS.AccessAsUser.All` }, resource],
  ])('signs a phone in as %s does', async (_, base, audience, aud) => {
    const oauth = credential(audience, base);
    expect(await oauth.authorization(http)).toMatch(/^Bearer ey/);
    expect(decodeJwt(oauth.accessToken ?? '')).toMatchObject({ aud, upn: user, scp: 'EAS.AccessAsUser.All' });
    const first = oauth.accessToken;
    expect(await oauth.renew(http)).toBe(true);
    expect(oauth.accessToken).toBeDefined();
    expect(decodeJwt(oauth.accessToken ?? '')).toMatchObject({ aud });
    expect(first).toBeDefined();
  });

  it('gives tokens that the simulated Exchange accepts, until they expire or are for somebody else', async () => {
    using exchange = await Exchange.start({
      authority,
      users: [{ name: user }],
      tokens: provider.tokenRules([resource]),
    });
    const { url } = exchange.frontEnd();
    const options = { url, ca: authority.certificate, user };
    const signInUrl = `${provider.url}/common/oauth2/authorize`;
    const tokenUrl = `${provider.url}/common/oauth2/token`;
    const phone = new Phone({ ...options, oauth: { signInUrl, tokenUrl, resource } });
    await phone.folderSync();
    expect(phone.report.summary()).toMatchObject({ lost: 0, signIns: 1, provisionings: 1 });
    await provider.rotateKeys();
    const status = async (authorization: string): Promise<HttpAnswer> => {
      const other = new Phone({ ...options, authorization });
      const answer = await other.get();
      other.close();
      return answer;
    };
    expect((await status(`Bearer ${await provider.issueToken(user, resource)}`)).status).toBe(501);
    const challenged = await status('Bearer');
    expect(challenged.status).toBe(401);
    expect(challenged.rawHeaders.filter((value) => /^(Bearer|Basic) /.test(value))).toEqual([
      expect.stringContaining(`authorization_uri="${signInUrl}"`),
      'Basic realm=""',
    ]);
    for (const token of [
      await provider.issueToken(user, resource, -60),
      await provider.issueToken(user, 'https://elsewhere.example.com'),
      await provider.issueToken('nobody@example.com', resource),
      `${await provider.issueToken(user, resource)}x`,
    ]) {
      expect((await status(`Bearer ${token}`)).status).toBe(401);
    }
    phone.close();
    expect(exchange.violations).toEqual([]);
  });

  it('lets a phone sign in anew when its refresh token was revoked', async () => {
    const oauth = credential({ resource });
    await oauth.authorization(http);
    provider.revoke(user);
    expect(await oauth.renew(http)).toBe(true);
    expect(oauth.accessToken).toBeUndefined();
    expect(await oauth.authorization(http)).toMatch(/^Bearer ey/);
  });

  it.each([
    [
      'a resource that nobody registered',
      { resource: 'https://sentry.example.com' },
      'invalid_resource',
      'AADSTS500011',
    ],
    ['an unknown user', { resource, loginHint: 'mallory@example.com' }, 'invalid_grant', 'AADSTS50034'],
  ])('refuses %s with a redirect', async (_, options, error, code) => {
    const failure = await credential(options)
      .authorization(http)
      .catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(SignInFailure);
    expect(failure).toMatchObject({ error, message: expect.stringContaining(code) as string });
  });

  it('keeps the state as it was and answers in words when there is nowhere to redirect to', async () => {
    expect((await authorize({ resource })).header('location')).toMatch(/^app:\/\/back\?code=.+&state=s%261&/);
    expect((await authorize({ redirect_uri: '' })).status).toBe(400);
    expect((await authorize({ login_hint: '', resource })).status).toBe(302);
    const noHint = await http.request(provider.url, {
      method: 'GET',
      target:
        '/common/oauth2/authorize?client_id=a&redirect_uri=b%3A%2F%2Fc&response_type=code&state=%3Cx%3E',
      headers: [],
    });
    expect(noHint.body.toString()).toContain('value="&lt;x>"');
  });

  it.each([
    ['resource of another kind', { resource: 'https://sentry.example.com' }, 'invalid_resource'],
    ['grant type', { grant_type: 'implicit' }, 'unsupported_grant_type'],
    ['code', { code: 'guessed' }, 'invalid_grant'],
    ['client', { client_id: 'other' }, 'invalid_grant'],
    ['redirect URI', { redirect_uri: 'app://elsewhere' }, 'invalid_grant'],
    ['verifier', { code_verifier: 'wrong' }, 'invalid_grant'],
  ])('refuses a token request with a wrong %s', async (_, wrong, error) => {
    const verifier = 'a'.repeat(43);
    const code = await codeFor({
      resource,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    const right = {
      grant_type: 'authorization_code',
      client_id: 'client',
      redirect_uri: 'app://back',
      code,
      code_verifier: verifier,
      resource,
    };
    const refused = await post('/common/oauth2/token', { ...right, ...wrong });
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.body.toString())).toMatchObject({ error });
  });

  it('takes a code once', async () => {
    const form = {
      grant_type: 'authorization_code',
      client_id: 'client',
      redirect_uri: 'app://back',
      code: await codeFor({ resource }),
    };
    expect((await post('/common/oauth2/token', form)).status).toBe(200);
    expect((await post('/common/oauth2/token', form)).status).toBe(400);
  });

  it('refuses resource at the v2 endpoints and a form that names a parameter twice', async () => {
    const form = { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'client', resource };
    const v2 = { grant_type: 'password', username: user, password: 'secret', client_id: 'client', resource };
    expect((await post('/common/oauth2/v2.0/token', v2)).body.toString()).toContain('AADSTS901002');
    expect((await post('/common/oauth2/token', form)).body.toString()).toContain('AADSTS700082');
    const twice = await http.request(provider.url, {
      method: 'POST',
      target: '/common/oauth2/token',
      headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      body: Buffer.from('grant_type=password&resource=a&resource=b'),
    });
    expect(JSON.parse(twice.body.toString())).toMatchObject({ error: 'invalid_request' });
  });

  it('gives tokens for passwords and for device codes that were approved', async () => {
    const password = {
      grant_type: 'password',
      username: user,
      password: 'secret',
      client_id: 'client',
      resource,
    };
    expect((await post('/common/oauth2/token', password)).status).toBe(200);
    expect((await post('/common/oauth2/token', { ...password, password: 'guess' })).status).toBe(400);
    const device = JSON.parse(
      (await post('/common/oauth2/devicecode', { client_id: 'client', resource })).body.toString(),
    ) as { device_code: string; user_code: string };
    const form = { grant_type: 'device_code', client_id: 'client', code: device.device_code };
    expect((await post('/common/oauth2/token', form)).body.toString()).toContain('authorization_pending');
    expect(provider.approveDevice(device.user_code, user)).toBe(true);
    expect((await post('/common/oauth2/token', form)).status).toBe(200);
  });

  it('records what came byte for byte, and fails on demand', async () => {
    provider.faults.add({
      match: { command: 'token' },
      action: {
        kind: 'answer',
        status: 429,
        headers: [['Retry-After', '7']],
        body: '{"error":"temporarily_unavailable"}',
      },
      times: 1,
    });
    const body = 'grant_type=password&username=%61lice&x=%7e+~&resource=';
    const request = {
      method: 'POST',
      target: '/common/oauth2/token?a=%7E&b',
      headers: [['Content-Type', 'application/x-www-form-urlencoded']] as const,
      body: Buffer.from(body),
    };
    const answer = await http.request(provider.url, request);
    expect([answer.status, answer.header('retry-after')]).toEqual([429, '7']);
    await http.request(provider.url, request);
    const [first, second] = provider.requests;
    expect(first?.target).toBe('/common/oauth2/token?a=%7E&b');
    expect(second?.body.toString()).toBe(body);
    expect(second?.endpoint).toEqual({ purpose: 'token', dialect: 'v1', tenant: 'common' });
  });

  it('takes at AD FS no scope with a single slash', async () => {
    const scope = `openid ${resource}EAS.AccessAsUser.All`;
    await expect(credential({ scope }, 'adfs/oauth2').authorization(http)).rejects.toMatchObject({
      error: 'invalid_scope',
    });
  });

  it('publishes its keys and its configuration', async () => {
    const read = async (target: string): Promise<Record<string, unknown>> => {
      const answer = await http.request(provider.url, { method: 'GET', target, headers: [] });
      return JSON.parse(answer.body.toString()) as Record<string, unknown>;
    };
    const configuration = await read('/common/v2.0/.well-known/openid-configuration');
    expect(configuration['token_endpoint']).toBe(`${provider.url}/common/oauth2/v2.0/token`);
    expect(configuration['issuer']).toBe('https://login.microsoftonline.com/{tenantid}/v2.0');
    expect((await read('/adfs/.well-known/openid-configuration'))['issuer']).toBe(`${provider.url}/adfs`);
    expect((await read('/common/discovery/keys'))['keys']).toHaveLength(1);
  });
});
