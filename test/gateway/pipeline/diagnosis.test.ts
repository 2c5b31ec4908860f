// Why sign-ins fail, as the identity provider and Exchange say it: counted, told once, and passed byte for byte.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { IdentityProvider } from '../../peers/identity-provider/identity-provider.ts';
import { HttpClient } from '../../peers/phone/http-client.ts';
import { GatewayFixture, HOSTNAME } from './gateway-fixture.ts';
import { basic, PATH, RawPhone, type RawRequest } from './raw-phone.ts';

const ALICE = 'alice@example.com';
const RESOURCE = 'https://outlook.office365.com/';
const UNKNOWN_RESOURCE = 'https://mail.example.com/';
const FORM = [['Content-Type', 'application/x-www-form-urlencoded'] as const];

describe('a sign-in that fails', () => {
  let authority: CertificateAuthority;
  let provider: IdentityProvider;
  let exchange: Exchange;
  let gateway: GatewayFixture;
  let phone: RawPhone;
  const counted: string[] = [];

  beforeAll(async () => {
    authority = await CertificateAuthority.create();
    provider = await IdentityProvider.start({
      authority,
      users: [{ name: ALICE, password: 'secret' }],
      resources: [RESOURCE],
    });
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0 },
      users: [{ name: ALICE, password: 'secret' }],
      tokens: provider.tokenRules([RESOURCE]),
    });
    gateway = await GatewayFixture.start({
      authority,
      pipeline: { countSignInError: (source, reason) => counted.push(`${source} ${reason}`) },
      routes: [
        {
          servers: [{ name: 'mbx1', url: exchange.frontEnd().url }],
          authentication: {
            type: 'OAuth',
            oauth: {
              authorizationEndpoint: `${provider.url}/common/oauth2/authorize`,
              tokenEndpoint: `${provider.url}/common/oauth2/token`,
              gatewayResource: `https://${HOSTNAME}`,
              destinationResource: UNKNOWN_RESOURCE,
              allowPasswordGrant: true,
              otherResources: 'Pass',
            },
          },
        },
      ],
    });
    phone = new RawPhone(gateway);
  });

  beforeEach(() => {
    counted.length = 0;
    gateway.log.length = 0;
    gateway.aheadMs += 60_000;
  });

  afterAll(async () => {
    phone.close();
    await gateway.stop();
    exchange.close();
    await provider[Symbol.asyncDispose]();
  });

  const lines = (): Record<string, unknown>[] =>
    gateway.log
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'a sign-in failed');

  const askForToken = async (resource: string, password: string, headers: RawRequest['headers'] = []) => {
    const form = { grant_type: 'password', client_id: 'x', username: ALICE, password, resource };
    const body = Buffer.from(new URLSearchParams(form).toString());
    const target = '/proxyservice/oauth2/token';
    return phone.send({ target, headers: [...FORM, ...(headers ?? [])], body });
  };

  test('at the identity provider is told once with what to do, and reaches the phone as it is', async () => {
    const answer = await askForToken(`https://${HOSTNAME}/`, 'secret');
    const error = JSON.parse(answer.body.toString()) as Record<string, unknown>;
    expect(answer.status).toBe(400);
    expect(error).toMatchObject({ error: 'invalid_resource', error_codes: [500_011] });
    expect(error.error_description).toContain(UNKNOWN_RESOURCE);
    await askForToken(`https://${HOSTNAME}/`, 'secret');
    expect(counted).toEqual(Array(2).fill('identity-provider resource-unknown'));
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).toMatchObject({
      level: 40,
      route: 'default/example-com',
      source: 'identity-provider',
      code: 'AADSTS500011',
      reason: 'resource-unknown',
      action: expect.stringContaining('destinationResource') as string,
    });
    gateway.aheadMs += 60_000;
    await askForToken(`https://${HOSTNAME}/`, 'secret');
    expect(lines().at(-1)).toMatchObject({ more: 1 });
  });

  test('for a mistyped password is everyday', async () => {
    await askForToken(RESOURCE, 'mistyped');
    expect(counted).toEqual(['identity-provider password-wrong']);
    expect(lines()[0]).toMatchObject({ level: 30, code: 'AADSTS50126' });
    expect(gateway.log.join('')).not.toMatch(/alice|mistyped|secret/);
  });

  test('that succeeds after all, and what the gateway itself refuses, is counted nowhere', async () => {
    expect((await askForToken(RESOURCE, 'secret')).status).toBe(200);
    const target = '/proxyservice/oauth2/token';
    expect((await phone.send({ target, headers: FORM, body: Buffer.from('x=1') })).status).toBe(400);
    expect(counted).toEqual([]);
    expect(lines()).toEqual([]);
  });

  test('at Exchange is known by its diagnostics, which reach the phone as they are', async () => {
    const token = await provider.issueToken('bob@example.com', RESOURCE);
    const authorization = `Bearer ${token}`;
    const answer = await phone.send({ method: 'OPTIONS', authorization });
    const direct = new HttpClient(gateway.forPhones);
    const same = await direct.request(exchange.frontEnd().url, {
      method: 'OPTIONS',
      target: PATH,
      headers: [['Authorization', authorization]],
    });
    direct.close();
    expect(answer.status).toBe(401);
    expect(answer.header('x-ms-diagnostics')).toBe(same.header('x-ms-diagnostics'));
    expect(answer.header('x-ms-diagnostics')).toContain('error_category="invalid_user"');
    expect(counted).toEqual(['exchange user-unknown']);
    expect(lines()[0]).toMatchObject({ source: 'exchange', code: '2000008', reason: 'user-unknown' });
    expect(gateway.log.join('')).not.toMatch(/bob|eyJ/);
  });

  test('is none where nobody has signed in yet, or with a password', async () => {
    for (const authorization of ['Bearer', basic(ALICE, 'wrong')]) {
      expect((await phone.send({ method: 'OPTIONS', authorization })).status).toBe(401);
    }
    expect((await phone.send({ method: 'OPTIONS' })).status).toBe(401);
    expect(counted).toEqual([]);
  });
});
