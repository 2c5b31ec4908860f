// Where requests go, for each cloud and AD FS: the host by the configuration alone, a tenant of the path only where none is pinned.
import { describe, expect, test } from 'vitest';
import { compileAudience } from './audience.ts';
import { parseOAuthPath } from './path.ts';
import { compileProvider } from './provider-endpoints.ts';

const TENANT = '1f4d1c2e-0000-4000-8000-000000000001';

function oauth(base: string) {
  return {
    authorizationEndpoint: `${base}/authorize`,
    tokenEndpoint: `${base}/token`,
    gatewayResource: 'https://sentry.example.com',
    destinationResource: 'https://outlook.office365.com/',
    allowPasswordGrant: false,
    otherResources: 'Refuse' as const,
  };
}

function urlsOf(base: string, tenant = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(compileProvider(oauth(base))).map(([purpose, target]) => [
      purpose,
      target.origin + target.path(tenant),
    ]),
  );
}

describe('the endpoints of an identity provider', () => {
  test.each([
    ['Entra ID, v1', 'https://login.microsoftonline.com/common', '/oauth2', '', 'V1'],
    ['Entra ID, v2', 'https://login.microsoftonline.com/common', '/oauth2/v2.0', '/v2.0', 'V2'],
    ['login.windows.net', 'https://login.windows.net/common', '/oauth2', '', 'V1'],
    ['a tenant', `https://login.microsoftonline.com/${TENANT}`, '/oauth2/v2.0', '/v2.0', 'V2'],
    ['a tenant by its domain', 'https://login.microsoftonline.com/contoso.com', '/oauth2', '', 'V1'],
    ['US Government', 'https://login.microsoftonline.us/organizations', '/oauth2/v2.0', '/v2.0', 'V2'],
    ['China', 'https://login.partner.microsoftonline.cn/common', '/oauth2', '', 'V1'],
    ['China, v2', `https://login.partner.microsoftonline.cn/${TENANT}`, '/oauth2/v2.0', '/v2.0', 'V2'],
    ['AD FS', 'https://adfs.contoso.com/adfs', '/oauth2', '', 'ADFS'],
    ['AD FS on another port', 'https://adfs.contoso.com:444/adfs', '/oauth2', '', 'ADFS'],
  ])('of %s are known by the one for tokens', (_, base, oauth2, version, protocol) => {
    expect(urlsOf(base + oauth2)).toEqual({
      authorize: `${base}${oauth2}/authorize`,
      token: `${base}${oauth2}/token`,
      devicecode: `${base}${oauth2}/devicecode`,
      configuration: `${base}${version}/.well-known/openid-configuration`,
    });
    expect(compileAudience(oauth(base + oauth2)).protocol).toBe(protocol);
  });

  test('of another make are those that are configured', () => {
    const base = 'https://idp.example.com';
    expect(urlsOf(base)).toEqual({ authorize: `${base}/authorize`, token: `${base}/token` });
    const { devicecode, configuration } = compileProvider({
      ...oauth(base),
      deviceAuthorizationEndpoint: `${base}/device/auth`,
      openIDConfigurationEndpoint: `${base}/.well-known/openid-configuration`,
    });
    expect(devicecode?.path('')).toBe('/device/auth');
    expect(configuration?.path('x')).toBe('/.well-known/openid-configuration');
  });

  test('keep the query that is configured', () => {
    const { devicecode } = compileProvider({
      ...oauth(''),
      authorizationEndpoint: 'https://login.example.com/a?p=x',
      tokenEndpoint: 'https://login.example.com/a/oauth2/token?p=x',
    });
    expect(devicecode?.path('')).toBe('/a/oauth2/devicecode?p=x');
  });

  test('take the tenant of a path in place of common and organizations', () => {
    for (const any of ['common', 'organizations']) {
      const urls = urlsOf(`https://login.microsoftonline.com/${any}/oauth2/v2.0`, 'contoso.com');
      expect(urls['token']).toBe('https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token');
      expect(urls['configuration']).toBe(
        'https://login.microsoftonline.com/contoso.com/v2.0/.well-known/openid-configuration',
      );
    }
  });

  test.each([
    [`https://login.microsoftonline.com/${TENANT}/oauth2`, 'contoso.com'],
    [`https://login.microsoftonline.com/${TENANT}/oauth2`, 'common'],
    ['https://login.microsoftonline.com/organizations/oauth2', 'common'],
    ['https://login.microsoftonline.com/common/oauth2', 'Organizations'],
    ['https://adfs.contoso.com/adfs/oauth2', 'adfs'],
    ['https://adfs.contoso.com/adfs/oauth2', 'common'],
    ['https://idp.example.com', 'contoso.com'],
  ])('%s stays whatever /%s of a path says', (base, tenant) => {
    expect(urlsOf(base, tenant)).toEqual(urlsOf(base));
  });
});

describe('a path', () => {
  test.each([
    ['/proxyservice/oauth2/authorize', 'authorize', '', '', '/proxyservice', ''],
    ['/proxyservice/oauth2/v2.0/token', 'token', '', '', '/proxyservice', '/v2.0'],
    ['/proxyservice/common/oauth2/devicecode', 'devicecode', '', 'common', '/proxyservice/common', ''],
    [
      `/proxyservice/${TENANT}/oauth2/v2.0/authorize`,
      'authorize',
      '',
      TENANT,
      `/proxyservice/${TENANT}`,
      '/v2.0',
    ],
    ['/proxyservice/mail/online/oauth2/token', 'token', 'mail/online', '', '/proxyservice/mail/online', ''],
    [
      '/proxyservice/mail/online/contoso.com/oauth2/v2.0/token',
      'token',
      'mail/online',
      'contoso.com',
      '/proxyservice/mail/online/contoso.com',
      '/v2.0',
    ],
    ['/proxyservice/.well-known/openid-configuration', 'configuration', '', '', '/proxyservice', ''],
    [
      '/proxyservice/v2.0/.well-known/openid-configuration',
      'configuration',
      '',
      '',
      '/proxyservice',
      '/v2.0',
    ],
    [
      '/proxyservice/mail/online/common/v2.0/.well-known/openid-configuration',
      'configuration',
      'mail/online',
      'common',
      '/proxyservice/mail/online/common',
      '/v2.0',
    ],
  ])('%s is understood', (path, ...expected) => {
    const [purpose, route, tenant, base, version] = expected;
    expect(parseOAuthPath(path)).toEqual({ purpose, route, tenant, base, version });
  });

  test.each([
    '/proxyservice',
    '/proxyservice/oauth2',
    '/proxyservice/oauth2/',
    '/proxyservice/oauth2/v2.0',
    '/proxyservice/oauth2/v1.0/token',
    '/proxyservice/oauth2/token/',
    '/proxyservice/oauth2/Token',
    '/proxyservice//oauth2/token',
    '/proxyservice/a/b/c/d/oauth2/token',
    '/proxyservice/../oauth2/token',
    '/proxyservice/./oauth2/token',
    '/proxyservice/a%2fb/oauth2/token',
    '/proxyservice/evil.example@host/oauth2/token',
    `/proxyservice/${'a'.repeat(255)}/oauth2/token`,
    '/proxyservice/v2.0/openid-configuration',
    '/proxyservice/common/.well-known/oauth-authorization-server',
    '/x/proxyservice/oauth2/token',
  ])('%s leads nowhere', (path) => {
    expect(parseOAuthPath(path)).toBeUndefined();
  });
});
