// Secrets go through a real gateway in every place that a client can put one; none may come out in a log line, a metric or the report.
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Snapshot } from '../../../gateway/config/snapshot.ts';
import { CertificateAuthority, type Credentials } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { IdentityProvider } from '../../peers/identity-provider/identity-provider.ts';
import { HttpClient } from '../../peers/phone/http-client.ts';
import type { HttpAnswer } from '../../peers/phone/http-connection.ts';
import { Phone } from '../../peers/phone/phone.ts';
import { GatewayProcess } from './gateway-process.ts';
import { sketchSnapshot } from './snapshot-sketch.ts';
import { connectTls } from './tls-client.ts';

const CANARY = /canary[0-9a-f]{8}/gi;
const canary = (): string => `canary${randomBytes(4).toString('hex')}`;

let authority: CertificateAuthority;
let credentials: Credentials;
beforeAll(async () => {
  authority = await CertificateAuthority.create();
  credentials = await authority.issue({ names: ['sentry.example.com'] });
});

interface Traffic {
  /** Everything that the gateway said: log, metrics, report. */
  readonly said: string;
  /** What must not be in it and does not look like a canary: tokens and codes of the identity provider. */
  readonly issued: readonly string[];
  /** Users and devices that may be in it where identifiers are plain. */
  readonly identifiers: readonly string[];
  readonly gateway: { readonly accessLines: number; readonly codes: ReadonlySet<number> };
}

describe('what a phone says stays between it and Exchange', () => {
  test('with hashed identifiers: not even who it was is said', async () => {
    const { said, issued, gateway } = await runTraffic('Hashed');
    expect(gateway.accessLines).toBeGreaterThan(20);
    expect([...gateway.codes]).toEqual(expect.arrayContaining([200, 302, 400, 401, 403, 404, 501, 503]));
    expect(said.match(CANARY)).toBeNull();
    expect(issued.length).toBeGreaterThan(6);
    expect(issued.filter((secret) => said.includes(secret))).toEqual([]);
  });

  test('with plain identifiers: users and devices, and nothing else of it', async () => {
    const { said, issued, identifiers } = await runTraffic('Plain');
    const known = new Set(identifiers.flatMap((id) => id.toLowerCase().match(CANARY) ?? []));
    expect(said.match(CANARY)?.length).toBeGreaterThan(0);
    expect((said.match(CANARY) ?? []).filter((found) => !known.has(found.toLowerCase()))).toEqual([]);
    expect(issued.filter((secret) => said.includes(secret))).toEqual([]);
  });
});

async function runTraffic(identifiers: Snapshot['logging']['identifiers']): Promise<Traffic> {
  const basicUser = `${canary()}@example.com`;
  const tokenUser = `${canary()}@example.com`;
  const deviceId = canary();
  const password = canary();
  const resources = ['https://outlook.office365.com/'];
  await using provider = await IdentityProvider.start({ authority, users: [tokenUser], resources });
  using exchange = await Exchange.start({
    authority,
    users: [
      { name: basicUser, password },
      { name: tokenUser, password: canary() },
    ],
    tokens: provider.tokenRules(resources),
  });
  const oauth = {
    authorizationEndpoint: `${provider.url}/common/oauth2/authorize`,
    tokenEndpoint: `${provider.url}/common/oauth2/token`,
    gatewayResource: 'https://sentry.example.com',
    destinationResource: 'https://outlook.office365.com/',
    allowPasswordGrant: true,
    otherResources: 'Refuse' as const,
  };
  const servers = [{ name: 'mbx1', url: exchange.frontEnd().url }];
  await using gateway = await GatewayProcess.start({
    content: sketchSnapshot({
      listeners: [{ credentials: [credentials] }],
      routes: [
        {
          servers,
          ca: authority.certificate,
          match: { domains: ['example.com'] },
          authentication: { type: 'OAuth', oauth },
        },
      ],
      logging: { access: 'All', samplePercent: 1, identifiers },
    }),
  });
  const origin = `https://sentry.example.com:${gateway.port}`;
  const common = {
    url: origin,
    hosts: { 'sentry.example.com': '127.0.0.1' },
    ca: authority.certificate,
    deviceId,
  };

  const phone = new Phone({ ...common, user: basicUser, password });
  await usePhone(phone, exchange, basicUser);
  const issued: string[] = [];
  const tokenPhone = new Phone({
    ...common,
    user: tokenUser,
    oauth: {
      signInUrl: `${origin}/proxyservice/oauth2/authorize`,
      tokenUrl: `${origin}/proxyservice/oauth2/token`,
      resource: 'https://sentry.example.com',
      onAnswer: (_, answer) => issued.push(...secretsOf(answer)),
    },
  });
  await usePhone(tokenPhone, exchange, tokenUser);
  const stranger = new Phone({ ...common, user: basicUser, password: canary() });
  await expect(stranger.folderSync()).rejects.toThrow(/401/);

  await sendHostile(gateway.port, origin);
  exchange.frontEnd().kill();
  provider.kill();
  await expect(phone.folderSync()).rejects.toThrow(/503/);
  const http = new HttpClient(common);
  await postForm(http, origin, `grant_type=refresh_token&refresh_token=${canary()}`);
  for (const each of [phone, tokenPhone, stranger, http]) each.close();

  const [metrics, report] = [await gateway.probe('/metrics'), await gateway.admin('/report')];
  await gateway.stop();
  for (const { body } of provider.requests) issued.push(...valuesOf(body.toString()));
  const lines = gateway.log.filter(({ msg }) => msg === 'request');
  return {
    said: [gateway.stderr, metrics.body, report.body].join('\n'),
    issued: issued.filter((secret) => secret.length >= 16),
    identifiers: [basicUser, tokenUser, deviceId],
    gateway: { accessLines: lines.length, codes: new Set(lines.map(({ code }) => Number(code))) },
  };
}

