// Phones that keep polling: mail reaches them through failures, and the report tells losses from refusals.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CertificateAuthority } from '../certificates.ts';
import { Exchange } from '../exchange/exchange.ts';
import { Fleet, type FleetOptions } from './fleet.ts';

describe('a fleet of phones', () => {
  let authority: CertificateAuthority;
  let exchange: Exchange;
  let fleet: Fleet | undefined;

  beforeEach(async () => {
    authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      timeScale: 0.001,
      users: Array.from({ length: 40 }, (_, index) => ({
        name: `user${index + 1}@example.com`,
        password: 'secret',
      })),
    });
  });
  afterEach(async () => {
    await fleet?.stop();
    fleet = undefined;
    exchange.close();
  });

  async function start(options: Partial<FleetOptions> = {}): Promise<Fleet> {
    fleet = new Fleet({
      url: exchange.frontEnd().url,
      ca: authority.certificate,
      user: 'user{n}@example.com',
      password: 'secret',
      phones: 3,
      timeScale: 0.001,
      ...options,
    });
    await fleet.start();
    return fleet;
  }

  /** Delivers a mail to each and resolves once all phones have it. */
  async function deliverToAll({ phones }: Fleet, subject: string): Promise<void> {
    for (const { user } of phones) exchange.organisation.deliver(user, { subject });
    const has = (phone: Fleet['phones'][number]): boolean =>
      [...phone.mail.values()].filter((mail) => mail.subject === subject).length === 1;
    await expect.poll(() => phones.every(has), { timeout: 20_000 }).toBe(true);
  }

  it.each(['ping', 'sync'] as const)('receives every mail once by %s', async (mode) => {
    const { report } = await start({ phones: 40, mode, heartbeatSeconds: 60 });
    for (const subject of ['one', 'two', 'three']) await deliverToAll(fleet as Fleet, subject);
    expect(report.summary()).toMatchObject({
      phones: 40,
      lost: 0,
      unavailable: 0,
      mailReceived: 120,
      mailDoubled: 0,
    });
    expect(exchange.violations).toEqual([]);
  });

  it.each(['ping', 'sync'] as const)(
    'loses its connections in the middle of a %s and is told of all mail still',
    async (mode) => {
      const phones = await start({ mode, heartbeatSeconds: 3000 });
      await exchange.organisation.journal.until(({ openPolls }) => openPolls.length === 3);
      exchange.frontEnd().kill();
      await expect.poll(() => phones.report.summary().lost).toBeGreaterThanOrEqual(3);
      await exchange.frontEnd().serve();
      await deliverToAll(phones, 'after the storm');
      expect(Object.keys(phones.report.summary().lostReasons).join()).toContain('ECONNRESET');
      expect(exchange.violations).toEqual([]);
    },
  );

  it('counts 503 with Retry-After apart, and waits as long as it says', async () => {
    const action = { kind: 'answer', status: 503, headers: [['Retry-After', '10']] } as const;
    exchange.organisation.faults.add({ match: { command: 'Ping' }, action, times: 6 });
    const phones = await start();
    await deliverToAll(phones, 'hello');
    expect(phones.report.summary()).toMatchObject({ lost: 0, unavailable: 6, answers: { 'Ping 503': 6 } });
  });

  it('asks in full what the server has forgotten, and takes the heartbeat that the server wants', async () => {
    const phones = await start({ heartbeatSeconds: 9000 });
    await exchange.organisation.journal.until(({ openPolls }) => openPolls.length === 3);
    expect(exchange.organisation.journal.openPolls.map(({ heartbeatSeconds }) => heartbeatSeconds)).toEqual([
      3540, 3540, 3540,
    ]);
    for (const { user } of phones.phones) {
      for (const device of exchange.organisation.devicesOf(user)) device.cachedPing = undefined;
    }
    await deliverToAll(phones, 'one');
    await deliverToAll(phones, 'two');
    expect(phones.report.summary().lost).toBe(0);
  });

  it('finds mail that it was never told of, and only that', async () => {
    const phones = await start({ phones: 2 });
    await deliverToAll(phones, 'one');
    await expect(phones.phones[1]?.audit()).resolves.toBe(0);
    expect(phones.report.summary().mailReceived).toBe(2);
    const [device] = exchange.organisation.devicesOf('user1@example.com');
    const { serverId, version } = exchange.organisation.deliver('user1@example.com', {
      subject: 'swallowed',
    });
    const collection = device?.collections.values().next().value;
    if (!collection) throw new Error('no collection');
    const known = new Map([...collection.current.known, [serverId, version] as const]);
    collection.current = { ...collection.current, known };
    collection.previous = { ...collection.current };
    await phones.stop();
    const before = phones.report.summary();
    await phones.phones[0]?.audit();
    expect([before.mailMissing, phones.report.summary().mailMissing]).toEqual([0, 1]);
  });

  it('notices mail that comes twice', async () => {
    const phones = await start({ phones: 1 });
    const [phone] = phones.phones;
    const [device] = exchange.organisation.devicesOf('user1@example.com');
    await deliverToAll(phones, 'one');
    const collection = device?.collections.get(phone?.inbox ?? '');
    if (!collection) throw new Error('no collection');
    collection.current = { ...collection.current, known: new Map(), complete: undefined };
    exchange.organisation.deliver('user1@example.com', { subject: 'two' });
    await expect.poll(() => phones.report.summary().mailDoubled).toBe(1);
    expect(phones.report.summary().lost).toBe(1);
  });
});
