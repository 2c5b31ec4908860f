// The simulated Exchange behaves as 2016, as 2019 or as Exchange Online.
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CertificateAuthority } from '../certificates.ts';
import { HttpFailure } from '../phone/eas-client.ts';
import { valuesOf } from '../phone/http-answer.ts';
import { HttpClient } from '../phone/http-client.ts';
import type { HttpAnswer } from '../phone/http-connection.ts';
import { EasFailure, Phone, type PhoneOptions } from '../phone/phone.ts';
import { folderSyncRequest } from '../phone/requests.ts';
import { textOf } from '../wbxml/element.ts';
import { Exchange, type ExchangeOptions } from './exchange.ts';
import { KINDS } from './kinds.ts';

const user = 'alice@example.com';
const tokens = {
  keys: () => ({ keys: [] }),
  audiences: ['https://outlook.office365.com/'],
  authorizationUri: 'https://login.windows.net/common/oauth2/authorize',
};

describe('the simulated Exchange', () => {
  let authority: CertificateAuthority;
  const closing: { close(): void }[] = [];

  beforeAll(async () => {
    authority = await CertificateAuthority.create();
  });
  afterEach(() => {
    for (const each of closing.splice(0)) each.close();
  });

  async function start(options: Partial<ExchangeOptions>): Promise<Exchange> {
    const exchange = await Exchange.start({
      authority,
      users: [{ name: user, password: 'secret' }],
      timeScale: 0.001,
      ...options,
    });
    closing.push(exchange);
    return exchange;
  }

  function phoneOf(exchange: Exchange, options: Partial<PhoneOptions> = {}): Phone {
    const phone = new Phone({
      url: exchange.frontEnd().url,
      ca: authority.certificate,
      user,
      password: 'secret',
      ...options,
    });
    closing.push(phone);
    return phone;
  }

  async function anonymous(exchange: Exchange, authorization?: string): Promise<HttpAnswer> {
    const http = new HttpClient({ ca: authority.certificate });
    closing.push(http);
    return http.request(exchange.frontEnd().url, {
      method: 'GET',
      target: '/Microsoft-Server-ActiveSync',
      headers: authorization === undefined ? [] : [['Authorization', authorization]],
    });
  }

  it.each([
    ['2016', '15.1'],
    ['2019', '15.2'],
  ] as const)('as %s offers 2.0 to 16.1 to Basic and says that it is %s', async (kind, version) => {
    const phone = phoneOf(await start({ kind }));
    const { versions, commands, answer } = await phone.options();
    expect(versions.slice(0, 2)).toEqual(['2.0', '2.1']);
    expect(versions.at(-1)).toBe('16.1');
    expect(commands).toHaveLength(24);
    expect(answer.header('ms-server-activesync')).toBe(version);
    expect(answer.header('x-feserver')).toBe('MBX1');
    expect(answer.header('x-ms-backoffduration')).toBe('L/-470');
  });

  it('as Online takes no Basic, answers an empty Bearer by a challenge and nobody at all by 451', async () => {
    const exchange = await start({ kind: 'online', tokens });
    const refused = await anonymous(exchange, 'Bearer');
    expect(refused.status).toBe(401);
    expect(valuesOf(refused, 'www-authenticate')).toEqual([
      expect.stringMatching(
        /^Bearer client_id=.*trusted_issuers=.*authorization_uri="https:\/\/login\.windows\.net/,
      ),
    ]);
    expect(refused.header('ms-server-activesync')).toBeUndefined();
    const nobody = await anonymous(exchange);
    expect(nobody.status).toBe(451);
    expect(nobody.header('x-ms-location')).toMatch(/^https:\/\/outlook-cba\.office365\.com\//);
    await expect(phoneOf(exchange).options()).rejects.toMatchObject({ status: 401 });
  });

  it('as Online lets 16.1 in and refuses what is older', async () => {
    const exchange = await start({ kind: 'online', basic: true });
    await phoneOf(exchange).folderSync();
    const old = await phoneOf(exchange, { protocolVersion: '14.1' }).send({
      command: 'FolderSync',
      content: folderSyncRequest('0'),
    });
    expect(textOf(old.document, 'FolderHierarchy:Status')).toBe('138');
    const older = phoneOf(exchange, { protocolVersion: '12.1' });
    await expect(older.folderSync()).rejects.toMatchObject({ status: 400 });
    expect(exchange.violations).toEqual([]);
  });

  it('asks for a policy by 449 up to 12.1 and by status 142 from 14.0 on', async () => {
    const exchange = await start({ kind: '2016' });
    const ask = async (protocolVersion: string) =>
      phoneOf(exchange, { protocolVersion }).send({ command: 'FolderSync', content: folderSyncRequest('0') });
    await expect(ask('12.1')).rejects.toMatchObject({ status: 449 });
    expect(textOf((await ask('14.0')).document, 'FolderHierarchy:Status')).toBe('142');
  });

  it('throttles a device by 503, a Ping only after its heartbeat', async () => {
    const exchange = await start({ kind: 'online', basic: true });
    const phone = phoneOf(exchange);
    await phone.folderSync();
    const [device] = exchange.organisation.devicesOf(user);
    if (device === undefined) throw new Error('no device');
    exchange.organisation.throttle(device, 600, 'RecentCommands');
    const failure: unknown = await phone.settings().catch((error: unknown) => error);
    if (!(failure instanceof HttpFailure)) throw failure;
    expect(failure).toMatchObject({ status: 503, retryAfterSeconds: 600 });
    expect(failure.answer.header('x-ms-asthrottle')).toBe('RecentCommands');
    await expect(phone.ping(470)).rejects.toMatchObject({ status: 503 });
  });

  it('as Online refuses a device that repeats a command for ever', async () => {
    const exchange = await start({ kind: 'online', basic: true });
    const phone = phoneOf(exchange);
    await phone.folderSync();
    const { most } = KINDS.online.identicalCommands.value ?? { most: 0 };
    let refused: unknown;
    for (let i = 0; i <= most && refused === undefined; i++) {
      refused = await phone.settings().then(
        () => undefined,
        (error: unknown) => error,
      );
    }
    expect(refused).toMatchObject({ status: 503, retryAfterSeconds: 600 });
  });

  it('gives the same ids, keys and cookies for the same seed', async () => {
    const now = (): Date => new Date('2026-11-23T22:00:00Z');
    const seen = await Promise.all(
      [1, 2].map(async () => {
        const exchange = await start({ kind: '2019', seed: 'one', now });
        const phone = phoneOf(exchange, { deviceId: 'D1' });
        const { answer } = await phone.options();
        await phone.folderSync();
        return [...answer.rawHeaders, String(phone.policyKey)];
      }),
    );
    expect(seen[0]).toEqual(seen[1]);
  });

  it('wipes a device, which acknowledges it', async () => {
    const exchange = await start({ kind: '2019' });
    const phone = phoneOf(exchange);
    await phone.folderSync();
    const [device] = exchange.organisation.devicesOf(user);
    if (device === undefined) throw new Error('no device');
    device.wipe = 'requested';
    await expect(phone.folderSync()).rejects.toThrow(EasFailure);
    await expect(phone.provision()).rejects.toMatchObject({ status: 140 });
    expect(device.wipe).toBe('acknowledged');
  });
});
