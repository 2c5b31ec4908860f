// The OAuth endpoints of a real gateway in front of the simulated identity provider, as the bytes go.
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SnapshotRoute } from '../../../gateway/config/snapshot.ts';
import { CertificateAuthority, type Credentials } from '../../peers/certificates.ts';
import { IdentityProvider } from '../../peers/identity-provider/identity-provider.ts';
import { HttpClient } from '../../peers/phone/http-client.ts';
import type { HttpAnswer, HttpRequest } from '../../peers/phone/http-connection.ts';
import { GatewayProcess } from '../shell/gateway-process.ts';
import { type RouteSketch, type SketchedSnapshot, sketchSnapshot } from '../shell/snapshot-sketch.ts';

const SENTRY = 'https://sentry.example.com';
const EXCHANGE = 'https%3A%2F%2Foutlook.office365.com%2F';
const FORM: [string, string] = ['Content-Type', 'application/x-www-form-urlencoded'];

let authority: CertificateAuthority;
let credentials: Credentials;
let provider: IdentityProvider;
let gateway: GatewayProcess;
let http: HttpClient;

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  credentials = await authority.issue({ names: ['sentry.example.com', 'tablets.example.com'] });
  provider = await IdentityProvider.start({
    authority,
    users: ['alice@example.com'],
    resources: ['https://outlook.office365.com/'],
  });
  gateway = await GatewayProcess.start({ content: content([route('example-com')]) });
  const hosts = { 'sentry.example.com': '127.0.0.1', 'tablets.example.com': '127.0.0.1' };
  http = new HttpClient({ ca: authority.certificate, hosts });
});
afterAll(async () => {
  http.close();
  await gateway[Symbol.asyncDispose]();
  await provider.close();
});

type OAuth = Extract<SnapshotRoute['authentication'], { type: 'OAuth' }>['oauth'];

function route(name: string, oauth: Partial<OAuth> = {}, change: Partial<RouteSketch> = {}): RouteSketch {
  const authentication = {
    type: 'OAuth' as const,
    oauth: {
      authorizationEndpoint: `${provider.url}/common/oauth2/authorize`,
      tokenEndpoint: `${provider.url}/common/oauth2/token`,
      gatewayResource: SENTRY,
      destinationResource: 'https://outlook.office365.com/',
      allowPasswordGrant: false,
      otherResources: 'Refuse' as const,
      ...oauth,
    },
  };
  return { name, ca: authority.certificate, match: { domains: [`${name}.test`] }, authentication, ...change };
}

function endpointsOf(base: string): Partial<OAuth> {
  return {
    authorizationEndpoint: `${provider.url}/${base}/authorize`,
    tokenEndpoint: `${provider.url}/${base}/token`,
  };
}

function content(routes: RouteSketch[]): SketchedSnapshot {
  return sketchSnapshot({
    listeners: [
      { name: 'phones', hostnames: ['sentry.example.com'], credentials: [credentials] },
      { name: 'tablets', hostnames: ['tablets.example.com'], credentials: [credentials] },
    ],
    routes,
  });
}

function send(
  request: Partial<HttpRequest> & { target: string },
  host = 'sentry.example.com',
): Promise<HttpAnswer> {
  return http.request(`https://${host}:${gateway.port}`, { method: 'GET', headers: [], ...request });
}

function post(body: string, headers: [string, string][] = [FORM], target = '/proxyservice/oauth2/token') {
  return send({ method: 'POST', target, headers, body: Buffer.from(body, 'latin1') });
}

function header({ rawHeaders }: { rawHeaders: readonly string[] }, name: string): string | undefined {
  const at = rawHeaders.findIndex((candidate, index) => index % 2 === 0 && candidate.toLowerCase() === name);
  return at < 0 ? undefined : rawHeaders[at + 1];
}

const errorOf = ({ body }: HttpAnswer): unknown => (JSON.parse(body.toString()) as { error: unknown }).error;

const refresh = (resource: string): string =>
  `client_id=%66oo&grant_type=refresh_token&refresh_token=A.b-c_d~e+f%2B&resource=${resource}&code_verifier=x%7e`;

