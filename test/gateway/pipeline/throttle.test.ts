// Devices that were told to wait, that ask too much, or that try the same wrong password again.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import type { CannedAnswer } from '../../peers/faults.ts';
import type { HttpAnswer } from '../../peers/phone/http-connection.ts';
import type { RouteSketch } from '../shell/snapshot-sketch.ts';
import { GatewayFixture } from './gateway-fixture.ts';
import { encode } from '../../peers/wbxml/encode.ts';
import { folderSyncRequest } from '../../peers/phone/requests.ts';
import { basic, pingBody, RawPhone, type RawRequest, unsignedToken, WBXML } from './raw-phone.ts';

const ALICE = 'alice@example.com';
const BOB = 'bob@example.com';
const FOLDER_SYNC = encode(folderSyncRequest('0'));

describe('a gateway in front of Exchange', () => {
  let exchange: Exchange;
  let gateway: GatewayFixture;
  let phone: RawPhone;

  beforeEach(async () => {
    const authority = await CertificateAuthority.create();
    const users = [ALICE, BOB].map((name) => ({ name, password: 'secret' }));
    exchange = await Exchange.start({ authority, users });
    gateway = await GatewayFixture.start({ authority, routes: [routeWith()] });
    phone = new RawPhone(gateway);
  });

  afterEach(async () => {
    phone.close();
    await gateway.stop();
    exchange.close();
  });

  const routeWith = (throttling?: RouteSketch['throttling']): RouteSketch => ({
    servers: [{ name: 'mbx1', url: exchange.frontEnd().url }],
    ...(throttling && { throttling }),
  });
  const ask = (request: RawRequest = {}): Promise<HttpAnswer> =>
    phone.send({ command: 'FolderSync', authorization: basic(request.user ?? ALICE), ...request });
  /** Without probes. */
  const asked = (): number =>
    exchange.organisation.journal.requests.filter(({ method }) => method === 'POST').length;
  const throttled = (times: number, headers: CannedAnswer['headers'] = []): void => {
    exchange.organisation.faults.add({ times, action: { kind: 'answer', status: 503, headers } });
  };
  const last = () => gateway.records.at(-1);

  describe('that told a device to wait', () => {
    test('is not asked again until then: the device gets the same answer with the rest of the time', async () => {
      await ask();
      throttled(1, [
        ['Retry-After', '120'],
        ['X-MS-ASThrottle', 'CommandFrequency'],
      ]);
      expect((await ask()).header('retry-after')).toBe('120');
      const before = asked();
      gateway.aheadMs += 50_000;
      const early = await ask();
      expect(early.status).toBe(503);
      expect(Number(early.header('retry-after'))).toBeGreaterThan(60);
      expect(Number(early.header('retry-after'))).toBeLessThanOrEqual(70);
      expect(early.header('x-ms-asthrottle')).toBe('CommandFrequency');
      expect(last()).toMatchObject({ reason: 'retry-after', server: '', route: 'default/example-com' });
      expect((await ask({ command: 'Ping', body: pingBody(600) })).status).toBe(503);
      expect(asked()).toBe(before);
      gateway.aheadMs += 70_000;
      expect((await ask()).status).toBe(200);
      expect(asked()).toBe(before + 1);
    });

    test('is asked for other devices and other users meanwhile', async () => {
      await ask();
      throttled(1, [['Retry-After', '120']]);
      await ask();
      expect((await ask({ deviceId: 'tablet1' })).status).toBe(200);
      expect((await ask({ user: BOB })).status).toBe(200);
      expect((await ask()).status).toBe(503);
    });

    test('is believed on a new connection of the device too, and when it says until when', async () => {
      await ask();
      throttled(1, [['Retry-After', new Date(Date.now() + 90_000).toUTCString()]]);
      await ask();
      const other = new RawPhone(gateway);
      const answer = await other.send({ command: 'FolderSync', authorization: basic(ALICE) });
      other.close();
      expect(Number(answer.header('retry-after'))).toBeGreaterThan(30);
      expect(last()).toMatchObject({ reason: 'retry-after' });
    });

    test('is asked at once where its answer names no time and no throttle', async () => {
      await ask();
      throttled(1);
      expect((await ask()).status).toBe(503);
      expect((await ask()).status).toBe(200);
    });

    test('is asked again where the route says so', async () => {
      gateway.apply([routeWith({ retryAfter: 'Pass' })]);
      await ask();
      throttled(1, [['Retry-After', '120']]);
      await ask();
      expect((await ask()).status).toBe(200);
    });

    test('believes nobody who was not let in: a forged token cannot make a device wait', async () => {
      await ask();
      throttled(1, [['Retry-After', '120']]);
      const forged = unsignedToken({ upn: ALICE });
      expect((await ask({ authorization: forged })).header('retry-after')).toBe('120');
      expect((await ask()).status).toBe(200);
    });
  });

  describe('with buckets', () => {
    test('lets through what a device may ask, then tells it when there is room', async () => {
      gateway.apply([routeWith({ deviceRequests: { perMinute: 6, burst: 3 } })]);
      const codes: number[] = [];
      for (let n = 0; n < 5; n++) codes.push((await ask()).status);
      // The first one is not counted: nobody knew whose credential it was.
      expect(codes).toEqual([200, 200, 200, 200, 503]);
      expect(last()).toMatchObject({ reason: 'device-requests' });
      expect((await ask({ deviceId: 'tablet1' })).status).toBe(200);
      const refused = await ask();
      expect(Number(refused.header('retry-after'))).toBeLessThanOrEqual(10);
      gateway.aheadMs += 10_000;
      expect((await ask()).status).toBe(200);
    });

    test('counts all devices of a user together', async () => {
      gateway.apply([routeWith({ userRequests: { perMinute: 6, burst: 3 } })]);
      const codes: number[] = [];
      for (let n = 0; n < 5; n++) codes.push((await ask({ deviceId: `device${n}` })).status);
      expect(codes).toEqual([200, 200, 200, 200, 503]);
      expect(last()).toMatchObject({ reason: 'user-requests' });
      expect((await ask({ user: BOB })).status).toBe(200);
    });

    test('lets thousands of forged requests take nothing from the bucket of the user whom they name', async () => {
      gateway.apply([
        routeWith({ userRequests: { perMinute: 6, burst: 3 }, deviceRequests: { perMinute: 6, burst: 3 } }),
      ]);
      await ask();
      const forgers = Array.from({ length: 8 }, () => new RawPhone(gateway));
      const forgeries = forgers.map(async (forger, at) => {
        for (let n = 0; n < 125; n++) {
          const authorization = unsignedToken({ upn: ALICE, jti: `${at} ${n}` });
          const { status } = await forger.send({
            command: 'FolderSync',
            deviceId: `forged${at}x${n}`,
            authorization,
          });
          expect(status).toBe(401);
        }
      });
      await Promise.all(forgeries);
      for (const forger of forgers) forger.close();
      const codes = [await ask(), await ask(), await ask(), await ask()].map(({ status }) => status);
      expect(codes).toEqual([200, 200, 200, 503]);
      expect(gateway.pipeline.throttle.users.size).toBe(1);
      expect(gateway.pipeline.status().devicesSeen).toBe(1);
    });
  });

  describe('and a device in a loop', () => {
    const identicalCommands = { limit: 4, windowSeconds: 60, retryAfterSeconds: 300 };

    test('refuses the command that comes again and again, and nothing else', async () => {
      gateway.apply([routeWith({ identicalCommands })]);
      await ask();
      const codes: number[] = [];
      for (let n = 0; n < 6; n++) codes.push((await ask()).status);
      expect(codes).toEqual([200, 200, 200, 200, 503, 503]);
      expect(last()).toMatchObject({ reason: 'identical-commands', server: '' });
      const ping = await ask({ command: 'Ping', body: pingBody(59) });
      expect(ping.status).toBe(200);
      expect((await ask()).status).toBe(200);
    });

    test('sees a Ping that is answered at once, and the same body in other pieces', async () => {
      gateway.apply([routeWith({ identicalCommands })]);
      await ask();
      const whole = Buffer.from(pingBody(59));
      const codes: number[] = [];
      for (let n = 0; n < 6; n++) {
        const body = n % 2 === 0 ? whole : pieces(whole);
        codes.push((await ask({ command: 'Ping', body })).status);
      }
      expect(codes.filter((code) => code === 503).length).toBe(2);
    });

    test('is not taken for one when its bodies differ', async () => {
      gateway.apply([routeWith({ identicalCommands })]);
      for (let n = 0; n < 12; n++) {
        expect((await ask({ command: 'Ping', body: pingBody(n + 1) })).status).toBe(200);
      }
    });
  });

  describe('that is Exchange Online, which refuses a command for ten minutes when it came 100 times', () => {
    let online: Exchange;

    beforeEach(async () => {
      online = await Exchange.start({
        authority: gateway.authority,
        kind: 'online',
        basic: true,
        users: [{ name: ALICE, password: 'secret' }],
      });
    });
    afterEach(() => online.close());

    const loop = async (throttling: RouteSketch['throttling']): Promise<number[]> => {
      gateway.apply([
        { servers: [{ name: 'online', url: online.frontEnd().url }], ...(throttling && { throttling }) },
      ]);
      const codes: number[] = [];
      for (let n = 0; n < 130; n++) {
        const headers = [['MS-ASProtocolVersion', '16.1'] as const, ['Content-Type', WBXML] as const];
        codes.push((await ask({ headers, body: FOLDER_SYNC })).status);
      }
      return codes;
    };
    const blocked = (): boolean | undefined => {
      const [device] = online.organisation.devicesOf(ALICE);
      return device && device.throttledUntil > 0;
    };

    test('keeps a device in a loop from being blocked', async () => {
      const codes = await loop({
        identicalCommands: { limit: 20, windowSeconds: 60, retryAfterSeconds: 60 },
      });
      expect(codes.filter((code) => code === 503).length).toBe(109);
      expect(blocked()).toBe(false);
    });

    test('does not ask it again for a device that it has blocked', async () => {
      const codes = await loop(undefined);
      expect(codes.filter((code) => code === 503).length).toBe(30);
      expect(blocked()).toBe(true);
      const { requests } = online.organisation.journal;
      expect(requests.filter(({ command }) => command === 'FolderSync').length).toBe(101);
    });
  });

  describe('and a wrong password', () => {
    const wrong = (n = 0): string => basic(ALICE, `wrong ${n}`);

    test('asks Exchange twice, then repeats its challenge; the right one passes, and forgets it', async () => {
      const answers: HttpAnswer[] = [];
      for (let n = 0; n < 5; n++) answers.push(await ask({ authorization: wrong() }));
      expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401]);
      expect(asked()).toBe(2);
      expect(last()).toMatchObject({ reason: 'failed-logins', code: 401, server: '' });
      expect(challengesOf(answers[4])).toEqual(challengesOf(answers[0]));
      expect(challengesOf(answers[4])).not.toEqual([]);
      expect((await ask()).status).toBe(200);
      expect((await ask({ authorization: wrong() })).status).toBe(401);
      expect(asked()).toBe(4);
    });

    test('of many kinds reaches Exchange four times, then waits, but for one that Exchange knows', async () => {
      await ask();
      const codes: number[] = [];
      for (let n = 0; n < 6; n++) codes.push((await ask({ authorization: wrong(n) })).status);
      expect(codes).toEqual([401, 401, 401, 401, 503, 503]);
      expect(asked()).toBe(5);
      expect((await ask()).status).toBe(200);
      expect((await ask({ user: BOB })).status).toBe(200);
    });

    test.each([
      ['the same', () => wrong()],
      ['another', wrong],
    ])(
      'that comes on many connections at once, each with %s one, is tried four times at most',
      async (_, password) => {
        const phones = Array.from({ length: 20 }, () => new RawPhone(gateway));
        const answers = await Promise.all(
          phones.map((one, n) => one.send({ command: 'FolderSync', authorization: password(n) })),
        );
        for (const one of phones) one.close();
        expect(answers.every(({ status }) => status === 401 || status === 503)).toBe(true);
        expect(asked()).toBeLessThanOrEqual(4);
        expect(gateway.records.length).toBe(20);
      },
    );

    test('is not what a right one is held for: many connections at once are all served, polls and bodies too', async () => {
      const phones = Array.from({ length: 20 }, () => new RawPhone(gateway));
      const answers = await Promise.all(
        phones.map((one, n) =>
          n % 2 === 0
            ? one.send({ command: 'FolderSync', authorization: basic(ALICE) })
            : one.send({
                command: 'Ping',
                body: pieces(Buffer.from(pingBody(59))),
                authorization: basic(ALICE),
              }),
        ),
      );
      for (const one of phones) one.close();
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
      expect(asked()).toBe(20);
    });

    test('is not what right ones are held for whose polls are held by Exchange', async () => {
      exchange.organisation.faults.add({ action: { kind: 'delay', milliseconds: 4000 } });
      const phones = Array.from({ length: 10 }, () => new RawPhone(gateway));
      const answers = phones.map((one) => one.send({ command: 'FolderSync', authorization: basic(ALICE) }));
      await gateway.until(() => asked() === 10);
      expect(gateway.records).toEqual([]);
      for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
      for (const one of phones) one.close();
    });

    test('tried at one address hurts its user at no other, and nobody else there', async () => {
      for (let n = 0; n < 6; n++) await ask({ authorization: wrong(n) });
      expect((await ask()).status).toBe(503);
      const elsewhere = new RawPhone(gateway, '127.0.0.2');
      expect((await elsewhere.send({ command: 'FolderSync', authorization: basic(ALICE) })).status).toBe(200);
      elsewhere.close();
      expect((await ask({ user: BOB })).status).toBe(200);
      // Exchange knows the password by now, from wherever it came.
      expect((await ask()).status).toBe(200);
    });

    test('of 1,000 users sprayed from one address reaches Exchange so often and no more', async () => {
      gateway.apply([routeWith({ failedLogins: { limit: 4, windowSeconds: 600, addressLimit: 50 } })]);
      const sprayers = Array.from({ length: 4 }, () => new RawPhone(gateway));
      const spray = sprayers.map(async (one, at) => {
        for (let n = 0; n < 250; n++) {
          const authorization = basic(`user${at}x${n}@example.com`, 'Summer2026');
          await one.send({ command: 'FolderSync', authorization });
        }
      });
      await Promise.all(spray);
      for (const one of sprayers) one.close();
      expect(asked()).toBeLessThanOrEqual(50 + sprayers.length);
      const elsewhere = new RawPhone(gateway, '127.0.0.2');
      expect((await elsewhere.send({ command: 'FolderSync', authorization: basic(ALICE) })).status).toBe(200);
      elsewhere.close();
    });

    test('that waits when the gateway drains is answered, and never sent', async () => {
      exchange.organisation.faults.add({ action: { kind: 'delay', milliseconds: 2000 } });
      const phones = Array.from({ length: 6 }, () => new RawPhone(gateway));
      const answers = phones.map((one) => one.send({ command: 'FolderSync', authorization: wrong() }));
      await gateway.until(() => asked() === 4);
      await gateway.pipeline.drain({ seconds: 0 });
      const codes = (await Promise.all(answers)).map(({ status }) => status);
      for (const one of phones) one.close();
      expect(codes).toEqual([503, 503, 503, 503, 503, 503]);
      expect(gateway.records.map(({ reason }) => reason)).toEqual(
        Array.from({ length: 6 }, () => 'draining'),
      );
      expect(asked()).toBe(4);
    });

    test('of a phone that goes away while it waits leaves nothing behind', async () => {
      exchange.organisation.faults.add({ action: { kind: 'delay', milliseconds: 4000 } });
      const phones = Array.from({ length: 10 }, () => new RawPhone(gateway));
      const answers = phones.map((one) => one.send({ command: 'FolderSync', authorization: wrong() }));
      await gateway.until(() => asked() === 4);
      for (const one of phones) one.close();
      await Promise.allSettled(answers);
      await gateway.until(() => gateway.records.length === 10);
      exchange.organisation.faults.remove();
      expect((await ask({ authorization: wrong() })).status).toBe(401);
    });

    test("is Exchange's matter alone where the route says so", async () => {
      gateway.apply([routeWith({ failedLogins: { limit: 0, windowSeconds: 60, addressLimit: 10 } })]);
      for (let n = 0; n < 8; n++) expect((await ask({ authorization: wrong() })).status).toBe(401);
      expect(asked()).toBe(8);
    });

    test('that was right before is tried again after five minutes: the directory may have been away', async () => {
      await ask();
      exchange.organisation.faults.add({ times: 2, action: { kind: 'answer', status: 401 } });
      for (let n = 0; n < 3; n++) expect((await ask()).status).toBe(401);
      expect(last()).toMatchObject({ reason: 'failed-logins' });
      gateway.aheadMs += 300_000;
      expect((await ask()).status).toBe(200);
    });
  });
});

function challengesOf(answer: HttpAnswer | undefined): string[] {
  const lines = answer?.rawHeaders ?? [];
  return lines.filter((_, at) => lines[at - 1]?.toLowerCase() === 'www-authenticate' && at % 2 === 1);
}

async function* pieces(whole: Buffer): AsyncGenerator<Buffer> {
  yield whole.subarray(0, 5);
  await new Promise((resolve) => setTimeout(resolve, 10));
  yield whole.subarray(5);
}
