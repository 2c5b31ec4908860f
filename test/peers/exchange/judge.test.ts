// The simulated Exchange as a judge: every kind of bad request is found, and good ones are not.
import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CertificateAuthority } from '../certificates.ts';
import { valuesOf } from '../phone/http-answer.ts';
import { HttpClient } from '../phone/http-client.ts';
import type { HttpAnswer } from '../phone/http-connection.ts';
import { Phone, type PhoneOptions } from '../phone/phone.ts';
import { syncRequest } from '../phone/requests.ts';
import { element, textOf } from '../wbxml/element.ts';
import { encode } from '../wbxml/encode.ts';
import { Exchange } from './exchange.ts';

const user = 'alice@example.com';
const basic = `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`;
const target =
  '/Microsoft-Server-ActiveSync?Cmd=FolderSync&User=alice%40example.com&DeviceId=d1&DeviceType=iPhone';
const folderSync = encode(element('FolderHierarchy:FolderSync', element('FolderHierarchy:SyncKey', '0')));

interface Bad {
  readonly method?: string;
  readonly target?: string;
  /** Replaces or removes (undefined) headers of the good request. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Header lines on top of those. */
  readonly more?: readonly (readonly [string, string])[];
  readonly body?: Buffer | undefined;
}

describe('the simulated Exchange judges', () => {
  let authority: CertificateAuthority;
  let exchange: Exchange;
  let http: HttpClient;

  beforeEach(async () => {
    authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      provisioning: false,
      users: [
        { name: user, password: 'secret' },
        { name: 'bob@example.com', password: 'secret' },
      ],
      protocolVersions: ['12.1', '14.1', '16.1'],
    });
    http = new HttpClient({ ca: authority.certificate });
  });
  afterEach(() => {
    http.close();
    exchange.close();
  });

  async function send(bad: Bad = {}): Promise<HttpAnswer> {
    const headers = {
      'User-Agent': 'Apple-iPhone16C2/2201.53',
      Authorization: basic,
      'MS-ASProtocolVersion': '14.1',
      'Content-Type': 'application/vnd.ms-sync.wbxml',
      ...bad.headers,
    };
    const lines = Object.entries(headers).filter((line): line is [string, string] => line[1] !== undefined);
    return http.request(exchange.frontEnd().url, {
      method: bad.method ?? 'POST',
      target: bad.target ?? target,
      headers: [...lines, ...(bad.more ?? [])],
      body: 'body' in bad ? bad.body : folderSync,
    });
  }

  function rules(): string[] {
    return [...new Set(exchange.violations.map(({ rule }) => rule))];
  }

  function phoneOf(options: Partial<PhoneOptions> = {}): Phone {
    return new Phone({
      url: exchange.frontEnd().url,
      ca: authority.certificate,
      user,
      password: 'secret',
      ...options,
    });
  }

  it('a good request as good', async () => {
    expect((await send()).status).toBe(200);
    expect(exchange.violations).toEqual([]);
  });

  it.each<[string, string, Bad, number]>([
    ['another path', 'path', { target: '/owa?x=1' }, 404],
    ['a path with a suffix', 'path', { target: target.replace('?', '/default.eas?') }, 404],
    ['a method nobody uses', 'method', { method: 'PUT' }, 501],
    ['OPTIONS with a query', 'query', { method: 'OPTIONS', body: undefined }, 200],
    ['POST without a query', 'query', { target: '/Microsoft-Server-ActiveSync' }, 400],
    ['a query without a device', 'query', { target: target.replace('DeviceId=d1&', '') }, 400],
    ['a query with a parameter of its own', 'query', { target: `${target}&x=1` }, 400],
    ['a query that is no base64', 'query', { target: '/Microsoft-Server-ActiveSync?jAAJBAp' }, 400],
    [
      'a base64 query with bytes to spare',
      'query',
      { target: '/Microsoft-Server-ActiveSync?jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25lCQ==' },
      400,
    ],
    ['X-Forwarded-Host', 'proxy-header', { headers: { 'X-Forwarded-Host': 'sentry.example.com' } }, 200],
    ['Via', 'proxy-header', { headers: { Via: '1.1 sentry' } }, 200],
    ['Forwarded', 'proxy-header', { headers: { Forwarded: 'for=1.2.3.4' } }, 200],
    [
      'an X-Forwarded-For that is no address',
      'proxy-header',
      { headers: { 'X-Forwarded-For': 'unknown' } },
      200,
    ],
    [
      'an X-Forwarded-Proto that is not https',
      'proxy-header',
      { headers: { 'X-Forwarded-Proto': 'http' } },
      200,
    ],
    ['Keep-Alive', 'hop-by-hop', { headers: { 'Keep-Alive': 'timeout=5' } }, 200],
    ['TE', 'hop-by-hop', { headers: { TE: 'trailers' } }, 200],
    ['Proxy-Authorization', 'hop-by-hop', { headers: { 'Proxy-Authorization': 'Basic eA==' } }, 200],
    [
      'Connection that names a header',
      'hop-by-hop',
      { headers: { Connection: 'keep-alive, X-Private' } },
      200,
    ],
    ['Expect', 'expect', { headers: { Expect: '100-continue' } }, 200],
    ['two User-Agents', 'duplicate-header', { more: [['User-Agent', 'another']] }, 200],
    ['two protocol versions', 'duplicate-header', { more: [['MS-ASProtocolVersion', '16.1']] }, 200],
    ['no Content-Type', 'content-type', { headers: { 'Content-Type': undefined } }, 200],
    [
      'a Content-Type with a parameter',
      'content-type',
      { headers: { 'Content-Type': 'application/vnd.ms-sync.wbxml; charset=utf-8' } },
      200,
    ],
    ['Content-Type without a body', 'content-type', { body: undefined }, 200],
    ['no protocol version', 'version', { headers: { 'MS-ASProtocolVersion': undefined } }, 400],
    [
      'a protocol version that is not offered',
      'version',
      { headers: { 'MS-ASProtocolVersion': '14.0' } },
      400,
    ],
    ['a policy key that is no number', 'policy-key', { headers: { 'X-MS-PolicyKey': 'x' } }, 200],
    ['no User-Agent', 'user-agent', { headers: { 'User-Agent': undefined } }, 200],
    ['a body that is no WBXML', 'wbxml', { body: Buffer.from('<Sync/>') }, 200],
    ['a root of another command', 'content', { body: encode(element('AirSync:Sync')) }, 200],
    [
      'a login that binds to the connection',
      'connection-authentication',
      { headers: { Authorization: 'NTLM TlRMTVNTUAAB' } },
      401,
    ],
    ['a user other than the credential', 'user-mismatch', { target: target.replace('alice', 'bob') }, 200],
    [
      'a cookie that nobody was given',
      'cookie-unknown',
      { headers: { Cookie: 'X-BackEndCookie=invented' } },
      200,
    ],
  ])('%s as %s', async (_, rule, bad, status) => {
    expect((await send(bad)).status).toBe(status);
    expect(rules()).toContain(rule);
  });

  it('Host and server name of another as host and sni', async () => {
    const certificate = await authority.issue({ names: ['sentry.example.com'] });
    exchange.frontEnd().replaceCredentials(certificate);
    const other = new HttpClient({ ca: authority.certificate, hosts: { 'sentry.example.com': '127.0.0.1' } });
    await other.request(`https://sentry.example.com:${exchange.frontEnd().port}`, {
      method: 'OPTIONS',
      target: '/Microsoft-Server-ActiveSync',
      headers: [['Authorization', basic]],
    });
    other.close();
    expect(rules().toSorted()).toEqual(['host', 'sni']);
  });

  it('a changed User-Agent and device type', async () => {
    await send();
    await send({ headers: { 'User-Agent': 'sentry' } });
    await send({ headers: { 'User-Agent': 'sentry' }, target: target.replace('iPhone', 'iPad') });
    expect(rules()).toEqual(['user-agent-changed', 'device-type-changed']);
  });

  it('cookies of one device on another one', async () => {
    const first = await send();
    const cookies = valuesOf(first, 'set-cookie').map((line) => line.split(';', 1)[0]);
    expect(cookies).toHaveLength(2);
    await send({ headers: { Cookie: cookies.join('; ') } });
    expect(exchange.violations).toEqual([]);
    await send({ headers: { Cookie: cookies.join('; ') }, target: target.replace('d1', 'd2') });
    expect(rules()).toEqual(['cookie-mixed']);
  });

  it('cookies that never come back, from clients that must return them', async () => {
    const modern = { headers: { 'MS-ASProtocolVersion': '16.1' } };
    for (let count = 0; count < 4; count += 1) await send({ target: target.replace('d1', 'old') });
    expect(exchange.violations).toEqual([]);
    for (let count = 0; count < 4; count += 1) await send(modern);
    expect(rules()).toEqual(['cookie-missing']);
  });

  it('cookies that stop coming back, as when a proxy drops them', async () => {
    const modern = { 'MS-ASProtocolVersion': '16.1' };
    const first = await send({ headers: modern });
    const cookies = valuesOf(first, 'set-cookie').map((line) => line.split(';', 1)[0]);
    await send({ headers: { ...modern, Cookie: cookies.join('; ') } });
    for (let count = 0; count < 3; count += 1) await send({ headers: modern });
    expect(exchange.violations).toEqual([]);
    await send({ headers: modern });
    expect(rules()).toEqual(['cookie-missing']);
  });

  it('sync keys that were never given', async () => {
    const phone = phoneOf();
    await phone.folderSync();
    await phone.sync();
    const { document } = await phone.send({
      command: 'Sync',
      content: syncRequest([{ id: phone.inbox, key: '999999' }], {}),
    });
    expect(textOf(document, 'AirSync:Collections', 'AirSync:Collection', 'AirSync:Status')).toBe('3');
    expect(rules()).toEqual(['sync-key']);
    phone.close();
  });

  it('a retry with the key before the last as good, and gives the same changes again', async () => {
    const phone = phoneOf();
    await phone.folderSync();
    await phone.sync();
    exchange.organisation.deliver(user, { subject: 'hello' });
    exchange.organisation.faults.add({
      match: { command: 'Sync' },
      action: { kind: 'reset-answer', afterBytes: 0 },
      times: 1,
    });
    await expect(phone.sync()).rejects.toThrow('ECONNRESET');
    expect((await phone.sync()).added.map(({ subject }) => subject)).toEqual(['hello']);
    expect(phone.report.summary()).toMatchObject({ lost: 1, mailReceived: 1, mailDoubled: 0, resyncs: 0 });
    expect(exchange.violations).toEqual([]);
    phone.close();
  });

  it('mail that is submitted twice', async () => {
    const phone = phoneOf();
    const mail = { to: 'bob@example.com', subject: 'once', clientId: 'c1' };
    await phone.sendMail(mail);
    await expect(phone.sendMail(mail)).rejects.toMatchObject({ status: 118 });
    const { sentMail } = exchange.organisation.journal;
    expect(sentMail.map(({ duplicate }) => duplicate)).toEqual([false, true]);
    expect(exchange.organisation.mailboxOf('bob@example.com')?.inbox.items.size).toBe(1);
    phone.close();
  });

  it('a second request on a connection before the first was answered as pipelined', async () => {
    const socket = connect({
      port: exchange.frontEnd().port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: authority.certificate,
    });
    await once(socket, 'secureConnect');
    const request = `OPTIONS /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: localhost:${exchange.frontEnd().port}\r\nAuthorization: ${basic}\r\n\r\n`;
    socket.write(request + request);
    await exchange.organisation.journal.until(({ requests }) => requests.length === 2);
    socket.destroy();
    expect(rules()).toEqual(['pipelined']);
  });
});

