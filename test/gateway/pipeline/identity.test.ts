// Whose request goes where: credentials, queries and headers against routes of several organisations.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { GatewayFixture } from './gateway-fixture.ts';
import { basic, RawPhone, type RawRequest, unsignedToken } from './raw-phone.ts';

const ORGANISATIONS = ['oldest', 'example', 'tablets', 'vip', 'fallback'] as const;
const OPAQUE = 'Bearer EwBAA8l6BAAUO9chh8cJscQLmU+LSWpbnr0vmwwAAQ';

const claims = (names: Record<string, string>): RawRequest => ({ authorization: unsignedToken(names) });

/** The simulated Exchange knows none of the users. */
const EVERY_LOGIN = { failedLogins: { limit: 0, windowSeconds: 60, addressLimit: 10 } };

describe('a request', () => {
  const exchanges = new Map<string, Exchange>();
  let gateway: GatewayFixture;

  beforeAll(async () => {
    const authority = await CertificateAuthority.create();
    for (const name of ORGANISATIONS) {
      exchanges.set(name, await Exchange.start({ authority, frontEnds: { [name]: 0 }, users: [] }));
    }
    gateway = await GatewayFixture.start({
      authority,
      listeners: [
        { name: 'phones', hostname: 'sentry.example.com' },
        { name: 'partners', hostname: 'partners.example.com' },
      ],
      routes: [
        {
          name: 'oldest',
          listeners: ['phones'],
          match: { domains: ['oldest.com'] },
          servers: serversOf('oldest'),
        },
        {
          name: 'example',
          listeners: ['phones'],
          match: { domains: ['example.com', 'example'] },
          servers: serversOf('example'),
        },
        {
          name: 'tablets',
          listeners: ['phones'],
          match: { deviceTypes: ['ipad'] },
          servers: serversOf('tablets'),
        },
        {
          name: 'vip',
          listeners: ['phones'],
          match: { users: ['boss@example.com', 'root'] },
          servers: serversOf('vip'),
        },
        { name: 'fallback', listeners: ['partners'], servers: serversOf('fallback') },
      ].map((route) => ({ ...route, throttling: EVERY_LOGIN })),
    });
  });

  afterAll(async () => {
    await gateway.stop();
    for (const exchange of exchanges.values()) exchange.close();
  });

  const serversOf = (name: string): { name: string; url: string }[] => [
    { name, url: exchanges.get(name)?.frontEnd().url ?? '' },
  ];
  /** The server that answered, or the reason why none did. */
  const goesTo = async (request: RawRequest): Promise<string> => {
    const phone = new RawPhone(gateway);
    const before = gateway.records.length;
    await phone.send({ command: 'FolderSync', user: '', ...request });
    phone.close();
    await gateway.until(() => gateway.records.length > before);
    const record = gateway.records.at(-1);
    return record?.server || record?.reason || '';
  };

  test.each<[string, RawRequest, string]>([
    ['a UPN by Basic', { authorization: basic('ann@example.com') }, 'example'],
    ['a UPN in capitals', { authorization: basic('ANN@EXAMPLE.COM') }, 'example'],
    ['a down-level name', { authorization: basic('EXAMPLE\\ann') }, 'example'],
    ['a down-level name with a DNS domain', { authorization: basic('example.com\\ann') }, 'example'],
    ['a UPN of another domain', { authorization: basic('ann@oldest.com') }, 'oldest'],
    ['a user of a route with users', { authorization: basic('Boss@Example.com') }, 'vip'],
    ['a bare name of a route with users', { authorization: basic('root') }, 'vip'],
    ['a bare name on a tablet', { authorization: basic('ann'), deviceType: 'iPad' }, 'tablets'],
    ['a bare name without a default route', { authorization: basic('ann') }, 'no-route'],
    ['a foreign user', { authorization: basic('eve@evil.com') }, 'no-route'],
    ['a user on a tablet', { authorization: basic('ann@example.com'), deviceType: 'iPad' }, 'tablets'],
    [
      'a user of a route with users on a tablet',
      { authorization: basic('boss@example.com'), deviceType: 'iPad' },
      'vip',
    ],
    ['a token with upn', claims({ upn: 'ann@example.com', unique_name: 'x@oldest.com' }), 'example'],
    ['a token with preferred_username', claims({ preferred_username: 'ann@oldest.com' }), 'oldest'],
    ['a token with unique_name', claims({ unique_name: 'boss@example.com' }), 'vip'],
    ['a token of a foreign user', claims({ upn: 'eve@evil.com' }), 'no-route'],
    ['an opaque token and a query', { authorization: OPAQUE, user: 'ann@example.com' }, 'example'],
    [
      'an opaque token and X-User-Identity',
      { authorization: OPAQUE, headers: [['X-User-Identity', 'ann@example.com']] },
      'example',
    ],
    ['an opaque token alone', { authorization: OPAQUE }, 'oldest'],
    ['an opaque token on a tablet', { authorization: OPAQUE, deviceType: 'iPad' }, 'tablets'],
    ['no credential and a query', { user: 'ann@example.com' }, 'example'],
    ['no credential and a foreign query', { user: 'eve@evil.com' }, 'no-route'],
    ['no credential and X-User-Identity', { headers: [['X-User-Identity', 'boss@example.com']] }, 'vip'],
    [
      'an empty Bearer and X-User-Identity',
      { authorization: 'Bearer', headers: [['X-User-Identity', 'ann@example.com']] },
      'example',
    ],
    ['nothing at all', {}, 'oldest'],
    ['an empty Bearer', { authorization: 'Bearer' }, 'oldest'],
    [
      'an empty Bearer on another listener',
      { authorization: 'Bearer', hostname: 'partners.example.com' },
      'fallback',
    ],
    [
      'a user on another listener',
      { authorization: basic('ann@example.com'), hostname: 'partners.example.com' },
      'fallback',
    ],
    [
      'a bare name on another listener',
      { authorization: basic('ann'), hostname: 'partners.example.com' },
      'fallback',
    ],
    [
      'nothing, by GET as iOS begins',
      { method: 'GET', target: '/Microsoft-Server-ActiveSync', authorization: 'Bearer' },
      'oldest',
    ],
  ])('of %s goes to its organisation', async (_, request, server) => {
    expect(await goesTo(request)).toBe(server);
  });

  test.each<[string, RawRequest]>([
    ['Basic', { authorization: basic('ann@example.com'), user: 'boss@example.com' }],
    ['a token', { ...claims({ upn: 'ann@example.com' }), user: 'boss@example.com' }],
    [
      'Basic against the header',
      { authorization: basic('ann@example.com'), headers: [['X-User-Identity', 'boss@example.com']] },
    ],
  ])('goes where %s belongs when the query says otherwise, and that is counted', async (_, request) => {
    expect(await goesTo(request)).toBe('example');
    expect(gateway.records.at(-1)).toMatchObject({ identityMismatch: true, user: 'ann@example.com' });
  });

  test('is not counted as a contradiction when both spell one user', async () => {
    expect(await goesTo({ authorization: basic('EXAMPLE\\ann'), user: 'ann@example.com' })).toBe('example');
    expect(gateway.records.at(-1)).toMatchObject({ identityMismatch: false });
  });

  test('is judged anew when the credential changes on one connection', async () => {
    const phone = new RawPhone(gateway);
    const servers: string[] = [];
    for (const user of ['ann@example.com', 'ann@oldest.com', 'ann@example.com', 'boss@example.com']) {
      await phone.send({ command: 'FolderSync', user: '', authorization: basic(user) });
      servers.push(gateway.records.at(-1)?.server ?? '');
    }
    phone.close();
    expect(servers).toEqual(['example', 'oldest', 'example', 'vip']);
  });
});
