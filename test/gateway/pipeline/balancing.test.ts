// Several servers of one priority: who is asked, and what happens when all have enough to do.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import type { HttpAnswer } from '../../peers/phone/http-connection.ts';
import type { RouteSketch } from '../shell/snapshot-sketch.ts';
import { GatewayFixture } from './gateway-fixture.ts';
import { basic, pingBody, RawPhone, type RawRequest } from './raw-phone.ts';

const ALICE = 'alice@example.com';
const USERS = [ALICE, ...Array.from({ length: 12 }, (_, i) => `user${i}@example.com`)];

let authority: CertificateAuthority;
let exchange: Exchange;
let gateway: GatewayFixture;
let phones: RawPhone[];

beforeEach(async () => {
  authority = await CertificateAuthority.create();
  exchange = await Exchange.start({
    authority,
    frontEnds: { mbx1: 0, mbx2: 0 },
    users: USERS.map((name) => ({ name, password: 'secret' })),
  });
  phones = [];
});

afterEach(async () => {
  for (const phone of phones) phone.close();
  await gateway.stop();
  exchange.close();
});

const routeOf = (
  sketch: RouteSketch,
  weights: Record<string, number> = { mbx1: 1, mbx2: 1 },
): RouteSketch => ({
  servers: Object.entries(weights).map(([name, weight]) => ({
    name,
    weight,
    url: exchange.frontEnd(name).url,
  })),
  ...sketch,
});

async function start(sketch: RouteSketch, weights?: Record<string, number>): Promise<void> {
  gateway = await GatewayFixture.start({ authority, routes: [routeOf(sketch, weights)] });
}

/** On a connection of its own. */
function send(request: RawRequest = {}): Promise<HttpAnswer> {
  const phone = new RawPhone(gateway);
  phones.push(phone);
  const user = request.user ?? ALICE;
  return phone.send({ command: 'FolderSync', user, authorization: basic(user), ...request });
}

const waiting = (): number => gateway.pipeline.status().waitingRequests ?? 0;

const servedBy = async (user: string): Promise<string> => {
  await send({ user });
  return gateway.records.at(-1)?.server ?? '';
};

const arrived = (count: number, command: string): Promise<void> =>
  gateway.until(
    () =>
      exchange.organisation.journal.requests.filter((request) => request.command === command).length ===
      count,
    `${count} ${command}`,
  );

/** A request that its server does not answer; aborting makes room. */
function hold(command = 'Settings', user = ALICE): AbortController {
  const ending = new AbortController();
  send({ command, user, signal: ending.signal }).catch(() => {});
  return ending;
}

const hang = (command: string): void => {
  exchange.organisation.faults.add({ match: { command }, action: { kind: 'hang' } });
};

describe('requests are spread', () => {
  test('one after the other, by weight', async () => {
    await start({ balancing: 'RoundRobin' }, { mbx1: 2, mbx2: 1 });
    for (let i = 0; i < 6; i++) await send();
    expect(gateway.records.map(({ server }) => server)).toEqual([
      'mbx1',
      'mbx2',
      'mbx1',
      'mbx1',
      'mbx2',
      'mbx1',
    ]);
  });

  test('by the fewest that are under way: open requests count', async () => {
    await start({ balancing: 'LeastRequests' });
    hang('Settings');
    hold();
    await arrived(1, 'Settings');
    const holder = exchange.organisation.journal.requests.find(({ command }) => command === 'Settings');
    const other = holder?.frontEnd === 'mbx1' ? 'mbx2' : 'mbx1';
    for (let i = 0; i < 4; i++) expect(await servedBy(ALICE)).toBe(other);
  });

  test('by users, who stay with their server, and move and return with it', async () => {
    await start({
      balancing: 'UserHash',
      health: { active: { intervalSeconds: 1 } },
    });
    const homes = new Map<string, string>();
    for (const user of USERS) homes.set(user, await servedBy(user));
    expect(new Set(homes.values()).size).toBe(2);
    for (const user of USERS) expect(await servedBy(user)).toBe(homes.get(user));
    exchange.frontEnd('mbx1').kill();
    for (const user of USERS) expect(await servedBy(user)).toBe('mbx2');
    await exchange.frontEnd('mbx1').serve();
    await gateway.until(() => gateway.pipeline.status().servers.every(({ healthy }) => healthy));
    for (const user of USERS) expect(await servedBy(user)).toBe(homes.get(user));
  });
});