async function usePhone(phone: Phone, exchange: Exchange, user: string): Promise<void> {
  await phone.options();
  await phone.folderSync();
  await phone.sync();
  exchange.organisation.deliver(user, { subject: canary(), body: canary() });
  await phone.sync();
  await phone.sendMail({ to: `${canary()}@example.com`, subject: canary(), body: canary() });
}

/** Secrets where they do not belong: every part of a request, whole and broken. */
async function sendHostile(port: number, origin: string): Promise<void> {
  const c = canary;
  const basic = Buffer.from(`stranger@elsewhere.test:${c()}`).toString('base64');
  const ping = 'Cmd=Ping&User=stranger&DeviceId=tablet&DeviceType=SP';
  const eas = '/Microsoft-Server-ActiveSync';
  const query = `Cmd=${c()}&User=${c()}&DeviceId=${c()}&DeviceType=${c()}`;
  const host = 'Host: sentry.example.com';
  for (const head of [
    `GET /${c()}?${c()}=${c()} HTTP/1.1\r\n${host}\r\n${c()}: ${c()}`,
    `${c()} / HTTP/1.1\r\n${host}`,
    `PUT ${eas}?${query} HTTP/1.1\r\n${host}`,
    `GET / HTTP/1.1\r\nHost: ${c()}/${c()}`,
    `GET / HTTP/1.1\r\n${host}\r\n${c()}\x01: ${c()}`,
    `GET / ${c()}\r\n${host}`,
    `POST ${eas}?${query} HTTP/1.1\r\n${host}\r\nAuthorization: Basic ${basic}\r\nContent-Length: 0`,
    `POST ${eas}?${ping} HTTP/1.1\r\n${host}\r\nAuthorization: Basic ${basic}\r\nCookie: ${c()}\r\nContent-Length: 0`,
    `POST ${eas}?${query} HTTP/1.1\r\n${host}\r\nAuthorization: Basic ${c()}\r\nContent-Length: 0`,
    `POST ${eas}?${query} HTTP/1.1\r\n${host}\r\nAuthorization: Bearer ${c()}.${c()}.${c()}\r\nContent-Length: 0`,
    `POST ${eas}?${query} HTTP/1.1\r\n${host}\r\nAuthorization: ${c()} ${c()}\r\nContent-Length: ${c()}`,
    `POST ${eas}?${query} HTTP/1.1\r\n${host}\r\nMS-ASProtocolVersion: ${c()}\r\nX-User-Identity: ${c()}\r\nContent-Length: 0`,
    `POST ${eas}?${Buffer.from(c()).toString('base64')} HTTP/1.1\r\n${host}\r\nContent-Length: 0`,
    `POST ${eas} HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\n\r\n${c()}`,
    `GET /proxyservice/${c()}/${c()}/oauth2/token?${c()} HTTP/1.1\r\n${host}`,
    `GET /proxyservice/oauth2/authorize?resource=${c()}&state=${c()} HTTP/1.1\r\n${host}`,
    `GET /proxyservice/oauth2/authorize?code=${c()}&state=${c()} HTTP/1.1\r\n${host}`,
  ]) {
    const socket = await connectTls({ port, servername: 'sentry.example.com', ca: authority.certificate });
    socket.end(`${head}\r\n\r\n`, 'latin1');
    for await (const _ of socket);
  }
  const http = new HttpClient({ ca: authority.certificate, hosts: { 'sentry.example.com': '127.0.0.1' } });
  for (const form of [
    `grant_type=password&username=${c()}&password=${c()}`,
    `grant_type=${c()}&client_secret=${c()}`,
    `grant_type=authorization_code&code=${c()}&code_verifier=${c()}&resource=https://${c()}`,
    c(),
  ]) {
    await postForm(http, origin, form);
  }
  http.close();
}

function postForm(http: HttpClient, origin: string, form: string): Promise<HttpAnswer> {
  return http.request(origin, {
    method: 'POST',
    target: '/proxyservice/oauth2/token',
    headers: [['Content-Type', 'application/x-www-form-urlencoded']],
    body: Buffer.from(form),
  });
}

/** Values of the parameters of a query or a form. */
function valuesOf(text: string): string[] {
  return [...new URLSearchParams(text)]
    .filter(([name]) => !/^(resource|redirect_uri|client_id|grant_type|login_hint)$/.test(name))
    .map(([, value]) => value);
}

/** Codes, tokens and states of an answer of the sign-in. */
function secretsOf({ body, rawHeaders }: HttpAnswer): string[] {
  const location = rawHeaders[rawHeaders.findIndex((name) => name.toLowerCase() === 'location') + 1] ?? '';
  const inLocation = location.includes('?') ? valuesOf(location.slice(location.indexOf('?') + 1)) : [];
  if (!body.toString().startsWith('{')) return inLocation;
  const {
    access_token: access,
    refresh_token: refresh,
    id_token: id,
  } = JSON.parse(body.toString()) as Record<string, unknown>;
  return [...inLocation, ...[access, refresh, id].filter((value) => typeof value === 'string')];
}
