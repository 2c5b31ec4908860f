// Long polls: they outlive everything but their own end, the phone's, and a server's death.
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { Phone } from '../../peers/phone/phone.ts';
import type { RouteSketch } from '../shell/snapshot-sketch.ts';
import { GatewayFixture } from './gateway-fixture.ts';
import { basic, deleteCommand, pingBody, RawPhone, syncBody, WBXML } from './raw-phone.ts';

const ALICE = 'alice@example.com';

describe('an open poll', () => {
  let authority: CertificateAuthority;
  let exchange: Exchange;
  let gateway: GatewayFixture;
  let phones: (Phone | RawPhone)[];

  beforeEach(async () => {
    authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0, mbx2: 0 },
      users: [
        { name: ALICE, password: 'secret' },
        { name: 'bob@example.com', password: 'secret' },
      ],
    });
    phones = [];
    gateway = await GatewayFixture.start({ authority, routes: [routeTo('mbx1', 'mbx2')] });
  });

  afterEach(async () => {
    for (const phone of phones) phone.close();
    await gateway.stop();
    exchange.close();
  });

  const routeTo = (...names: string[]): RouteSketch => ({
    name: 'mail',
    servers: names.map((name) => ({ name, url: exchange.frontEnd(name).url })),
  });
  const newPhone = async (user = ALICE): Promise<Phone> => {
    const phone = new Phone({ ...gateway.forPhones, user, password: 'secret' });
    phones.push(phone);
    await phone.folderSync();
    await phone.sync();
    return phone;
  };
  const rawPhone = (): RawPhone => {
    const phone = new RawPhone(gateway);
    phones.push(phone);
    return phone;
  };
  const polls = (count: number): Promise<void> =>
    exchange.organisation.journal.until(({ openPolls }) => openPolls.length === count);

  test('is counted while it is open', async () => {
    const phone = await newPhone();
    const ping = phone.ping(3540);
    await polls(1);
    expect(gateway.pipeline.status().openPolls).toBe(1);
    exchange.organisation.deliver(ALICE, { subject: 'x', body: 'x' });
    await ping;
    expect(gateway.pipeline.status().openPolls).toBe(0);
  });

  test('is ended at the server at once when the phone goes away', async () => {
    const phone = await newPhone();
    const ping = phone.ping(3540).catch(() => 'gone');
    await polls(1);
    phone.close();
    expect(await ping).toBe('gone');
    await polls(0);
    await gateway.until(() => gateway.records.at(-1)?.command === 'Ping');
    expect(exchange.organisation.journal.statistics().polls.gone).toBe(1);
    expect(gateway.records.at(-1)).toMatchObject({ code: 0, reason: 'client-gone', poll: true });
    expect(gateway.pipeline.status().openPolls).toBe(0);
  });

  test('lives on when the route changes, and the next request takes the new one on the same connection', async () => {
    const phone = await newPhone();
    const ping = phone.ping(3540);
    await polls(1);
    gateway.apply([routeTo('mbx2')]);
    exchange.organisation.deliver(ALICE, { subject: 'after the change', body: 'x' });
    expect(await ping).toMatchObject({ kind: 'changed' });
    await phone.sync();
    expect(gateway.records.at(-2)).toMatchObject({ command: 'Ping', server: 'mbx1' });
    expect(gateway.records.at(-1)).toMatchObject({ command: 'Sync', server: 'mbx2' });
    expect(phone.report.summary()).toMatchObject({ lost: 0, connections: 1 });
  });

  test('lives on when all routes go', async () => {
    const phone = await newPhone();
    const ping = phone.ping(3540);
    await polls(1);
    gateway.apply([]);
    exchange.organisation.deliver(ALICE, { subject: 'x', body: 'x' });
    expect(await ping).toMatchObject({ kind: 'changed' });
  });

  test('costs no new connections to servers that a change names again, and their health is kept', async () => {
    const phone = await newPhone();
    exchange.frontEnd('mbx2').kill();
    gateway.aheadMs += 60_000;
    await gateway.until(() => gateway.pipeline.status().servers[1]?.healthy === false);
    await phone.sync();
    const { connections } = exchange.organisation.journal.statistics();
    for (let i = 0; i < 5; i++) {
      gateway.apply([{ ...routeTo('mbx1', 'mbx2'), maxRequestBytes: 1000 + i, name: `mail${i}` }]);
      expect(gateway.pipeline.status().servers).toMatchObject([{ healthy: true }, { healthy: false }]);
      await phone.sync();
    }
    expect(exchange.organisation.journal.statistics().connections).toBe(connections);
  });

  test('that was asked for a moment ago goes to the other server when its own dies', async () => {
    const phone = await newPhone();
    const ping = phone.ping(3540);
    await polls(1);
    exchange.frontEnd('mbx1').kill();
    await exchange.organisation.journal.until(({ openPolls }) => openPolls[0]?.frontEnd === 'mbx2');
    exchange.organisation.deliver(ALICE, { subject: 'x', body: 'x' });
    expect(await ping).toMatchObject({ kind: 'changed' });
    expect(gateway.records.at(-1)).toMatchObject({ server: 'mbx2', replays: 1 });
  });

  test.each([
    ['a Ping', 'Ping', pingBody(480), 200, '03016a00000d45470331000101'],
    ['an empty Ping', 'Ping', undefined, 200, '03016a00000d45470331000101'],
    ['a Sync that waits', 'Sync', syncBody({ heartbeatSeconds: 480 }), 200, ''],
    ['an empty Sync', 'Sync', undefined, 200, ''],
    [
      'a Sync that waits with Commands',
      'Sync',
      syncBody({ heartbeatSeconds: 480, commands: [deleteCommand] }),
      503,
      undefined,
    ],
    ['a Ping that nobody understands', 'Ping', Buffer.from('garbage'), 503, undefined],
  ])(
    'that was open for more than 30 s when its server died ends as if nothing had happened, if it may: %s',
    async (_, command, body, status, bytes) => {
      exchange.organisation.faults.add({ match: { command }, action: { kind: 'hang' } });
      const answer = rawPhone().send({ command, authorization: basic(ALICE), ...(body && { body }) });
      await exchange.organisation.journal.until(({ requests }) =>
        requests.some((request) => request.command === command),
      );
      gateway.aheadMs += 31_000;
      exchange.frontEnd('mbx1').kill();
      const { status: got, body: sent } = await answer;
      expect(got).toBe(status);
      expect([undefined, sent.toString('hex')]).toContain(bytes);
      expect(gateway.records.at(-1)).toMatchObject({
        reason: status === 200 ? 'poll-lost' : 'server-lost',
        replays: 0,
        poll: true,
      });
      expect(
        exchange.organisation.journal.requests.filter(
          (request) => request.frontEnd === 'mbx2' && request.command === command,
        ),
      ).toEqual([]);
    },
  );

  test('may take longer than the route says when it asked for longer', async () => {
    gateway.apply([{ ...routeTo('mbx1'), timeouts: { pollSeconds: 1 } }]);
    exchange.organisation.faults.add({
      match: { command: 'Ping' },
      action: { kind: 'delay', milliseconds: 2000 },
    });
    const answer = await rawPhone().send({
      command: 'Ping',
      authorization: basic(ALICE),
      body: pingBody(60),
    });
    expect(answer.status).not.toBe(503);
  });

  test('that names no time ends by the time of the route', async () => {
    gateway.apply([{ ...routeTo('mbx1'), timeouts: { pollSeconds: 3600 } }]);
    exchange.organisation.faults.add({ match: { command: 'Sync' }, action: { kind: 'hang' } });
    const answer = rawPhone().send({ command: 'Sync', authorization: basic(ALICE), body: syncBody() });
    await exchange.organisation.journal.until(({ requests }) =>
      requests.some(({ command }) => command === 'Sync'),
    );
    gateway.aheadMs += 3_590_000;
    expect(await Promise.race([answer.then(() => 'answered'), sleep(200, 'waits')])).toBe('waits');
    gateway.aheadMs += 11_000;
    expect((await answer).status).toBe(503);
    expect(gateway.records.at(-1)).toMatchObject({ reason: 'first-byte-timeout' });
  });

  test('may take as long as its heartbeat, and a minute more, whatever the route says', async () => {
    gateway.apply([{ ...routeTo('mbx1'), timeouts: { pollSeconds: 1 } }]);
    exchange.organisation.faults.add({ match: { command: 'Ping' }, action: { kind: 'hang' } });
    const answer = rawPhone().send({ command: 'Ping', authorization: basic(ALICE), body: pingBody(3540) });
    await exchange.organisation.journal.until(({ requests }) =>
      requests.some(({ command }) => command === 'Ping'),
    );
    gateway.aheadMs += 3_590_000;
    expect(await Promise.race([answer.then(() => 'answered'), sleep(200, 'waits')])).toBe('waits');
    gateway.aheadMs += 11_000;
    expect((await answer).body.toString('hex')).toBe('03016a00000d45470331000101');
    expect(gateway.records.at(-1)).toMatchObject({ reason: 'poll-lost', heartbeatSeconds: 3540 });
  });

  test('cannot ask for longer than any phone may', async () => {
    gateway.apply([{ ...routeTo('mbx1'), timeouts: { pollSeconds: 1 } }]);
    exchange.organisation.faults.add({ match: { command: 'Ping' }, action: { kind: 'hang' } });
    const body = pingBody(999_999);
    const answer = rawPhone().send({ command: 'Ping', authorization: basic(ALICE), body });
    await exchange.organisation.journal.until(({ requests }) =>
      requests.some(({ command }) => command === 'Ping'),
    );
    gateway.aheadMs += 3_700_000;
    await answer;
    expect(gateway.records.at(-1)).toMatchObject({ reason: 'poll-lost' });
  });

  test('whose body is compressed has a heartbeat as well', async () => {
    const phone = await newPhone();
    const headers = [
      ['MS-ASProtocolVersion', '16.1'],
      ['Content-Type', WBXML],
      ['Content-Encoding', 'gzip'],
    ] as const;
    exchange.organisation.faults.add({ match: { command: 'Ping' }, action: { kind: 'hang' } });
    const poll = rawPhone();
    const answer = poll
      .send({ command: 'Ping', authorization: basic(ALICE), headers, body: gzipSync(pingBody(480)) })
      .catch(() => undefined);
    await gateway.until(() => gateway.pipeline.status().openPolls === 1);
    poll.close();
    await answer;
    await gateway.until(() => gateway.records.at(-1)?.command === 'Ping');
    expect(gateway.records.at(-1)).toMatchObject({ poll: true, heartbeatSeconds: 480 });
    phone.close();
  });

  test('that Exchange throttles is answered 503 when its heartbeat is over: it passes, and the server stays healthy', async () => {
    exchange.organisation.faults.add({
      match: { command: 'Ping' },
      action: {
        kind: 'answer',
        status: 503,
        delayMilliseconds: 500,
        headers: [
          ['Retry-After', '77'],
          ['X-MS-ASThrottle', 'CommandFrequency'],
        ],
      },
    });
    const answer = rawPhone().send({ command: 'Ping', authorization: basic(ALICE), body: pingBody(3540) });
    await exchange.organisation.journal.until(({ requests }) =>
      requests.some(({ command }) => command === 'Ping'),
    );
    gateway.aheadMs += 3_540_000;
    const { status, ...rest } = await answer;
    expect(status).toBe(503);
    expect(rest.header('retry-after')).toBe('77');
    expect(rest.header('x-ms-asthrottle')).toBe('CommandFrequency');
    expect(gateway.records.at(-1)).toMatchObject({ code: 503, server: 'mbx1', reason: '' });
    expect(gateway.pipeline.status().servers).toMatchObject([{ healthy: true }, { healthy: true }]);
  });

  test('does not hold up another command of the same device, nor its next poll', async () => {
    const phone = await newPhone();
    const ping = phone.ping(3540);
    await polls(1);
    const same = { deviceId: phone.deviceId, authorization: basic(ALICE) };
    const other = rawPhone();
    const sync = await other.send({ ...same, command: 'Sync', body: syncBody() });
    expect(sync.status).toBe(200);
    const second = rawPhone().send({ ...same, command: 'Ping', body: pingBody(3540) });
    await exchange.organisation.journal.until(
      ({ requests }) => requests.filter(({ command }) => command === 'Ping').length === 2,
    );
    exchange.organisation.deliver(ALICE, { subject: 'x', body: 'x' });
    expect((await second).status).toBe(200);
    expect(await ping).toBeDefined();
  });

  test('of one phone does not stop another request of it', async () => {
    const phone = await newPhone();
    const ping = phone.ping(3540);
    await polls(1);
    await rawPhone().send({ method: 'OPTIONS', authorization: basic(ALICE) });
    expect(gateway.pipeline.status().openPolls).toBe(1);
    phone.close();
    await ping.catch(() => undefined);
  });
});
