// Autodiscover on the phones' connections, and an iPhone that finds its way from a mail address to its mail.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { IdentityProvider } from '../../peers/identity-provider/identity-provider.ts';
import type { HttpAnswer } from '../../peers/phone/http-connection.ts';
import { Phone } from '../../peers/phone/phone.ts';
import { GatewayFixture, HOSTNAME } from './gateway-fixture.ts';
import { RawPhone } from './raw-phone.ts';

const ALICE = 'alice@example.com';
const RESOURCE = 'https://outlook.office365.com/';
const AUTODISCOVER_HOST = 'autodiscover.example.com';
const XML = '/autodiscover/autodiscover.xml';
const TEXT_XML = [['Content-Type', 'text/xml'] as const];

const xml = (address: string): Buffer =>
  Buffer.from(
    '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006">' +
      `<Request><EMailAddress>${address}</EMailAddress><AcceptableResponseSchema>` +
      'http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006' +
      '</AcceptableResponseSchema></Request></Autodiscover>',
  );
const v2 = (address: string): string =>
  `/autodiscover/autodiscover.json/v1.0/${encodeURIComponent(address)}?Protocol=ActiveSync`;
const urlOf = (answer: HttpAnswer): string => (JSON.parse(answer.body.toString()) as { Url: string }).Url;