describe('the simulated Exchange refuses', () => {
  let authority: CertificateAuthority;
  let exchange: Exchange;
  const phones: Phone[] = [];

  beforeEach(async () => {
    authority = await CertificateAuthority.create();
    exchange = await Exchange.start({ authority, users: [{ name: user, password: 'secret' }] });
  });
  afterEach(() => {
    for (const phone of phones.splice(0)) phone.close();
    exchange.close();
  });

  function phoneOf(options: Partial<PhoneOptions> = {}): Phone {
    const phone = new Phone({
      url: exchange.frontEnd().url,
      ca: authority.certificate,
      user,
      password: 'secret',
      ...options,
    });
    phones.push(phone);
    return phone;
  }

  it('a wrong password with 401, and nobody with a challenge', async () => {
    expect((await phoneOf({ password: 'guess' }).get()).status).toBe(401);
    const answer = await phoneOf({ authorization: 'Bearer', password: undefined as never }).get();
    expect([answer.status, answer.header('www-authenticate')]).toEqual([401, 'Basic realm=""']);
    expect(answer.header('x-ms-diagnostics')).toContain('2000001');
  });

  it.each([
    ['12.1', 449],
    ['16.1', 200],
  ])('a device of version %s without a policy with %i', async (protocolVersion, status) => {
    const phone = phoneOf({ protocolVersion });
    const outcome = await phone
      .send({
        command: 'FolderSync',
        content: element('FolderHierarchy:FolderSync', element('FolderHierarchy:SyncKey', '0')),
      })
      .catch((error: unknown) => error as { answer: HttpAnswer; document: undefined });
    expect(outcome.answer.status).toBe(status);
    expect(textOf(outcome.document, 'FolderHierarchy:Status')).toBe(status === 200 ? '142' : undefined);
  });

  it('an outdated policy, so that the phone fetches the new one', async () => {
    const phone = phoneOf();
    await phone.folderSync();
    exchange.organisation.changePolicy(user);
    await phone.folderSync();
    expect(phone.report.summary().provisionings).toBe(2);
    expect(exchange.violations).toEqual([]);
  });

  it.each([
    ['12.1', 403],
    ['14.1', 129],
  ])('a blocked device of version %s with %i', async (protocolVersion, status) => {
    const phone = phoneOf({ protocolVersion });
    await phone.folderSync();
    for (const device of exchange.organisation.devicesOf(user)) device.blocked = true;
    await expect(phone.folderSync()).rejects.toMatchObject({ status });
  });

  it('a device that is to be wiped, until it has acknowledged', async () => {
    const phone = phoneOf();
    await phone.folderSync();
    const [device] = exchange.organisation.devicesOf(user);
    if (!device) throw new Error('no device');
    device.wipe = 'requested';
    await expect(phone.folderSync()).rejects.toMatchObject({ status: 140 });
    await expect(phone.provision()).rejects.toMatchObject({ status: 140 });
    expect(device.wipe).toBe('acknowledged');
  });

  it('a Ping outside the bounds, of a folder that is not there, and an empty one too early', async () => {
    const phone = phoneOf();
    await phone.folderSync();
    await phone.sync();
    await expect(phone.ping(470, { empty: true })).rejects.toMatchObject({ status: 3 });
    await expect(phone.ping(10)).rejects.toMatchObject({ status: 5 });
    await expect(phone.ping(470, { folderIds: ['99'] })).rejects.toMatchObject({ status: 7 });
    exchange.organisation.deliver(user, { subject: 'news' });
    await phone.syncWait(470);
    await expect(phone.syncWait(470, { empty: true })).rejects.toMatchObject({ status: 13 });
  });
});
