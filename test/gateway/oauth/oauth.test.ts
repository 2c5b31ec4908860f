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