const audience = async (target: string, host?: string): Promise<string> => {
  const answer = await send({ target: `${target}?resource=${SENTRY}` }, host);
  const location = header(answer, 'location');
  return location === undefined ? String(answer.status) : location.slice(location.indexOf('resource=') + 9);
};
const to = (destinationResource: string): Partial<OAuth> => ({ destinationResource });

const iosQuery = (resource: string): string =>
  `response_type=code&client_id=f8d98a96-0999-43f5-8af3-69971c7bb423&redirect_uri=com.apple.Preferences%3a%2f%2foauth-redirect` +
  `&resource=${resource}&state=%7Ba%20b+c%7D&claims=%7B%22access_token%22:1%7D&login_hint=alice@example.com&&prompt=`;

describe('authorize', () => {
  test('redirects to the configured endpoint; every byte of the query but the audience stays', async () => {
    const answer = await send({
      target: `/proxyservice/oauth2/authorize?${iosQuery('https%3A%2F%2Fsentry.example.com/')}`,
    });
    expect(answer.status).toBe(302);
    expect(header(answer, 'location')).toBe(`${provider.url}/common/oauth2/authorize?${iosQuery(EXCHANGE)}`);
    expect(header(answer, 'cache-control')).toBe('no-store');
    expect(answer.body).toHaveLength(0);
  });

  test('keeps any query that HTTP lets through byte for byte', async () => {
    const visible = Array.from({ length: 94 }, (_, at) => String.fromCodePoint(33 + at)).filter(
      (c) => c !== '#',
    );
    const text = fc.string({ unit: fc.constantFrom(...visible), maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(text, text, async (before, behind) => {
        fc.pre(!/resource|scope|%/i.test(before + behind));
        const query = (resource: string): string => `x${before}&resource=${resource}&y${behind}`;
        const answer = await send({ target: `/proxyservice/oauth2/authorize?${query(SENTRY)}` });
        expect(header(answer, 'location')).toBe(`${provider.url}/common/oauth2/authorize?${query(EXCHANGE)}`);
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    ['another resource', 'resource=https://graph.microsoft.com', 'invalid_target'],
    ['two resources', `resource=${SENTRY}&resource=${SENTRY}`, 'invalid_request'],
    ['a resource and a scope', `resource=${SENTRY}&scope=openid`, 'invalid_request'],
  ])('with %s is refused by JSON, never by a redirect', async (_, query, error) => {
    const answer = await send({
      target: `/proxyservice/oauth2/authorize?${query}&redirect_uri=https://evil.example`,
    });
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toBe(error);
    expect(header(answer, 'location')).toBeUndefined();
    expect(header(answer, 'content-type')).toBe('application/json');
    expect(header(answer, 'cache-control')).toBe('no-store');
  });

  test('goes nowhere but to the configured host, whatever the query says', async () => {
    for (const target of [
      '/proxyservice/oauth2/authorize?https://evil.example/',
      '/proxyservice/oauth2/authorize?redirect_uri=//evil.example&authority=evil.example',
      '/proxyservice/oauth2/authorize',
      '/proxyservice/oauth2/authorize?',
    ]) {
      const location = new URL(header(await send({ target }), 'location') ?? '');
      expect(location.origin).toBe(provider.url);
      expect(location.pathname).toBe('/common/oauth2/authorize');
    }
  });

  test('answers GET alone', async () => {
    const answer = await send({
      method: 'POST',
      target: '/proxyservice/oauth2/authorize',
      body: Buffer.from('a=b'),
    });
    expect([answer.status, header(answer, 'allow')]).toEqual([405, 'GET']);
  });
});

describe('token', () => {
  test('reaches the identity provider as it was but for the audience', async () => {
    const headers: [string, string][] = [
      ['content-TYPE', 'application/x-www-form-urlencoded;charset=UTF-8'],
      ['Authorization', 'Basic Y2xpZW50OnNlY3JldA=='],
      ['client-request-id', '6f1c2b2a'],
      ['User-Agent', 'Apple-iPhone'],
      ['Cookie', 'X-BackEndCookie=exchange'],
      ['X-Forwarded-Host', 'evil.example'],
    ];
    await post(refresh('https%3a%2f%2fSENTRY.example.com'), headers);
    const received = provider.requests.at(-1);
    expect(received?.body.toString('latin1')).toBe(refresh(EXCHANGE));
    expect(received?.target).toBe('/common/oauth2/token');
    for (const [name, value] of headers.slice(0, 4))
      expect(received && header(received, name.toLowerCase())).toBe(value);
    expect(received && header(received, 'host')).toBe(new URL(provider.url).host);
    expect(received && header(received, 'cookie')).toBeUndefined();
    expect(received && header(received, 'x-forwarded-host')).toBeUndefined();
  });

  test('reaches it byte for byte whatever else is in the form', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array).toString('latin1'));
    await fc.assert(
      fc.asyncProperty(bytes, bytes, async (before, behind) => {
        fc.pre(!/resource|scope|grant|%/i.test(before + behind));
        const body = (resource: string): string =>
          `x${before}&grant_type=refresh_token&resource=${resource}&y${behind}`;
        await post(body(`${SENTRY}/`));
        expect(provider.requests.at(-1)?.body.toString('latin1')).toBe(body(EXCHANGE));
      }),
      { numRuns: 200 },
    );
  });

  test.each<[string, { status: number; headers: [string, string][]; body: string }]>([
    [
      '400 with claims',
      {
        status: 400,
        headers: [['Content-Type', 'application/json; charset=utf-8']],
        body: '{ "error":"invalid_grant",\r\n "claims":"{\\"access_token\\":{}}", "x":"é" }',
      },
    ],
    [
      '401 with its challenge',
      { status: 401, headers: [['WWW-Authenticate', 'Basic realm="a, b"']], body: '' },
    ],
    [
      '429 with Retry-After',
      { status: 429, headers: [['Retry-After', '17']], body: '{"error":"slow_down"}' },
    ],
    ['500 of its own', { status: 500, headers: [['Content-Type', 'text/html']], body: '<h1>Oops</h1>' }],
    [
      '503 with Retry-After',
      { status: 503, headers: [['Retry-After', 'Wed, 21 Oct 2026 07:28:00 GMT']], body: 'busy' },
    ],
  ])('brings back %s byte for byte', async (_, canned) => {
    provider.faults.add({ action: { kind: 'answer', ...canned }, times: 1 });
    const answer = await post(refresh(SENTRY));
    expect(answer.status).toBe(canned.status);
    expect(answer.body.equals(Buffer.from(canned.body))).toBe(true);
    for (const [name, value] of canned.headers) expect(header(answer, name.toLowerCase())).toBe(value);
    expect(header(answer, 'cache-control')).toBe('no-store');
  });

  test('does not let the identity provider speak for the host of the gateway', async () => {
    const headers: [string, string][] = [
      ['Cache-Control', 'max-age=3600'],
      ['Strict-Transport-Security', 'max-age=31536000; includeSubDomains'],
      ['Set-Cookie', 'fpc=1; path=/'],
      ['X-MS-Request-Id', 'abc'],
    ];
    provider.faults.add({ action: { kind: 'answer', status: 200, headers, body: '{}' }, times: 1 });
    const answer = await post(refresh(SENTRY));
    expect(header(answer, 'x-ms-request-id')).toBe('abc');
    expect(header(answer, 'cache-control')).toBe('no-store');
    expect(header(answer, 'strict-transport-security')).toBeUndefined();
    expect(header(answer, 'set-cookie')).toBeUndefined();
  });

  test.each<[string, Parameters<IdentityProvider['faults']['add']>[0]['action']]>([
    ['breaks the connection', { kind: 'reset-request', afterBytes: 0 }],
    ['answers half', { kind: 'close-answer', afterBytes: 40 }],
    ['speaks no HTTP', { kind: 'garbage' }],
    [
      'sends the phone elsewhere',
      { kind: 'answer', status: 307, headers: [['Location', 'https://evil.example/']] },
    ],
    ['answers without an end', { kind: 'answer', status: 200, body: 'x'.repeat(1_100_000) }],
  ])('is 503 with Retry-After when the identity provider %s', async (_, action) => {
    provider.faults.add({ action, times: 1 });
    const answer = await post(refresh(SENTRY));
    expect([answer.status, errorOf(answer)]).toEqual([503, 'temporarily_unavailable']);
    expect(header(answer, 'retry-after')).toMatch(/^\d+$/);
    expect(header(answer, 'location')).toBeUndefined();
  });

  test('is 503 while the identity provider is down, and works when it is back', async () => {
    provider.kill();
    const answer = await post(refresh(SENTRY));
    expect([answer.status, errorOf(answer)]).toEqual([503, 'temporarily_unavailable']);
    await provider.serve();
    expect((await post(refresh(SENTRY))).status).toBe(400);
    expect(provider.requests.at(-1)?.body.toString()).toBe(refresh(EXCHANGE));
  });

  test.each<[string, string, [string, string][], string]>([
    ['another resource', refresh('https://graph.microsoft.com'), [FORM], 'invalid_target'],
    ['a password', `grant_type=password&username=a&password=b`, [FORM], 'unsupported_grant_type'],
    ['no grant', `resource=${SENTRY}`, [FORM], 'invalid_request'],
    ['a scope beside the resource', `${refresh(SENTRY)}&scope=openid`, [FORM], 'invalid_request'],
    ['no content type', refresh(SENTRY), [], 'invalid_request'],
    ['JSON', '{"grant_type":"refresh_token"}', [['Content-Type', 'application/json']], 'invalid_request'],
    ['two content types', refresh(SENTRY), [FORM, ['Content-Type', 'text/plain']], 'invalid_request'],
    ['a body of 65,537 bytes', `${refresh(SENTRY)}&x=`.padEnd(65_537, 'x'), [FORM], 'invalid_request'],
  ])('with %s is refused and never reaches the identity provider', async (_, body, headers, error) => {
    const before = provider.requests.length;
    const answer = await post(body, headers);
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toBe(error);
    expect(header(answer, 'cache-control')).toBe('no-store');
    expect(provider.requests.length).toBe(before);
  });

  test('takes a body of exactly 64 KiB, and one without a resource', async () => {
    const largest = `${refresh(SENTRY)}&x=`.padEnd(65_536, 'x');
    await post(largest);
    expect(provider.requests.at(-1)?.body.toString()).toBe(largest.replace(SENTRY, EXCHANGE));
    await post('grant_type=refresh_token&refresh_token=x');
    expect(provider.requests.at(-1)?.body.toString()).toBe('grant_type=refresh_token&refresh_token=x');
  });

  test('answers POST alone', async () => {
    const answer = await send({ target: '/proxyservice/oauth2/token' });
    expect([answer.status, header(answer, 'allow')]).toEqual([405, 'POST']);
  });

  test('does not trust an identity provider with a certificate of another CA', async () => {
    const stranger = await CertificateAuthority.create('Stranger');
    const other = await IdentityProvider.start({
      authority: stranger,
      users: [],
      resources: ['https://outlook.office365.com/'],
    });
    await gateway.serve(
      content([route('example-com', { tokenEndpoint: `${other.url}/common/oauth2/token` })]),
    );
    const answer = await post(refresh(SENTRY));
    expect([answer.status, other.requests.length]).toEqual([503, 0]);
    await other.close();
    await gateway.serve(content([route('example-com')]));
  });
});

describe('the paths', () => {
  test('without a route belong to the default route, those with one to it, each on the listeners of its route', async () => {
    await gateway.serve(
      content([
        route('oldest', to('a')),
        route('default-one', to('b'), { match: {} }),
        route('tablets-only', to('c'), { listeners: ['tablets'] }),
        { name: 'without-oauth', match: { domains: ['x.test'] } },
      ]),
    );
    expect(await audience('/proxyservice/oauth2/authorize')).toBe('b');
    expect(await audience('/proxyservice/default/oldest/oauth2/authorize')).toBe('a');
    expect(await audience('/proxyservice/default/default-one/oauth2/authorize')).toBe('b');
    expect(await audience('/proxyservice/default/tablets-only/oauth2/authorize')).toBe('404');
    expect(await audience('/proxyservice/default/tablets-only/oauth2/authorize', 'tablets.example.com')).toBe(
      'c',
    );
    expect(await audience('/proxyservice/default/without-oauth/oauth2/authorize')).toBe('404');
  });

  test('without a route belong to the oldest of type OAuth where the default route has none', async () => {
    await gateway.serve(
      content([{ name: 'default-one', match: {} }, route('older', to('a')), route('younger', to('b'))]),
    );
    expect(await audience('/proxyservice/oauth2/authorize')).toBe('a');
  });

  test.each([
    '/proxyservice',
    '/proxyservice/',
    '/proxyservice/oauth2/authorize/',
    '/proxyservice/oauth2/Authorize',
    '/proxyservice//oauth2/authorize',
    '/proxyservice/oauth2/%61uthorize',
    '/proxyservice/x/../oauth2/authorize',
    '/proxyservice/other/example-com/oauth2/authorize',
  ])('%s is none', async (target) => {
    expect((await send({ target })).status).toBe(404);
  });

  test('continue a configured endpoint that has a query of its own', async () => {
    const endpoints = {
      authorizationEndpoint: `${provider.url}/common/oauth2/authorize?p=policy`,
      tokenEndpoint: `${provider.url}/common/oauth2/token?p=policy`,
    };
    await gateway.serve(content([route('example-com', endpoints)]));
    expect(header(await send({ target: '/proxyservice/oauth2/authorize?a=b' }), 'location')).toBe(
      `${provider.url}/common/oauth2/authorize?p=policy&a=b`,
    );
    await post('grant_type=refresh_token', [FORM], '/proxyservice/oauth2/token?api-version=1.0');
    expect(provider.requests.at(-1)?.target).toBe('/common/oauth2/token?p=policy&api-version=1.0');
  });
});

describe('devices without a browser', () => {
  const form = (audience: string): string => `client_id=%66oo&${audience}&x=~`;

  test('get their code from the identity provider, which is asked for its own audience', async () => {
    for (const [base, asked, to] of [
      ['oauth2', `resource=${SENTRY}`, `resource=${EXCHANGE}`],
      ['oauth2/v2.0', `scope=${SENTRY}/x+openid`, 'scope=https%3A%2F%2Foutlook.office365.com/x+openid'],
    ] as const) {
      await gateway.serve(content([route('example-com', endpointsOf(`common/${base}`))]));
      const answer = await post(form(asked), [FORM], `/proxyservice/${base}/devicecode`);
      expect([answer.status, header(answer, 'cache-control')]).toEqual([200, 'no-store']);
      expect(JSON.parse(answer.body.toString())).toHaveProperty('device_code');
      const received = provider.requests.at(-1);
      expect(received?.target).toBe(`/common/${base}/devicecode`);
      expect(received?.body.toString()).toBe(form(to));
    }
  });

  test('hear of errors byte for byte', async () => {
    await gateway.serve(content([route('example-com', endpointsOf('common/oauth2/v2.0'))]));
    const canned = { status: 400, body: '{ "error" : "invalid_client",\n"x":"\u00e9é"}' };
    provider.faults.add({
      match: { command: 'devicecode' },
      action: { kind: 'answer', headers: [['Retry-After', '9']], ...canned },
      times: 1,
    });
    const answer = await post(form('scope=openid'), [FORM], '/proxyservice/oauth2/v2.0/devicecode');
    expect([answer.status, header(answer, 'retry-after')]).toEqual([400, '9']);
    expect(answer.body.toString()).toBe(canned.body);
  });
});

describe('the clouds and AD FS', () => {
  const tenant = 'https://login.microsoftonline.com/1f4d1c2e-0000-4000-8000-000000000001';
  const v1 = (host: string): string => `resource=https%3A%2F%2F${host}%2F&scope=openid`;
  const v2 = (host: string): string => `scope=openid+https%3A%2F%2F${host}/x`;
  const adfs = (host: string): string => `scope=openid+https%3A%2F%2F${host}%2F/x`;

  test('are each asked for what they understand, where they are', async () => {
    const rows: [string, string, (host: string) => string][] = [
      ['https://login.microsoftonline.com/common/oauth2', 'outlook.office365.com', v1],
      ['https://login.microsoftonline.com/common/oauth2/v2.0', 'outlook.office365.com', v2],
      [`${tenant}/oauth2`, 'outlook.office365.com', v1],
      [`${tenant}/oauth2/v2.0`, 'outlook.office365.com', v2],
      ['https://login.microsoftonline.us/organizations/oauth2/v2.0', 'outlook.office365.us', v2],
      ['https://login.partner.microsoftonline.cn/common/oauth2', 'partner.outlook.cn', v1],
      ['https://login.partner.microsoftonline.cn/common/oauth2/v2.0', 'partner.outlook.cn', v2],
      ['https://adfs.contoso.com/adfs/oauth2', 'mail.contoso.com', adfs],
    ];
    const routes = rows.map(([base, host], at) =>
      route(`cloud-${at}`, {
        authorizationEndpoint: `${base}/authorize`,
        tokenEndpoint: `${base}/token`,
        destinationResource: `https://${host}/`,
      }),
    );
    await gateway.serve(content(routes));
    for (const [at, [base, host, audience]] of rows.entries()) {
      const answer = await send({
        target: `/proxyservice/default/cloud-${at}/oauth2/authorize?a=%7e&scope=openid+${SENTRY}//x&b`,
      });
      expect(header(answer, 'location')).toBe(`${base}/authorize?a=%7e&${audience(host)}&b`);
    }
  });
});

describe('a tenant in the path', () => {
  const redirectOf = async (path: string): Promise<string | undefined> =>
    header(await send({ target: `${path}?scope=openid` }), 'location');

  test('is the one of the identity provider where the route names none', async () => {
    await gateway.serve(content([route('example-com', endpointsOf('common/oauth2/v2.0'))]));
    expect(await redirectOf('/proxyservice/contoso.com/oauth2/v2.0/authorize')).toBe(
      `${provider.url}/contoso.com/oauth2/v2.0/authorize?scope=openid`,
    );
    expect(await redirectOf('/proxyservice/default/example-com/common/oauth2/v2.0/authorize')).toBe(
      `${provider.url}/common/oauth2/v2.0/authorize?scope=openid`,
    );
    await post('grant_type=refresh_token', [FORM], '/proxyservice/contoso.com/oauth2/v2.0/token');
    expect(provider.requests.at(-1)?.target).toBe('/contoso.com/oauth2/v2.0/token');
  });

  test('changes nothing where the route names one', async () => {
    await gateway.serve(content([route('example-com', endpointsOf('contoso.com/oauth2/v2.0'))]));
    for (const tenant of ['common', 'fabrikam.com', 'adfs']) {
      expect(await redirectOf(`/proxyservice/${tenant}/oauth2/v2.0/authorize`)).toBe(
        `${provider.url}/contoso.com/oauth2/v2.0/authorize?scope=openid`,
      );
    }
  });

  test.each(['..', '.', '%2e%2e', 'evil.example@a', 'a:443', 'a b'.replace(' ', '%20')])(
    'named %s leads nowhere',
    async (tenant) => {
      expect((await send({ target: `/proxyservice/${tenant}/oauth2/v2.0/authorize` })).status).toBe(404);
    },
  );
});

describe('the OpenID configuration', () => {
  const target = '/proxyservice/common/v2.0/.well-known/openid-configuration';

  test('names the endpoints of the gateway as the client reached it', async () => {
    await gateway.serve(content([route('example-com', endpointsOf('common/oauth2/v2.0'))]));
    const answer = await send({ target });
    const base = `https://sentry.example.com:${gateway.port}/proxyservice/common/oauth2/v2.0`;
    expect([answer.status, header(answer, 'cache-control')]).toEqual([200, 'no-store']);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
      authorization_endpoint: `${base}/authorize`,
      token_endpoint: `${base}/token`,
      device_authorization_endpoint: `${base}/devicecode`,
      jwks_uri: `${provider.url}/common/discovery/v2.0/keys`,
    });
    const received = provider.requests.at(-1);
    expect(received?.target).toBe('/common/v2.0/.well-known/openid-configuration');
    expect(received && header(received, 'authorization')).toBeUndefined();
  });

  test.each<[string, Parameters<IdentityProvider['faults']['add']>[0]['action']]>([
    ['has none', { kind: 'answer', status: 404 }],
    ['answers something else', { kind: 'answer', status: 200, body: '<html>' }],
    ['sends elsewhere', { kind: 'answer', status: 302, headers: [['Location', 'https://evil.example/']] }],
    ['breaks the connection', { kind: 'reset-request', afterBytes: 0 }],
  ])('is 503 with Retry-After where the identity provider %s', async (_, action) => {
    await gateway.serve(content([route('example-com', endpointsOf('organizations/oauth2/v2.0'))]));
    provider.faults.add({ action, times: 1 });
    const refused = await send({ target });
    expect([refused.status, errorOf(refused)]).toEqual([503, 'temporarily_unavailable']);
    expect(header(refused, 'retry-after')).toMatch(/^\d+$/);
    expect((await send({ target })).status).toBe(200);
    await gateway.serve(content([route('example-com')]));
  });

  test('answers GET alone, and is not there where nobody knows it', async () => {
    const posted = await send({ method: 'POST', target, body: Buffer.from('a=b') });
    expect([posted.status, header(posted, 'allow')]).toEqual([405, 'GET']);
    await gateway.serve(content([route('example-com', { tokenEndpoint: `${provider.url}/token` })]));
    expect((await send({ target })).status).toBe(404);
    expect((await post(refresh(SENTRY), [FORM], '/proxyservice/oauth2/devicecode')).status).toBe(404);
    await gateway.serve(content([route('example-com')]));
  });
});

