// A mailbox moves while its phone is in use: the example of a hybrid organisation, from manifest to status.
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { CertificateAuthority } from '../peers/certificates.ts';
import { Exchange } from '../peers/exchange/exchange.ts';
import { IdentityProvider } from '../peers/identity-provider/identity-provider.ts';
import { Phone } from '../peers/phone/phone.ts';
import { freePorts, sentry, Standalone } from './standalone-run.ts';

const example = new URL('../../examples/hybrid/gateway.yaml', import.meta.url);
const USER = 'alice@example.com';
const BASIC_USER = 'bob@example.com';
const RESOURCE = 'https://outlook.office365.com/';

it('keeps the phone at the gateway, and says how many users cannot move', async () => {
  const authority = await CertificateAuthority.create();
  await using idp = await IdentityProvider.start({ authority, users: [USER], resources: [RESOURCE] });
  const users = [USER, BASIC_USER].map((name) => ({ name, password: 'secret' }));
  const tokens = idp.tokenRules([RESOURCE]);
  using old = await Exchange.start({ authority, users, tokens });
  using online = await Exchange.start({ authority, users, tokens });
  const [port = 0] = await freePorts(1);
  const text = await readFile(example, 'utf8');
  const newHost = new URL(online.frontEnd().url).host;
  const manifest = text
    .replace(/-----BEGIN[\s\S]*CERTIFICATE-----/, authority.certificate.trim().replaceAll('\n', '\n    '))
    .replace('port: 8443', `port: ${port}`)
    .replace('https://mbx1.corp.example.com', old.frontEnd().url)
    .replace('[outlook.office365.com]', `["${newHost}"]\n    caRef: {name: exchange-ca}`)
    .replaceAll('https://login.microsoftonline.com', idp.url)
    .replace(
      `destinationResource: ${RESOURCE}`,
      `destinationResource: ${RESOURCE}\n      caRef: {name: exchange-ca}`,
    );
  await using run = await Standalone.create({ 'hybrid.yaml': manifest });
  run.start();
  await run.programmed('default/mail', port);

  const base = `https://sentry.example.com:${port}`;
  const connection = {
    url: base,
    hosts: { 'sentry.example.com': '127.0.0.1' },
    ca: [await run.state('default', 'mail', 'ca.crt'), authority.certificate],
  };
  const phone = new Phone({
    ...connection,
    user: USER,
    oauth: {
      signInUrl: `${base}/proxyservice/oauth2/authorize`,
      tokenUrl: `${base}/proxyservice/oauth2/token`,
      resource: 'https://sentry.example.com',
    },
  });
  const basicPhone = new Phone({ ...connection, user: BASIC_USER, password: 'secret' });
  try {
    await phone.options();
    await phone.folderSync();
    await phone.sync();
    await basicPhone.folderSync();

    const location = ['X-MS-Location', `${online.frontEnd().url}/Microsoft-Server-ActiveSync`] as const;
    old.organisation.faults.add({ action: { kind: 'answer', status: 451, headers: [location] } });
    const before = posts(old);
    await phone.settings();
    await phone.sendMail({ to: USER, subject: 'after the move' });
    expect(posts(old)).toBe(before + 1);
    expect(posts(online)).toBeGreaterThan(1);
    expect(online.organisation.journal.sentMail.length).toBe(1);
    await expect(basicPhone.settings()).rejects.toBeDefined();
    expect(phone.report.summary()).toMatchObject({ lost: 0 });
  } finally {
    phone.close();
    basicPhone.close();
  }

  await run.until(async () => (await redirectsOf(run)) !== undefined, 'status.redirects');
  expect(await redirectsOf(run)).toEqual({ movedUsers: 1, stuckUsers: 1 });
  const { text: metrics } = await run.get('/metrics');
  expect(valueOf(metrics, 'sentry_redirected_users', 'moved')).toBe('1');
  expect(valueOf(metrics, 'sentry_redirected_users', 'stuck')).toBe('1');
  expect(valueOf(metrics, 'sentry_redirects_total', 'followed')).toBe('1');
  expect(Number(valueOf(metrics, 'sentry_redirects_total', 'basic-refused'))).toBeGreaterThan(0);
  expect(metrics).not.toContain('alice');
  expect(await run.end('SIGTERM')).toEqual({ code: 0, signal: null });
});

/** Commands that reached it: no probes. */
function posts({ organisation }: Exchange): number {
  return organisation.journal.requests.filter(({ method }) => method === 'POST').length;
}

async function redirectsOf(run: Standalone): Promise<unknown> {
  const { stdout } = await sentry('status', run.directory, '-o', 'json');
  const { items } = JSON.parse(stdout) as { items: { kind: string; status: { redirects?: unknown } }[] };
  return items.find(({ kind }) => kind === 'ExchangeRoute')?.status.redirects;
}

/** Of the series of the route with this label. */
function valueOf(metrics: string, name: string, label: string): string | undefined {
  const lines = metrics
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && line.includes(`"${label}"`));
  return lines
    .find((line) => line.includes('route="default/example-com"'))
    ?.split(' ')
    .at(-1);
}
