// iOS Mail as it was recorded (specification of OAuth): from a mail address alone, through Autodiscover and sign-in, to its first Ping.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { IdentityProvider } from '../../peers/identity-provider/identity-provider.ts';
import { IOS_MAIL } from '../../peers/phone/clients/ios-mail.ts';
import { Phone, type PhoneOptions } from '../../peers/phone/phone.ts';
import { setUp } from '../../peers/phone/set-up.ts';
import { GatewayFixture, HOSTNAME } from '../pipeline/gateway-fixture.ts';

const ALICE = 'alice@example.com';
const RESOURCE = 'https://outlook.office365.com/';
const AFTER_SIGN_IN = [
  'OPTIONS 200',
  'FolderSync 200',
  'Provision 200',
  'Provision 200',
  'FolderSync 200',
  'Settings 200',
  'Sync 200',
  'Sync 200',
];

describe('iOS Mail', () => {
  let authority: CertificateAuthority;
  let provider: IdentityProvider;
  let exchange: Exchange;
  let gateway: GatewayFixture;
  let phone: Phone;

  beforeEach(async () => {
    authority = await CertificateAuthority.create();
    provider = await IdentityProvider.start({ authority, users: [ALICE], resources: [RESOURCE] });
    exchange = await Exchange.start({
      authority,
      kind: 'online',
      timeScale: 0.01,
      users: [{ name: ALICE }],
      tokens: provider.tokenRules([RESOURCE]),
    });
    gateway = await GatewayFixture.start({
      authority,
      routes: [
        {
          match: { domains: ['example.com'] },
          servers: [{ name: 'exo', url: exchange.frontEnd().url }],
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

  afterEach(async () => {
    phone.close();
    await gateway.stop();
    exchange.close();
    await provider[Symbol.asyncDispose]();
  });

  function phoneOf(options: Partial<PhoneOptions>): Phone {
    const { hosts, ca } = gateway.forPhones;
    const base = `${gateway.url}/proxyservice/oauth2`;
    return new Phone({
      url: gateway.url,
      ca,
      hosts: { ...hosts, 'autodiscover.example.com': '127.0.0.1' },
      user: ALICE,
      client: IOS_MAIL,
      oauth: { signInUrl: `${base}/authorize`, tokenUrl: `${base}/token`, resource: `https://${HOSTNAME}/` },
      ...options,
    });
  }

  /** What the gateway was asked, in order. */
  const asked = (): string[] =>
    gateway.records.map(({ method, command, code }) => `${command || method} ${code}`);

  async function poll(): Promise<void> {
    const ping = phone.ping(60);
    await exchange.organisation.journal.until(({ openPolls }) => openPolls.length === 1);
    await ping;
    await gateway.until(() => asked().at(-1) === 'Ping 200');
  }

  test('asks in the recorded order when it knows its mail address alone', async () => {
    phone = phoneOf({ autodiscover: gateway.url });
    await setUp(phone, IOS_MAIL);
    await poll();
    expect(asked()).toEqual([
      'Autodiscover 200',
      'GET 401',
      'OAuthAuthorize 302',
      'OAuthToken 200',
      ...AFTER_SIGN_IN,
      'Ping 200',
    ]);
    const get = exchange.organisation.journal.requests.find(({ method }) => method === 'GET');
    const named = (name: string): string | undefined => get?.rawHeaders[get.rawHeaders.indexOf(name) + 1];
    expect([named('Authorization'), named('X-User-Identity')]).toEqual(['Bearer', ALICE]);
    expect(exchange.violations).toEqual([]);
    expect(phone.report.summary()).toMatchObject({ lost: 0, signIns: 1 });
  });

  test('with a profile begins with its sign-in', async () => {
    phone = phoneOf({ hasProfile: true });
    await setUp(phone, IOS_MAIL);
    await poll();
    expect(asked()).toEqual(['OAuthAuthorize 302', 'OAuthToken 200', ...AFTER_SIGN_IN, 'Ping 200']);
  });

  test('asks for its token by the recorded parameters', async () => {
    const answers: string[] = [];
    phone = phoneOf({
      hasProfile: true,
      oauth: {
        signInUrl: `${gateway.url}/proxyservice/oauth2/authorize`,
        tokenUrl: `${gateway.url}/proxyservice/oauth2/token`,
        resource: `https://${HOSTNAME}/`,
        onAnswer: (what, answer) => {
          if (what === 'authorize') answers.push(answer.header('location') ?? '');
        },
      },
    });
    await setUp(phone, IOS_MAIL);
    const parameters = [...new URL(answers[0] ?? '').searchParams];
    expect(parameters).toEqual([
      ['response_type', 'code'],
      ['client_id', 'f8d98a96-0999-43f5-8af3-69971c7bb423'],
      ['redirect_uri', 'com.apple.Preferences://oauth-redirect'],
      ['resource', RESOURCE],
      ['display', 'ios'],
      ['state', expect.stringMatching(/^[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12}$/)],
      ['claims', '{"access_token":{"xms_cc":{"values":["cp1"]}}}'],
      ['login_hint', ALICE],
    ]);
  });
});