describe('the resource of an answer', () => {
  const answered = (text: string, headers: [string, string][] = []): void => {
    provider.faults.add({
      action: {
        kind: 'answer',
        status: 200,
        headers: [['Content-Type', 'application/json; charset=utf-8'], ...headers],
        body: text,
      },
      times: 1,
    });
  };
  const text = (resource: string): string =>
    `{ "token_type":"Bearer",\t"resource" : "${resource}", "é":{"resource":"https://outlook.office365.com/"} }\r\n`;

  test('stays as the identity provider wrote it unless the route says otherwise', async () => {
    await gateway.serve(content([route('example-com')]));
    answered(text('https://outlook.office365.com/'));
    expect((await post(refresh(SENTRY))).body.toString()).toBe(text('https://outlook.office365.com/'));
  });

  test('becomes the gateway where the route says so, and no other byte changes', async () => {
    await gateway.serve(content([route('example-com', { answeredResource: 'Gateway' })]));
    answered(text('https://outlook.office365.com/'));
    const headers: [string, string][] = [FORM, ['Accept-Encoding', 'gzip'], ['X-Test', 'a']];
    const answer = await post(refresh(SENTRY), headers);
    expect(answer.body.toString()).toBe(text(SENTRY));
    expect(header(answer, 'content-length')).toBe(String(Buffer.byteLength(text(SENTRY))));
    const received = provider.requests.at(-1);
    expect(received && header(received, 'accept-encoding')).toBeUndefined();
    expect(received && header(received, 'x-test')).toBe('a');
    for (const other of ['{"error":"x"}', text('https://graph.microsoft.com'), '\u0000é']) {
      answered(other);
      expect((await post(refresh(SENTRY))).body.toString()).toBe(other);
    }
    answered(text('https://outlook.office365.com/'), [['Content-Encoding', 'x-unknown']]);
    expect((await post(refresh(SENTRY))).body.toString()).toBe(text('https://outlook.office365.com/'));
    await gateway.serve(content([route('example-com')]));
  });
});
