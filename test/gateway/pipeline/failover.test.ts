// Servers that fail and return: which are asked, and what phones see of it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import type { HttpAnswer } from '../../peers/phone/http-connection.ts';
import { GatewayFixture } from './gateway-fixture.ts';
import { basic, RawPhone } from './raw-phone.ts';

const ALICE = basic('alice@example.com');
const USERS = ['alice', 'bob', 'carl', 'dora'].map((name) => `${name}@example.com`);

describe('a route with two servers', () => {
  let authority: CertificateAuthority;
  let exchange: Exchange;
  let gateway: GatewayFixture;
  let phone: RawPhone;

  beforeEach(async () => {
    authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0, mbx2: 0 },
      users: USERS.map((name) => ({ name, password: 'secret' })),
    });
    const servers = ['mbx1', 'mbx2'].map((name) => ({ name, url: exchange.frontEnd(name).url }));
    gateway = await GatewayFixture.start({
      authority,
      routes: [{ servers, timeouts: { connectSeconds: 1, firstByteSeconds: 1 } }],
      pipeline: {
        health: { degradedHoldMs: 500, downHoldMs: 100 },
        probes: { intervalMs: 1000, unhealthyIntervalMs: 200, timeoutMs: 500 },
      },
    });
    phone = new RawPhone(gateway);
  });

  afterEach(async () => {
    phone.close();
    await gateway.stop();
    exchange.close();
  });

  const ask = (user = 'alice@example.com', command = 'FolderSync'): Promise<HttpAnswer> =>
    phone.send({ command, user, authorization: basic(user) });
  const servedBy = async (user?: string): Promise<string> => {
    await ask(user);
    return gateway.records.at(-1)?.server ?? '';
  };
  const healthy = (): boolean[] => gateway.pipeline.status().servers.map((server) => server.healthy);
  const answerByMbx1 = (status: number): void => {
    exchange.organisation.faults.add({
      match: { frontEnd: 'mbx1', command: 'FolderSync' },
      action: { kind: 'answer', status },
    });
  };

  test('is asked in the order of priority', async () => {
    expect(await servedBy()).toBe('mbx1');
    expect(healthy()).toEqual([true, true]);
  });

  test('loses nothing when the first one refuses connections, and returns to it when it serves again', async () => {
    exchange.frontEnd('mbx1').kill();
    expect(await servedBy()).toBe('mbx2');
    expect(await servedBy()).toBe('mbx2');
    await gateway.until(() => healthy()[0] === false);
    expect(gateway.pipeline.status().servers[0]).toMatchObject({
      route: 'default/example-com',
      server: 'mbx1',
      lastError: expect.stringMatching(/^connection refused by localhost:\d+$/),
    });
    await exchange.frontEnd('mbx1').serve();
    await gateway.until(() => healthy()[0] === true);
    expect(await servedBy()).toBe('mbx1');
    expect(gateway.records.map(({ code }) => code)).not.toContain(503);
    expect(gateway.log.some((line) => line.includes('a server is not healthy'))).toBe(true);
    expect(gateway.log.some((line) => line.includes('a server is healthy again'))).toBe(true);
  });

  test('loses nothing when the first one accepts connections and never says a word', async () => {
    await exchange.frontEnd('mbx1').stall();
    exchange.frontEnd('mbx1').resetConnections();
    expect(await servedBy()).toBe('mbx2');
    await gateway.until(() => healthy()[0] === false);
    expect(await servedBy()).toBe('mbx2');
  });

  test('loses nothing when the first one has no valid certificate', async () => {
    const stranger = await CertificateAuthority.create('Somebody else');
    exchange.frontEnd('mbx1').replaceCredentials(await stranger.issue({ names: ['localhost'] }));
    exchange.frontEnd('mbx1').resetConnections();
    expect(await servedBy()).toBe('mbx2');
    await gateway.until(() => healthy()[0] === false);
    expect(gateway.pipeline.status().servers[0]?.lastError).toContain('certificate');
  });

  test('finds out by probes alone that the first one died', async () => {
    exchange.frontEnd('mbx1').kill();
    await gateway.until(() => healthy()[0] === false);
    expect(gateway.records).toEqual([]);
    expect(healthy()).toEqual([false, true]);
  });

  test('asks the second one when the first gives no first byte in time, and the command may be repeated', async () => {
    exchange.organisation.faults.add({
      match: { frontEnd: 'mbx1', command: 'FolderSync' },
      action: { kind: 'hang' },
    });
    expect(await servedBy()).toBe('mbx2');
    expect(gateway.records.at(-1)).toMatchObject({ replays: 1, server: 'mbx2', reason: '' });
    expect(healthy()).toEqual([true, true]);
  });

  test('answers 503 when the first gives no first byte in time, and the command must not be repeated', async () => {
    exchange.organisation.faults.add({
      match: { frontEnd: 'mbx1', command: 'MoveItems' },
      action: { kind: 'hang' },
    });
    const answer = await ask('alice@example.com', 'MoveItems');
    expect(answer.status).toBe(503);
    expect(answer.header('retry-after')).toBe('30');
    expect(gateway.records.at(-1)).toMatchObject({
      reason: 'first-byte-timeout',
      server: 'mbx1',
      replays: 0,
    });
  });

  test.each([502, 503, 504])(
    'leaves the first one when it answers %i to three users, not to two',
    async (status) => {
      answerByMbx1(status);
      for (let i = 0; i < 5; i++) {
        expect((await ask(USERS[0])).status).toBe(status);
        expect((await ask(USERS[1])).status).toBe(status);
      }
      expect(healthy()).toEqual([true, true]);
      expect((await ask(USERS[2])).status).toBe(status);
      expect(healthy()).toEqual([false, true]);
      expect(await servedBy(USERS[0])).toBe('mbx2');
      exchange.organisation.faults.remove();
      await gateway.until(() => healthy()[0] === true);
      expect(await servedBy(USERS[0])).toBe('mbx1');
    },
  );

  test('goes on with a server that answers 503 to all where there is no other', async () => {
    exchange.frontEnd('mbx2').kill();
    answerByMbx1(503);
    for (const user of USERS) expect((await ask(user)).status).toBe(503);
    expect(healthy()[0]).toBe(false);
    exchange.organisation.faults.remove();
    expect((await ask()).status).not.toBe(503);
  });

  test('answers 503 with Retry-After when no server is left, and serves again when one returns', async () => {
    for (const name of ['mbx1', 'mbx2']) exchange.frontEnd(name).kill();
    for (let i = 0; i < 3; i++) {
      const answer = await ask();
      expect(answer.status).toBe(503);
      expect(answer.header('retry-after')).toBe('30');
    }
    expect(gateway.records.at(-1)).toMatchObject({ reason: 'no-server', code: 503 });
    await exchange.frontEnd('mbx2').serve();
    await gateway.until(() => gateway.pipeline.status().servers[1]?.healthy === true);
    expect(await servedBy()).toBe('mbx2');
  });

  test('lets a large mail go to the second one when the first cannot be reached', async () => {
    exchange.organisation.faults.add({
      match: { command: 'SendMail' },
      action: { kind: 'answer', status: 200 },
    });
    await exchange.frontEnd('mbx1').stall();
    exchange.frontEnd('mbx1').resetConnections();
    const body = Buffer.alloc(2_000_000, 'mail');
    const answer = await phone.send({ command: 'SendMail', authorization: ALICE, body });
    expect(answer.status).toBe(200);
    const mails = exchange.organisation.journal.requests.filter(({ command }) => command === 'SendMail');
    expect(mails).toMatchObject([{ frontEnd: 'mbx2', bodyBytes: body.length }]);
  });

  test('recovers from connections that died unnoticed in the pool', async () => {
    for (let i = 0; i < 5; i++) {
      expect(await servedBy()).toBe('mbx1');
      exchange.frontEnd('mbx1').resetConnections();
    }
    expect(gateway.records.map(({ code }) => code)).not.toContain(503);
    expect(healthy()).toEqual([true, true]);
  });
});
