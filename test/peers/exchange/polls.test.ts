// Long polls at the simulated Exchange: how they end, and that they are seen while they are held.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CertificateAuthority } from '../certificates.ts';
import { Phone } from '../phone/phone.ts';
import { Exchange } from './exchange.ts';
import type { Journal } from './journal.ts';

const user = 'alice@example.com';

describe('long polls at the simulated Exchange', () => {
  let exchange: Exchange;
  let phone: Phone;
  let journal: Journal;

  beforeEach(async () => {
    const authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      users: [{ name: user, password: 'secret' }],
      timeScale: 0.001,
      heartbeat: { min: 60, max: 3_540_000 },
    });
    ({ journal } = exchange.organisation);
    phone = new Phone({ url: exchange.frontEnd().url, ca: authority.certificate, user, password: 'secret' });
    await phone.folderSync();
    await phone.sync();
  });
  afterEach(() => {
    phone.close();
    exchange.close();
  });

  const long = 3_000_000;

  async function held(count = 1): Promise<void> {
    await journal.until(({ openPolls }) => openPolls.length === count);
  }

  it('end by their heartbeat: a Ping with status 1, a Sync with nothing', async () => {
    expect(await phone.ping(60)).toEqual({ kind: 'expired' });
    expect(await phone.syncWait(60)).toMatchObject({ added: [] });
    expect(journal.statistics()).toMatchObject({
      polls: { expired: 2 },
      openPolls: 0,
      meanHeartbeatSeconds: 60,
    });
    expect(journal.statistics().answers).toMatchObject({ 'Ping 200': 1 });
  });

  it('end by mail', async () => {
    const [ping] = [phone.ping(long), await held()];
    exchange.organisation.deliver(user, { subject: 'one' });
    expect(await ping).toEqual({ kind: 'changed', folderIds: [phone.inbox] });
    await phone.sync();
    const [wait] = [phone.syncWait(long), await held()];
    exchange.organisation.deliver(user, { subject: 'two' });
    expect((await wait).added.map(({ subject }) => subject)).toEqual(['two']);
    expect(phone.report.summary()).toMatchObject({ pollsChanged: 2, mailReceived: 2, lost: 0 });
  });

  it('are repeated by empty requests', async () => {
    await phone.ping(60);
    await phone.syncWait(60);
    expect(await phone.ping(60, { empty: true })).toEqual({ kind: 'expired' });
    expect(await phone.syncWait(60, { empty: true })).toMatchObject({ added: [] });
    const empty = journal.requests.filter(({ bodyBytes, method }) => method === 'POST' && bodyBytes === 0);
    expect(empty.map(({ command, outcome }) => [command, outcome])).toEqual([
      ['Ping', 'answered'],
      ['Sync', 'answered'],
    ]);
    expect(exchange.violations).toEqual([]);
  });

  it('end at once when mail came before them', async () => {
    exchange.organisation.deliver(user, { subject: 'early' });
    expect(await phone.ping(long)).toMatchObject({ kind: 'changed' });
    expect((await phone.syncWait(long)).added).toHaveLength(1);
  });

  it('are not woken by what the phone did itself', async () => {
    const { serverId } = exchange.organisation.deliver(user, { subject: 'mine' });
    await phone.sync();
    await phone.markRead(serverId);
    expect(await phone.ping(60)).toEqual({ kind: 'expired' });
  });

  it('end when the phone goes away', async () => {
    const leave = new AbortController();
    const ping = phone.ping(long, { signal: leave.signal }).catch((error: unknown) => error);
    await held();
    expect(journal.openPolls).toMatchObject([
      { command: 'Ping', user, frontEnd: 'mbx1', heartbeatSeconds: long },
    ]);
    leave.abort(new Error('tunnel'));
    expect(await ping).toMatchObject({ message: 'tunnel' });
    await held(0);
    await journal.until(({ requests }) => requests.at(-1)?.outcome === 'aborted');
    expect(journal.statistics().polls.gone).toBe(1);
  });

  it('end when the same device asks anew', async () => {
    const first = phone.ping(long);
    await held();
    const second = phone.ping(long);
    expect(await first).toEqual({ kind: 'expired' });
    exchange.organisation.deliver(user, { subject: 'news' });
    expect(await second).toMatchObject({ kind: 'changed' });
    expect(journal.statistics().polls.superseded).toBe(1);
  });
});