describe('when a server has as many requests as it may have', () => {
  beforeEach(() => hang('Settings'));

  test('the next one is asked', async () => {
    await start({ limits: { maxConnectionsPerServer: 1 } });
    hold();
    await arrived(1, 'Settings');
    expect(await servedBy(ALICE)).toBe('mbx2');
  });

  test('a request waits until one of the others is over, whatever is sent with it', async () => {
    await start({ limits: { maxConnectionsPerServer: 2 } }, { mbx1: 1 });
    exchange.organisation.faults.add({
      match: { command: 'SendMail' },
      action: { kind: 'answer', status: 200 },
    });
    const held = [hold(), hold()];
    await arrived(2, 'Settings');
    const body = Buffer.alloc(300_000, 'mail');
    const mail = send({ command: 'SendMail', body });
    const sync = send();
    await gateway.until(() => waiting() === 2);
    expect(exchange.organisation.journal.requests).toHaveLength(2);
    held[0]?.abort();
    expect((await mail).status).toBe(200);
    expect((await sync).status).not.toBe(503);
    const { requests } = exchange.organisation.journal;
    expect(requests.find(({ command }) => command === 'SendMail')?.bodyBytes).toBe(body.length);
    expect(waiting()).toBe(0);
  });

  test('a poll waits like everything else', async () => {
    await start({ limits: { maxConnections: 1 } });
    const held = hold();
    await arrived(1, 'Settings');
    exchange.organisation.faults.add({ match: { command: 'Ping' }, action: { kind: 'answer', status: 200 } });
    const ping = send({ command: 'Ping', body: pingBody(900) });
    await gateway.until(() => waiting() === 1);
    held.abort();
    expect((await ping).status).toBe(200);
    expect(gateway.pipeline.status().openPolls).toBe(0);
  });

  test('a request that waited in vain is answered 503 with Retry-After', async () => {
    await start({ limits: { maxConnections: 1, queueSeconds: 5 } });
    hold();
    await arrived(1, 'Settings');
    const late = send();
    await gateway.until(() => waiting() === 1);
    gateway.aheadMs += 5_000;
    const answer = await late;
    expect(answer.status).toBe(503);
    expect(Number(answer.header('retry-after'))).toBeGreaterThan(0);
    expect(gateway.records.at(-1)).toMatchObject({ reason: 'queue-timeout', code: 503, server: '' });
  });

  test('no more requests wait than may', async () => {
    await start({ limits: { maxConnections: 1, maxQueuedRequests: 1 } });
    hold();
    await arrived(1, 'Settings');
    const first = hold('FolderSync');
    await gateway.until(() => waiting() === 1);
    expect((await send()).status).toBe(503);
    expect(gateway.records.at(-1)).toMatchObject({ reason: 'queue-full' });
    first.abort();
    await gateway.until(() => waiting() === 0);
    expect(gateway.records.at(-1)).toMatchObject({ reason: 'client-gone', code: 0 });
  });

  test('requests that wait are served when the limit is raised', async () => {
    await start({ limits: { maxConnections: 1 } });
    hold();
    await arrived(1, 'Settings');
    const request = send();
    await gateway.until(() => waiting() === 1);
    gateway.apply([routeOf({ limits: { maxConnections: 2 } })]);
    expect((await request).status).not.toBe(503);
  });

  test('requests that wait are served by the servers of a changed route', async () => {
    await start({ limits: { maxConnections: 1 } });
    hold();
    await arrived(1, 'Settings');
    const next = hold();
    await gateway.until(() => waiting() === 1);
    const last = send();
    await gateway.until(() => waiting() === 2);
    gateway.apply([routeOf({ limits: { maxConnections: 1 }, timeouts: { connectSeconds: 3 } })]);
    await arrived(2, 'Settings');
    expect(waiting()).toBe(1);
    next.abort();
    expect((await last).status).not.toBe(503);
  });

  test('a drain ends what waits by 503', async () => {
    await start({ limits: { maxConnections: 1 } });
    hold();
    await arrived(1, 'Settings');
    const request = send();
    await gateway.until(() => waiting() === 1);
    const drained = gateway.pipeline.drain({ seconds: 3600, signal: AbortSignal.abort() });
    expect((await request).status).toBe(503);
    await drained;
  });
});

describe('a request whose server died', () => {
  const die = (command: string): void => {
    exchange.organisation.faults.add({
      match: { command, frontEnd: 'mbx1' },
      action: { kind: 'reset-request', afterBytes: 0 },
    });
  };

  test('is not sent again where the budget is used up', async () => {
    await start({ limits: { maxReplayPercent: 0 } });
    die('FolderSync');
    const answer = await send();
    expect(answer.status).toBe(503);
    expect(gateway.records.at(-1)).toMatchObject({ reason: 'replay-budget', server: 'mbx1', replays: 0 });
  });

  test('is ended as if nothing had happened where it is a poll', async () => {
    await start({ limits: { maxReplayPercent: 0 } });
    die('Ping');
    expect((await send({ command: 'Ping', body: pingBody(900) })).status).toBe(200);
    expect(gateway.records.at(-1)).toMatchObject({ reason: 'poll-lost', server: 'mbx1' });
  });
});

describe('the time to the first byte', () => {
  test.each([
    ['SendMail', { uploadFirstByteSeconds: 5 }],
    ['SmartForward', { uploadFirstByteSeconds: 5 }],
    ['GetAttachment', { downloadFirstByteSeconds: 5 }],
    ['ItemOperations', { downloadFirstByteSeconds: 5 }],
    ['MoveItems', { firstByteSeconds: 5 }],
  ] as const)('of %s has its own limit', async (command, timeouts) => {
    await start({ timeouts });
    hang(command);
    const answer = send({ command });
    await arrived(1, command);
    gateway.aheadMs += 6_000;
    expect((await answer).status).toBe(503);
    expect(gateway.records.at(-1)).toMatchObject({ reason: 'first-byte-timeout', server: 'mbx1' });
  });
});
