// A gateway goes away under 500 open polls and five uploads, and nobody notices but by a new connection.
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { Phone } from '../../peers/phone/phone.ts';
import { Report } from '../../peers/phone/report.ts';
import { composeRequest } from '../../peers/phone/requests.ts';
import { encode } from '../../peers/wbxml/encode.ts';
import { GatewayProcess } from '../shell/gateway-process.ts';
import { sketchSnapshot } from '../shell/snapshot-sketch.ts';
import { Service } from './service.ts';

const POLLS = 500;
const UPLOADS = 5;
/** Long enough that a machine which stands still for a second moves no tenth of it to the next. */
const SECONDS = 20;
const HOSTNAME = 'sentry.example.com';
const NAMES = Array.from({ length: POLLS + UPLOADS }, (_, at) => `user${at}@example.com`);
/** A poll that would last for an hour: when it ends without changes, the gateway ended it. */
const HEARTBEAT = 3540;

interface Returned {
  readonly phone: Phone;
  readonly kind: string;
}

async function poll(phone: Phone, at: number): Promise<string> {
  if (at % 2 === 0) return (await phone.ping(HEARTBEAT)).kind;
  const { added } = await phone.syncWait(HEARTBEAT);
  return added.length === 0 ? 'expired' : 'changed';
}

/** A mail of 1 MB that takes three seconds to be sent. */
async function upload(phone: Phone, at: number): Promise<void> {
  const mime = Buffer.from(
    `From: ${phone.user}\r\nTo: user0@example.com\r\nSubject: upload ${at}\r\nMessage-ID: <upload${at}@phone>\r\n\r\n` +
      'x'.repeat(1_000_000),
  );
  const bytes = encode(composeRequest('SendMail', `upload${at}`, mime));
  async function* slowly(): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < bytes.length; start += 50_000) {
      yield bytes.subarray(start, start + 50_000);
      await sleep(150);
    }
  }
  await phone.send({ command: 'SendMail', content: slowly(), contentLength: bytes.length });
}

describe('a gateway that is stopped', () => {
  test('ends 500 polls evenly by its own answers, lets uploads finish, and loses nothing', async () => {
    const authority = await CertificateAuthority.create();
    const credentials = await authority.issue({ names: [HOSTNAME] });
    using exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0 },
      users: NAMES.map((name) => ({ name, password: 'secret' })),
    });
    const content = sketchSnapshot({
      listeners: [{ hostnames: [HOSTNAME], credentials: [credentials] }],
      routes: [{ ca: authority.certificate, servers: [{ name: 'mbx1', url: exchange.frontEnd().url }] }],
      drain: { seconds: SECONDS, propagationSeconds: 0 },
    });
    await using leaving = await GatewayProcess.start({ content });
    await using staying = await GatewayProcess.start({ content });
    using service = await Service.start(leaving.port);

    const report = new Report();
    const secureContext = createSecureContext({ ca: authority.certificate });
    const phones = NAMES.map(
      (user) =>
        new Phone({
          url: `https://${HOSTNAME}:${service.port}`,
          hosts: { [HOSTNAME]: '127.0.0.1' },
          secureContext,
          user,
          password: 'secret',
          report,
        }),
    );
    for (let at = 0; at < phones.length; at += 20) {
      await Promise.all(
        phones.slice(at, at + 20).map(async (phone) => {
          await phone.folderSync();
          await phone.sync();
        }),
      );
    }
    const pollers = phones.slice(0, POLLS);
    const uploaders = phones.slice(POLLS);
    const { journal } = exchange.organisation;
    const returns = pollers.map(async (phone, at): Promise<Returned> => ({
      phone,
      kind: await poll(phone, at),
    }));
    await journal.until(({ openPolls }) => openPolls.length === POLLS);
    expect((await leaving.report()).openPolls).toBe(POLLS);

    const uploads = uploaders.map((phone, at) => upload(phone, at));
    await journal.until(
      ({ requests }) => requests.filter(({ command }) => command === 'SendMail').length === UPLOADS,
    );
    expect(journal.sentMail).toEqual([]);

    const before = service.arrivals.length;
    service.choose(staying.port);
    const start = performance.now();
    leaving.child.kill('SIGTERM');

    // Each phone asks again at once; mail comes for every tenth of them just in between.
    const delays: number[] = [];
    const again = returns.map(async (returned, at) => {
      const { phone, kind } = await returned;
      const announced = at % 10 === 0;
      if (announced) exchange.organisation.deliver(phone.user, { subject: 'meanwhile', body: 'x' });
      const reconnected = performance.now();
      const next = poll(phone, at);
      if (!announced) return { kind, next };
      expect(await next).toBe('changed');
      delays.push(performance.now() - reconnected);
      return { kind, next };
    });
    const rounds = await Promise.all(again);
    await Promise.all(uploads);
    expect(await leaving.exited()).toBe(0);

    expect(rounds.filter(({ kind }) => kind !== 'expired')).toEqual([]);
    expect(report.summary()).toMatchObject({ lost: 0, unavailable: 0, mailDoubled: 0 });
    expect(exchange.violations).toEqual([]);
    const endings = leaving.log.filter((line) => line['reason'] === 'drain');
    expect(endings).toHaveLength(POLLS);
    expect(endings.filter((line) => line['command'] === 'Ping')).toHaveLength(POLLS / 2);

    const subjects = journal.sentMail.map(({ subject }) => subject).toSorted();
    expect(subjects).toEqual(Array.from({ length: UPLOADS }, (_, at) => `upload ${at}`));
    expect(journal.sentMail.some(({ duplicate }) => duplicate)).toBe(false);

    const tenths = Array.from({ length: 10 }, () => 0);
    for (const arrival of service.arrivals.slice(before)) {
      const tenth = Math.min(9, Math.floor(((arrival - start) / (SECONDS * 1000)) * 10));
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    expect(Math.max(...tenths)).toBeLessThanOrEqual(POLLS * 0.2);
    expect(delays).toHaveLength(POLLS / 10);
    expect(Math.max(...delays)).toBeLessThanOrEqual(5000);

    for (const phone of phones) phone.close();
    await Promise.allSettled(rounds.map(({ next }) => next));
    console.log(
      `drain: ${POLLS} polls, reconnects by tenths ${tenths.join(' ')}, mail after ${Math.round(Math.max(...delays))} ms`,
    );
  });
});
