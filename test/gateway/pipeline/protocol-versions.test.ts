// A route with minProtocolVersion: what phones are offered, and what becomes of those that speak an older version.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { Phone, type PhoneOptions } from '../../peers/phone/phone.ts';
import { decodeTree } from '../eas/libwbxml.ts';
import type { RouteSketch } from '../shell/snapshot-sketch.ts';
import { GatewayFixture } from './gateway-fixture.ts';
import { basic, PATH, pingBody, RawPhone, WBXML } from './raw-phone.ts';

const ALICE = 'alice@example.com';

describe('a route with a version that phones have to speak at least', () => {
  let exchange: Exchange;
  let gateway: GatewayFixture;
  let phones: (Phone | RawPhone)[] = [];

  const route = (minProtocolVersion?: RouteSketch['minProtocolVersion']): RouteSketch => ({
    servers: [{ name: 'mbx1', url: exchange.frontEnd().url }],
    ...(minProtocolVersion && { minProtocolVersion }),
  });
  const phone = (options: Partial<PhoneOptions> = {}): Phone => {
    const made = new Phone({ ...gateway.forPhones, user: ALICE, password: 'secret', ...options });
    phones.push(made);
    return made;
  };
  const raw = (): RawPhone => {
    const made = new RawPhone(gateway);
    phones.push(made);
    return made;
  };
  const reached = (): number => exchange.organisation.journal.requests.length;

  beforeAll(async () => {
    const authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0 },
      users: [{ name: ALICE, password: 'secret' }],
      timeScale: 0.01,
    });
    gateway = await GatewayFixture.start({ authority, routes: [route()] });
  });
  afterEach(() => {
    for (const each of phones) each.close();
    phones = [];
  });
  afterAll(async () => {
    await gateway.stop();
    exchange.close();
  });

  test('offers no older one, and all commands that Exchange names', async () => {
    gateway.apply([route()]);
    const all = await phone().options();
    gateway.apply([route('16.0')]);
    const some = await phone().options();
    expect(all.versions).toContain('12.1');
    expect(some.versions).toEqual(['16.0', '16.1']);
    expect(some.commands).toEqual(all.commands);
    expect(some.answer.header('ms-server-activesync')).toBe(all.answer.header('ms-server-activesync'));
  });

  test.each(['plain', 'base64'] as const)('serves a phone that speaks it, with a %s query', async (query) => {
    gateway.apply([route('16.1')]);
    const modern = phone({ query });
    await modern.folderSync();
    await modern.sync();
    expect(await modern.ping(60)).toEqual({ kind: 'expired' });
    expect(modern.report.summary()).toMatchObject({ lost: 0, unavailable: 0 });
  });

  test.each(['plain', 'base64'] as const)(
    'refuses an older phone by Status 138 in its own command, and never asks Exchange: %s query',
    async (query) => {
      gateway.apply([route('16.1')]);
      const before = reached();
      const old = phone({ query, protocolVersion: '14.1' });
      await expect(old.folderSync()).rejects.toMatchObject({ name: 'EasFailure', status: 138 });
      await expect(old.settings()).rejects.toMatchObject({ name: 'EasFailure', status: 138 });
      expect(reached()).toBe(before);
      expect(gateway.records.at(-1)).toMatchObject({ code: 200, reason: 'protocol-version', server: '' });
    },
  );

  test('refuses a phone of 12.1 by HTTP, which knows no such Status', async () => {
    gateway.apply([route('16.1')]);
    const before = reached();
    const legacy = phone({ protocolVersion: '12.1' });
    await expect(legacy.folderSync()).rejects.toMatchObject({ name: 'HttpFailure', status: 400 });
    expect(reached()).toBe(before);
  });

  test.each([
    ['no version', []],
    ['what is no version', [['MS-ASProtocolVersion', 'latest']]],
  ] as const)('refuses a command in %s by HTTP', async (_, headers) => {
    gateway.apply([route('12.1')]);
    const answer = await raw().send({
      command: 'Ping',
      authorization: basic(ALICE),
      headers: [...headers, ['Content-Type', WBXML]],
      body: pingBody(60),
    });
    expect(answer.status).toBe(400);
  });

  test('takes a version that is newer than all that the gateway knows', async () => {
    gateway.apply([route('16.1')]);
    const before = reached();
    const headers = [
      ['MS-ASProtocolVersion', '17.0'],
      ['Content-Type', WBXML],
    ] as const;
    await raw().send({ command: 'Ping', authorization: basic(ALICE), headers, body: pingBody(60) });
    expect(reached()).toBe(before + 1);
  });

  test("lets iOS's first GET and OPTIONS through, which name no version", async () => {
    gateway.apply([route('16.1')]);
    const one = raw();
    for (const method of ['GET', 'OPTIONS']) {
      const before = reached();
      await one.send({ method, target: PATH, authorization: basic(ALICE), headers: [] });
      expect(reached()).toBe(before + 1);
    }
  });

  test('judges each request of a connection by its own header', async () => {
    gateway.apply([route('16.1')]);
    const one = raw();
    const send = async (version: string): Promise<Buffer> => {
      const headers = [
        ['MS-ASProtocolVersion', version],
        ['Content-Type', WBXML],
      ] as const;
      return (await one.send({ command: 'Ping', authorization: basic(ALICE), headers, body: pingBody(60) }))
        .body;
    };
    for (const version of ['16.1', '14.0', '16.1', '14.0']) {
      const status = decodeTree(await send(version)).content[0];
      const refused = { name: 'Ping:Status', content: ['138'] };
      expect(version === '14.0').toBe(JSON.stringify(status) === JSON.stringify(refused));
    }
  });

  test('that Exchange does not speak offers none', async () => {
    gateway.apply([route('16.1')]);
    exchange.organisation.faults.add({
      action: {
        kind: 'answer',
        status: 200,
        headers: [
          ['MS-ASProtocolVersions', '2.5,12.0,12.1,14.0'],
          ['X-MS-RP', '2.5,12.0,12.1,14.0'],
          ['MS-ASProtocolCommands', 'Sync'],
        ],
      },
    });
    const answer = await raw().send({
      method: 'OPTIONS',
      target: PATH,
      authorization: basic(ALICE),
      headers: [],
    });
    expect(answer.header('ms-asprotocolversions')).toBe('');
    expect(answer.header('x-ms-rp')).toBe('');
    expect(answer.header('ms-asprotocolcommands')).toBe('Sync');
  });
});