describe('Autodiscover', () => {
  let authority: CertificateAuthority;
  let provider: IdentityProvider;
  let exchange: Exchange;
  let gateway: GatewayFixture;
  let phone: RawPhone;

  beforeAll(async () => {
    authority = await CertificateAuthority.create();
    provider = await IdentityProvider.start({ authority, users: [ALICE], resources: [RESOURCE] });
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0 },
      users: [{ name: ALICE, password: 'secret' }],
      basic: false,
      tokens: provider.tokenRules([RESOURCE]),
    });
    gateway = await GatewayFixture.start({
      authority,
      listeners: [
        { name: 'phones', hostname: HOSTNAME },
        { name: 'trial', hostname: 'trial.example.com' },
      ],
      routes: [],
    });
    gateway.apply([route('phones'), { name: 'other', listeners: ['trial'], servers: [] }]);
  });

  const route = (listener: string) => ({
    listeners: [listener],
    match: { domains: ['example.com'] },
    servers: [{ name: 'mbx1', url: exchange.frontEnd().url }],
    authentication: {
      type: 'OAuth' as const,
      oauth: {
        authorizationEndpoint: `${provider.url}/common/oauth2/authorize`,
        tokenEndpoint: `${provider.url}/common/oauth2/token`,
        gatewayResource: `https://${HOSTNAME}`,
        destinationResource: RESOURCE,
        allowPasswordGrant: false,
        otherResources: 'Refuse' as const,
      },
    },
  });

  beforeEach(() => {
    phone?.close();
    phone = new RawPhone(gateway);
    gateway.records.length = 0;
  });

  afterAll(async () => {
    phone.close();
    await gateway.stop();
    exchange.close();
    await provider[Symbol.asyncDispose]();
  });

  test('of both versions names the gateway, on the port that the client has reached', async () => {
    const expected = `${gateway.url}/Microsoft-Server-ActiveSync`;
    const one = await phone.send({ target: XML, headers: TEXT_XML, body: xml(ALICE) });
    expect(one.status).toBe(200);
    expect(one.body.toString()).toContain(`<Type>MobileSync</Type><Url>${expected}</Url>`);
    const two = await phone.send({ method: 'GET', target: v2(ALICE) });
    expect([two.status, urlOf(two)]).toEqual([200, expected]);
    const three = await phone.send({
      method: 'GET',
      target: `/AutoDiscover/AutoDiscover.json?Email=${ALICE}&Protocol=activesync&RedirectCount=3`,
    });
    expect(urlOf(three)).toBe(expected);
  });

  test('asks nobody who he is, forwards no credential, and is accounted for without a name', async () => {
    const authorization = `Basic ${Buffer.from('alice@example.com:secret').toString('base64')}`;
    await phone.send({ target: XML, headers: TEXT_XML, body: xml(ALICE), authorization });
    await phone.send({ method: 'GET', target: v2(ALICE), authorization: 'Bearer x.y.z' });
    expect(gateway.records).toHaveLength(2);
    for (const record of gateway.records) {
      expect(record).toMatchObject({
        command: 'Autodiscover',
        code: 200,
        reason: 'autodiscover',
        route: '',
        server: '',
        user: '',
        device: '',
      });
    }
  });

  test('knows no other domain', async () => {
    const answer = await phone.send({ method: 'GET', target: v2('ann@other.com') });
    expect([answer.status, JSON.parse(answer.body.toString())]).toEqual([
      404,
      { ErrorCode: 'UserNotFound', ErrorMessage: 'The given user is not found' },
    ]);
    const one = await phone.send({ target: XML, headers: TEXT_XML, body: xml('ann@other.com') });
    expect([one.status, /<ErrorCode>(\d+)</.exec(one.body.toString())?.[1]]).toEqual([200, '600']);
  });

  test('takes 64 KiB of a request and refuses more', async () => {
    const padding = (bytes: number): Buffer => {
      const document = xml(ALICE);
      return Buffer.concat([document, Buffer.alloc(bytes - document.length, ' ')]);
    };
    const fits = await phone.send({ target: XML, headers: TEXT_XML, body: padding(65_536) });
    expect(fits.status).toBe(200);
    const exceeds = await phone.send({ target: XML, headers: TEXT_XML, body: padding(65_537) });
    expect(exceeds.status).toBe(413);
  });

  test('answers a document that is none by 400, and goes on', async () => {
    const broken = await phone.send({ target: XML, headers: TEXT_XML, body: xml(ALICE).subarray(0, 99) });
    expect(broken.status).toBe(400);
    const bomb = `<!DOCTYPE a [<!ENTITY b "${'x'.repeat(1000)}">]><a>${'&b;'.repeat(1000)}</a>`;
    expect((await phone.send({ target: XML, headers: TEXT_XML, body: Buffer.from(bomb) })).status).toBe(400);
    expect((await phone.send({ target: XML, headers: TEXT_XML, body: xml(ALICE) })).status).toBe(200);
  });

  test('exists nowhere else: other paths, and listeners whose routes name no domain', async () => {
    for (const target of [
      '/autodiscover/autodiscover.svc',
      '/autodiscover',
      '/autodiscover/metadata/json/1',
    ]) {
      expect([target, (await phone.send({ method: 'GET', target })).status]).toEqual([target, 404]);
    }
    const elsewhere = await phone.send({ method: 'GET', target: v2(ALICE), hostname: 'trial.example.com' });
    expect(elsewhere.status).toBe(404);
    expect(gateway.records.at(-1)).toMatchObject({ reason: 'unknown-path' });
  });

  test('leads an iPhone that knows a mail address alone to its mail', async () => {
    const found = urlOf(await phone.send({ method: 'GET', target: v2(ALICE) }));
    const { origin } = new URL(found);
    const asked = await phone.send({
      method: 'GET',
      authorization: 'Bearer',
      headers: [['X-User-Identity', ALICE]],
    });
    expect(asked.status).toBe(401);
    const challenge = asked.header('www-authenticate') ?? '';
    const signInUrl = /authorization_uri="([^"]+)"/.exec(challenge)?.[1] ?? '';
    expect(signInUrl).toBe(`${gateway.url}/proxyservice/default/example-com/oauth2/authorize`);
    const iPhone = new Phone({
      ...gateway.forPhones,
      url: origin,
      user: ALICE,
      oauth: {
        signInUrl,
        tokenUrl: signInUrl.replace('/authorize', '/token'),
        resource: `https://${HOSTNAME}/`,
      },
    });
    const { versions } = await iPhone.options();
    expect(versions).toContain('16.1');
    await iPhone.folderSync();
    expect(await iPhone.settings()).toBe(ALICE);
    await iPhone.sync();
    exchange.organisation.deliver(ALICE, { subject: 'hello', body: 'x' });
    expect(await iPhone.ping(60)).toMatchObject({ kind: 'changed' });
    const { added } = await iPhone.sync();
    expect(added.map(({ subject }) => subject)).toEqual(['hello']);
    iPhone.close();
    expect(iPhone.report.summary()).toMatchObject({ lost: 0, signIns: 1 });
    expect(exchange.violations).toEqual([]);
    expect(gateway.records.slice(0, 11).map(({ command, method }) => command || method)).toEqual([
      'Autodiscover',
      'GET',
      'OAuthAuthorize',
      'OAuthToken',
      'OPTIONS',
      'FolderSync',
      'Provision',
      'Provision',
      'FolderSync',
      'Settings',
      'Sync',
    ]);
  });

  test('names the host of mail where the client has asked another name of the listener', async () => {
    const other = await GatewayFixture.start({
      authority,
      listeners: [{ name: 'phones', hostname: AUTODISCOVER_HOST }],
      routes: [],
    });
    const { snapshot, files } = other.snapshotOf([route('phones')]);
    const [listener] = snapshot.listeners;
    if (listener === undefined) throw new Error('no listener');
    const hostnames = [AUTODISCOVER_HOST, HOSTNAME];
    other.pipeline.apply({ ...snapshot, listeners: [{ ...listener, hostnames }] }, files);
    const asking = new RawPhone(other);
    const answer = await asking.send({
      method: 'GET',
      target: v2(ALICE),
      hostname: AUTODISCOVER_HOST,
    });
    asking.close();
    await other.stop();
    expect(new URL(urlOf(answer)).hostname).toBe(HOSTNAME);
  });
});
