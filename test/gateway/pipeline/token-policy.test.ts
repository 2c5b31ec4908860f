// A route's policy about Bearer tokens, before a real Exchange and with phones that sign in at an identity provider.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SnapshotRoute } from '../../../gateway/config/snapshot.ts';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { IdentityProvider } from '../../peers/identity-provider/identity-provider.ts';
import { EasFailure, Phone } from '../../peers/phone/phone.ts';
import { HttpFailure } from '../../peers/phone/eas-client.ts';
import { decode } from '../../peers/wbxml/decode.ts';
import { textOf } from '../../peers/wbxml/element.ts';
import { GatewayFixture, HOSTNAME } from './gateway-fixture.ts';
import { basic, RawPhone, type RawRequest, unsignedToken } from './raw-phone.ts';

const RESOURCE = 'https://outlook.office365.com/';
const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const IOS = 'f8d98a96-0999-43f5-8af3-69971c7bb423';
const SCOPE = 'EAS.AccessAsUser.All';
const ALICE = 'alice@example.com';

type TokenPolicy = SnapshotRoute['authentication']['tokenPolicy'];

describe('a token policy', () => {
  let authority: CertificateAuthority;
  let provider: IdentityProvider;
  let exchange: Exchange;
  let gateway: GatewayFixture;
  /** Until a phone has asked for a token. */
  let wallAheadMs = 0;
  const phones: { close(): void }[] = [];

  beforeAll(async () => {
    authority = await CertificateAuthority.create();
    provider = await IdentityProvider.start({
      authority,
      users: [ALICE],
      resources: [RESOURCE],
      tenantId: TENANT,
    });
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0 },
      users: [{ name: ALICE, password: 'secret' }],
      tokens: provider.tokenRules([RESOURCE]),
    });
    gateway = await GatewayFixture.start({
      authority,
      routes: [],
      pipeline: {
        wallClock: { now: () => Date.now() + wallAheadMs },
        sink: {
          requestFinished: (record) => {
            gateway.records.push(record);
            if (record.command === 'OAuthToken') wallAheadMs = 0;
          },
        },
      },
    });
  });

  afterEach(() => {
    wallAheadMs = 0;
    for (const phone of phones.splice(0)) phone.close();
  });

  afterAll(async () => {
    await gateway.stop();
    exchange.close();
    await provider[Symbol.asyncDispose]();
  });

  function serve(tokenPolicy: TokenPolicy): void {
    gateway.records.length = 0;
    gateway.apply([
      {
        servers: [{ name: 'mbx1', url: exchange.frontEnd().url }],
        authentication: {
          type: 'OAuth',
          oauth: {
            authorizationEndpoint: `${provider.url}/common/oauth2/authorize`,
            tokenEndpoint: `${provider.url}/common/oauth2/token`,
            gatewayResource: `https://${HOSTNAME}`,
            destinationResource: RESOURCE,
            allowPasswordGrant: false,
            otherResources: 'Refuse',
          },
          ...(tokenPolicy && { tokenPolicy }),
        },
      },
    ]);
  }

  function signedInPhone(protocolVersion = '16.1'): Phone {
    const phone = new Phone({
      ...gateway.forPhones,
      user: ALICE,
      protocolVersion,
      oauth: {
        signInUrl: `${gateway.url}/proxyservice/oauth2/authorize`,
        tokenUrl: `${gateway.url}/proxyservice/oauth2/token`,
        resource: `https://${HOSTNAME}/`,
      },
    });
    phones.push(phone);
    return phone;
  }

  const rawPhone = (): RawPhone => {
    const phone = new RawPhone(gateway);
    phones.push(phone);
    return phone;
  };
  const send = async (request: RawRequest) =>
    rawPhone().send({ command: 'FolderSync', body: Buffer.alloc(0), ...request });
  const token = async (seconds?: number): Promise<string> =>
    `Bearer ${await provider.issueToken(ALICE, RESOURCE, seconds)}`;
  const reachedExchange = (): number => gateway.records.filter(({ server }) => server !== '').length;

  test('lets in whoever has what it asks for', async () => {
    serve({ allowedTenants: [TENANT], allowedClientIds: [IOS], requiredScopes: [SCOPE] });
    const phone = signedInPhone();
    await phone.folderSync();
    await phone.sync();
    expect(phone.report.summary()).toMatchObject({ lost: 0, signIns: 1 });
  });

  test.each([
    ['tenant', { allowedTenants: ['00000000-0000-0000-0000-000000000000'] }],
    ['client-id', { allowedClientIds: ['other'] }],
    ['scope', { requiredScopes: [SCOPE, 'Mail.Read'] }],
  ])('tells a phone with the wrong %s to stop, which does not sign in again', async (what, policy) => {
    serve(policy);
    const phone = signedInPhone();
    const failure = await phone.folderSync().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(EasFailure);
    expect(failure).toMatchObject({ command: 'FolderSync', status: 130 });
    expect(phone.report.summary()).toMatchObject({ signIns: 1 });
    expect(gateway.records.at(-1)).toMatchObject({ code: 200, reason: `token-${what}`, server: '' });
    expect(reachedExchange()).toBe(0);
  });

  test('tells an old phone so by 403, and everybody who asks for versions', async () => {
    serve({ allowedTenants: ['00000000-0000-0000-0000-000000000000'] });
    const failure = await signedInPhone('12.1')
      .folderSync()
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(HttpFailure);
    expect((failure as HttpFailure).answer.status).toBe(403);
    const options = await rawPhone().send({ method: 'OPTIONS', authorization: await token() });
    expect(options.status).toBe(403);
    expect(reachedExchange()).toBe(0);
  });

  test('has a phone whose token has expired get itself a new one', async () => {
    serve({ allowedTenants: [TENANT] });
    const phone = signedInPhone();
    await phone.folderSync();
    const before = provider.requests.length;
    wallAheadMs = 2 * 3_600_000;
    await phone.sync();
    expect(phone.report.summary()).toMatchObject({ lost: 0 });
    const denied = gateway.records.filter(({ reason }) => reason === 'token-expired');
    expect(denied.map(({ code, server }) => [code, server])).toContainEqual([401, '']);
    expect(provider.requests.length).toBeGreaterThan(before);
  });

  test('judges a token on a connection anew when its time has come', async () => {
    serve({});
    const phone = rawPhone();
    const request = { method: 'OPTIONS', authorization: await token() };
    expect((await phone.send(request)).status).toBe(200);
    wallAheadMs = 3_599_000 + 301_000;
    const answer = await phone.send(request);
    expect(answer.status).toBe(401);
    expect(answer.header('www-authenticate')).toBe(
      'Bearer error="invalid_token", error_description="The access token has expired"',
    );
    wallAheadMs = 0;
    expect((await phone.send(request)).status).toBe(200);
  });

  test('is as patient with clocks as Exchange is', async () => {
    serve({});
    const expired = await token(-60);
    expect((await send({ authorization: expired })).status).toBe(401);
    expect(gateway.records.at(-1)).toMatchObject({ server: 'mbx1', reason: '' });
    expect((await send({ authorization: await token(-301) })).status).toBe(401);
    expect(gateway.records.at(-1)).toMatchObject({ server: '', reason: 'token-expired' });
  });

  test('leaves tokens that only Exchange can read to Exchange, unless it says otherwise', async () => {
    const opaque = 'Bearer EwBAA8l6BAAUO9chh8cJscQLmU';
    serve({ allowedTenants: [TENANT] });
    for (const authorization of [opaque, 'Bearer a.b.c.d.e']) {
      expect((await send({ authorization })).status).toBe(401);
      expect(gateway.records.at(-1)).toMatchObject({ server: 'mbx1', reason: '' });
    }
    serve({ allowedTenants: [TENANT], unreadableTokens: 'Refuse' });
    const answer = await send({ authorization: opaque });
    expect(answer.status).toBe(200);
    expect(textOf(decode(answer.body), 'FolderHierarchy:Status')).toBe('130');
    expect(gateway.records.at(-1)).toMatchObject({ server: '', reason: 'token-unreadable' });
  });

  test.each([
    ['is no base64', 'Bearer a.!.c'],
    ['has another blank behind the scheme', 'Bearer\ta.!.c'],
    ['is written in capitals', 'BEARER a.!.c'],
  ])('does not let a token pass that %s', async (_, authorization) => {
    serve({ allowedTenants: [TENANT] });
    const answer = await send({ authorization });
    expect(answer.status).toBe(401);
    expect(answer.header('www-authenticate')).toContain('error="invalid_token"');
    expect(gateway.records.at(-1)).toMatchObject({ server: '', reason: 'token-malformed' });
  });

  test('grants nothing: a forged token that fits is Exchange’s to refuse', async () => {
    serve({ allowedTenants: [TENANT], allowedClientIds: [IOS], requiredScopes: [SCOPE] });
    const authorization = unsignedToken({ upn: ALICE, tid: TENANT, appid: IOS, scp: SCOPE });
    expect((await send({ authorization })).status).toBe(401);
    expect(gateway.records.at(-1)).toMatchObject({ server: 'mbx1', reason: '' });
  });

  test('denies the token of a service where scopes are asked for', async () => {
    serve({ requiredScopes: [SCOPE] });
    const authorization = unsignedToken({ tid: TENANT, appid: IOS, idtyp: 'app', roles: [SCOPE] });
    expect((await send({ authorization })).status).toBe(200);
    expect(gateway.records.at(-1)).toMatchObject({ server: '', reason: 'token-scope' });
  });

  test('is not about passwords, and not about requests that have no credential yet', async () => {
    serve({ allowedTenants: ['00000000-0000-0000-0000-000000000000'], unreadableTokens: 'Refuse' });
    const options = { method: 'OPTIONS' };
    expect((await send({ ...options, authorization: basic(ALICE) })).status).toBe(200);
    expect((await send({ ...options, authorization: 'Bearer' })).status).toBe(401);
    expect(gateway.records.at(-1)).toMatchObject({ server: 'mbx1' });
  });

  test('of one route is not another’s', async () => {
    serve({ allowedTenants: ['00000000-0000-0000-0000-000000000000'] });
    const phone = rawPhone();
    const request = { method: 'OPTIONS', authorization: await token() };
    expect((await phone.send(request)).status).toBe(403);
    serve(undefined);
    expect((await phone.send(request)).status).toBe(200);
  });
});
