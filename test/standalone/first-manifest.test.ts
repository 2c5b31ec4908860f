// The first manifest of the documentation: a phone signs in, provisions, syncs, and hears of new mail by a Ping.
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { CertificateAuthority } from '../peers/certificates.ts';
import { Exchange } from '../peers/exchange/exchange.ts';
import { IdentityProvider } from '../peers/identity-provider/identity-provider.ts';
import { Phone } from '../peers/phone/phone.ts';
import { areFree, freePorts, sentry, Standalone } from './standalone-run.ts';

const example = new URL('../../examples/first/gateway.yaml', import.meta.url);
/** Phones, two servers and the identity provider, as the manifest has them. */
const documented = [8443, 9441, 9442, 9443] as const;
const USER = 'alice@example.com';

/** The manifest with the authority filled in; with other ports only where the documented ones are taken. */
async function firstManifest(authority: CertificateAuthority) {
  const text = await readFile(example, 'utf8');
  const certificate = authority.certificate.trim().replaceAll('\n', '\n    ');
  const filled = text.replace(/-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----/, certificate);
  const ports = (await areFree(documented)) ? [...documented] : await freePorts(documented.length);
  const manifest = documented.reduce(
    (manifest, port, at) => manifest.replaceAll(new RegExp(`\\b${port}\\b`, 'g'), String(ports[at])),
    filled,
  );
  const [phones = 0, mbx1 = 0, mbx2 = 0, identityProvider = 0] = ports;
  return { manifest, phones, mbx1, mbx2, identityProvider };
}

it('works as it is, but for the certificate of the authority', async () => {
  const authority = await CertificateAuthority.create();
  const { manifest, phones, mbx1, mbx2, identityProvider } = await firstManifest(authority);
  await using idp = await IdentityProvider.start({
    authority,
    users: [USER],
    resources: ['https://outlook.office365.com/'],
    port: identityProvider,
  });
  using exchange = await Exchange.start({
    authority,
    frontEnds: { mbx1, mbx2 },
    users: [{ name: USER, password: 'not used' }],
    tokens: idp.tokenRules(['https://outlook.office365.com/']),
  });
  await using run = await Standalone.create({ 'first.yaml': manifest });
  expect(await sentry('validate', run.directory)).toMatchObject({
    code: 0,
    stdout: `${run.directory}: 1 SentryGateway and 1 ExchangeRoute are valid\n`,
  });
  run.start();
  await run.programmed('default/mail', phones);
  await run.until(
    async () => (await conditionsOf(run)).every(({ status }) => status === 'True'),
    'all conditions',
  );

  const [gateway] = await itemsOf(run);
  const { signInURL, tokenURL, emailPlus } = gateway?.status.clients ?? {};
  const base = `https://sentry.example.com:${phones}/proxyservice`;
  expect([signInURL, tokenURL]).toEqual([`${base}/oauth2/authorize`, `${base}/oauth2/token`]);
  const phone = new Phone({
    url: `https://sentry.example.com:${phones}`,
    hosts: { 'sentry.example.com': '127.0.0.1' },
    ca: [await run.state('default', 'mail', 'ca.crt'), authority.certificate],
    user: USER,
    oauth: {
      signInUrl: signInURL ?? '',
      tokenUrl: tokenURL ?? '',
      resource: emailPlus?.modern_auth_resource_url ?? '',
    },
  });
  try {
    await phone.options();
    await phone.folderSync();
    await phone.sync();
    const pinging = phone.ping(470);
    await exchange.organisation.journal.until(({ openPolls }) => openPolls.length === 1);
    exchange.organisation.deliver(USER, { subject: 'hello', body: 'through the open Ping' });
    expect(await pinging).toEqual({ kind: 'changed', folderIds: [phone.inbox] });
    const { added } = await phone.sync();
    expect(added.map(({ subject }) => subject)).toEqual(['hello']);

    exchange.frontEnd('mbx1').kill();
    await phone.sendMail({ to: USER, subject: 'while the first server is dead' });
    expect((await phone.sync()).added.map(({ subject }) => subject)).toEqual([
      'while the first server is dead',
    ]);
    expect(phone.report.summary()).toMatchObject({ lost: 0, mailDoubled: 0 });
  } finally {
    phone.close();
  }
  expect(exchange.violations).toEqual([]);
  expect(await run.end('SIGTERM')).toEqual({ code: 0, signal: null });
});

interface Item {
  readonly status: {
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
    readonly clients?: {
      readonly signInURL?: string;
      readonly tokenURL?: string;
      readonly emailPlus?: { readonly modern_auth_resource_url?: string };
    };
  };
}

async function itemsOf(run: Standalone): Promise<readonly Item[]> {
  const { stdout } = await sentry('status', run.directory, '-o', 'json');
  return (JSON.parse(stdout) as { items: Item[] }).items;
}

async function conditionsOf(run: Standalone) {
  const items = await itemsOf(run);
  return items.length < 2
    ? [{ type: 'none', status: 'False' }]
    : items.flatMap(({ status }) => status.conditions);
}
