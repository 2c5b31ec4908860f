// The OAuth endpoints as the pipeline serves them: on the phones' connection, bounded, accounted for, never logged.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { IdentityProvider } from '../../peers/identity-provider/identity-provider.ts';
import { Phone } from '../../peers/phone/phone.ts';
import { GatewayFixture, HOSTNAME } from './gateway-fixture.ts';
import { basic, RawPhone } from './raw-phone.ts';

const RESOURCE = 'https://outlook.office365.com/';
const FORM = [['Content-Type', 'application/x-www-form-urlencoded'] as const];

describe('the OAuth endpoints', () => {
  let authority: CertificateAuthority;
  let provider: IdentityProvider;
  let exchange: Exchange;
  let gateway: GatewayFixture;

  beforeAll(async () => {
    authority = await CertificateAuthority.create();
    provider = await IdentityProvider.start({
      authority,
      users: ['alice@example.com'],
      resources: [RESOURCE],
    });
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0 },
      users: [{ name: 'alice@example.com', password: 'secret' }],
      basic: false,
      tokens: provider.tokenRules([RESOURCE]),
    });
    gateway = await GatewayFixture.start({
      authority,
      routes: [
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
          },
        },
      ],
    });
  });

  beforeEach(() => {
    gateway.records.length = 0;
  });

  afterAll(async () => {
    await gateway.stop();
    exchange.close();
    await provider[Symbol.asyncDispose]();
  });

  test('sign a phone in, whose token then opens Exchange', async () => {
    const phone = new Phone({
      ...gateway.forPhones,
      user: 'alice@example.com',
      oauth: {
        signInUrl: `${gateway.url}/proxyservice/oauth2/authorize`,
        tokenUrl: `${gateway.url}/proxyservice/oauth2/token`,
        resource: `https://${HOSTNAME}/`,
      },
    });
    await phone.folderSync();
    await phone.sync();
    phone.close();
    expect(phone.report.summary()).toMatchObject({ lost: 0, signIns: 1 });
    expect(exchange.violations).toEqual([]);
    expect(gateway.records.find(({ command }) => command === 'OAuthAuthorize')).toMatchObject({
      method: 'GET',
      code: 302,
      route: 'default/example-com',
      server: '',
      reason: 'oauth',
      user: '',
      device: '',
    });
    expect(gateway.records.find(({ command }) => command === 'OAuthToken')).toMatchObject({
      method: 'POST',
      code: 200,
    });
    expect(gateway.records.find(({ command }) => command === 'FolderSync')).toMatchObject({
      user: 'alice@example.com',
    });
    expect(gateway.log.join('')).not.toMatch(/Bearer|code=|refresh_token/);
  });

  test('take 64 KiB of a form and refuse more as an invalid request', async () => {
    const phone = new RawPhone(gateway);
    const target = '/proxyservice/oauth2/token';
    const refused = await phone.send({ target, headers: FORM, body: Buffer.alloc(65_537, 'a') });
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.body.toString())).toMatchObject({ error: 'invalid_request' });
    const passed = await phone.send({
      target,
      headers: FORM,
      body: Buffer.from(`grant_type=none&x=${'a'.repeat(65_517)}`),
    });
    expect(JSON.parse(passed.body.toString())).toMatchObject({ error: 'unsupported_grant_type' });
    phone.close();
  });

  test('know no other path', async () => {
    const phone = new RawPhone(gateway);
    for (const target of [
      '/proxyservice',
      '/proxyservice/',
      '/proxyservice/oauth2',
      '/proxyservice/../owa',
    ]) {
      expect([target, (await phone.send({ method: 'GET', target })).status]).toEqual([target, 404]);
    }
    phone.close();
    expect(gateway.records).toHaveLength(4);
    for (const record of gateway.records) expect(record).toMatchObject({ command: '', code: 404, route: '' });
  });

  test('answer NTLM on the mail path with a challenge for a token', async () => {
    const phone = new RawPhone(gateway);
    const answer = await phone.send({ command: 'Sync', authorization: 'NTLM TlRMTVNTUAABAAAA' });
    expect(answer.status).toBe(401);
    expect(answer.header('www-authenticate')).toBe('Bearer');
    phone.close();
  });

  test('leave Basic on the mail path to Exchange', async () => {
    const phone = new RawPhone(gateway);
    const answer = await phone.send({ method: 'OPTIONS', authorization: basic('alice@example.com') });
    expect(answer.status).toBe(401);
    expect(gateway.records.at(-1)).toMatchObject({ server: 'mbx1', reason: '' });
    phone.close();
  });
});
