// How long the identity provider's configuration is kept: the real client against the simulated identity provider, with a clock of the test's.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ConfigurationDocuments } from '../../../gateway/oauth/configuration-document.ts';
import { IdentityProviderClient } from '../../../gateway/oauth/identity-provider-client.ts';
import { compileProvider } from '../../../gateway/oauth/provider-endpoints.ts';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { IdentityProvider } from '../../peers/identity-provider/identity-provider.ts';

let authority: CertificateAuthority;
let provider: IdentityProvider;
let client: IdentityProviderClient;
let documents: ConfigurationDocuments;
let asked: number;
let now: number;

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  provider = await IdentityProvider.start({ authority, users: [], resources: [] });
});

beforeEach(() => {
  const { configuration } = compileProvider({
    authorizationEndpoint: `${provider.url}/common/oauth2/authorize`,
    tokenEndpoint: `${provider.url}/common/oauth2/token`,
    gatewayResource: 'https://sentry.example.com',
    destinationResource: 'https://outlook.office365.com/',
    allowPasswordGrant: false,
    otherResources: 'Refuse',
  });
  if (configuration === undefined) throw new Error('the endpoint is known by that for tokens');
  now = 0;
  client = new IdentityProviderClient(Buffer.from(authority.certificate));
  documents = new ConfigurationDocuments(client, configuration, { now: () => now });
  asked = provider.requests.length;
});

afterEach(() => client.close());

afterAll(async () => {
  await provider[Symbol.asyncDispose]();
});

const askedSince = (): number => provider.requests.length - asked;

test('it is asked for once an hour, and once by phones that ask together', async () => {
  const [one, two] = await Promise.all([documents.get(''), documents.get('common')]);
  expect(one['issuer']).toBe('https://sts.windows.net/{tenantid}/');
  expect(two).toBe(one);
  now = 3_599_999;
  expect(await documents.get('')).toBe(one);
  expect(askedSince()).toBe(1);
  now = 3_600_000;
  expect(await documents.get('')).not.toBe(one);
  expect(askedSince()).toBe(2);
});

test('it serves on while no newer one can be had, which is tried once a minute', async () => {
  const document = await documents.get('');
  provider.kill();
  now = 4_000_000;
  expect(await documents.get('')).toBe(document);
  await provider.serve();
  expect(await documents.get('')).toBe(document);
  now += 60_000;
  expect(await documents.get('')).not.toBe(document);
});

test('that of another tenant is another one, and those of 64 are kept', async () => {
  for (let tenant = 0; tenant < 65; tenant++) await documents.get(`tenant${tenant}.example`);
  await documents.get('tenant64.example');
  expect(askedSince()).toBe(65);
  expect(provider.requests.at(-1)?.target).toBe('/tenant64.example/.well-known/openid-configuration');
  await documents.get('tenant0.example');
  expect(askedSince()).toBe(66);
});

test.each(['', '[]', 'null', '"issuer"', '{}', '<html>'])('%j is none', async (body) => {
  provider.faults.add({ action: { kind: 'answer', status: 200, body }, times: 1 });
  await expect(documents.get('')).rejects.toMatchObject({ code: 'NoConfiguration' });
  expect(await documents.get('')).toHaveProperty('issuer');
});
