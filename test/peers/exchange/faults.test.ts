// Faults of the simulated Exchange, as a phone sees each of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CertificateAuthority } from '../certificates.ts';
import type { FaultAction } from '../faults.ts';
import { HttpFailure } from '../phone/eas-client.ts';
import { WrongAnswer } from '../phone/http-answer.ts';
import { HttpClient } from '../phone/http-client.ts';
import { ConnectionLost } from '../phone/http-connection.ts';
import { Phone } from '../phone/phone.ts';
import { Exchange } from './exchange.ts';

const user = 'alice@example.com';
const mail = { to: user, subject: 'hello', body: 'x'.repeat(300_000) };

describe('faults of the simulated Exchange', () => {
  let authority: CertificateAuthority;
  let exchange: Exchange;
  let phone: Phone;

  beforeEach(async () => {
    authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0, mbx2: 0 },
      users: [{ name: user, password: 'secret' }],
    });
    phone = phoneAt('mbx1');
    await phone.folderSync();
    await phone.sync();
  });
  afterEach(() => {
    phone.close();
    exchange.close();
  });

  function phoneAt(frontEnd: string): Phone {
    const { url } = exchange.frontEnd(frontEnd);
    return new Phone({ url, ca: authority.certificate, user, password: 'secret' });
  }

  function failNext(action: FaultAction, command = 'SendMail'): void {
    exchange.organisation.faults.add({ match: { command }, action, times: 1 });
  }

  it.each<[string, FaultAction, string, number]>([
    ['reset at the head of the request', { kind: 'reset-request', afterBytes: 0 }, 'ECONNRESET', 0],
    ['reset in the middle of the request', { kind: 'reset-request', afterBytes: 100_000 }, 'ECONNRESET', 0],
    ['reset before the answer, the mail taken', { kind: 'reset-answer', afterBytes: 0 }, 'ECONNRESET', 1],
    ['reset in the middle of the answer', { kind: 'reset-answer', afterBytes: 20 }, 'ECONNRESET', 1],
    ['closed in the middle of the answer', { kind: 'close-answer', afterBytes: 20 }, 'EOF', 1],
    ['a length that is too large', { kind: 'wrong-length', by: 7 }, 'EOF', 1],
  ])('%s', async (_, action, code, sent) => {
    failNext(action);
    const error = await failure(phone.sendMail(mail));
    expect(error).toBeInstanceOf(ConnectionLost);
    expect([code, 'EPIPE']).toContain((error as ConnectionLost).code);
    expect(exchange.organisation.journal.sentMail).toHaveLength(sent);
    expect(phone.report.summary().lost).toBe(1);
    await phone.sendMail({ ...mail, subject: 'again' });
  });

  it.each<[string, FaultAction]>([
    ['no HTTP', { kind: 'garbage' }],
    ['half an HTTP', { kind: 'garbage', text: 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n' }],
    [
      'two lengths',
      { kind: 'garbage', text: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n' },
    ],
    [
      'an answer that is too long',
      { kind: 'garbage', text: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxx' },
    ],
    [
      'a chunk of no size',
      { kind: 'garbage', text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n' },
    ],
  ])('%s is a wrong answer', async (_, action) => {
    failNext(action);
    expect(await failure(phone.sendMail(mail))).toBeInstanceOf(WrongAnswer);
    expect(phone.report.summary().lost).toBe(1);
  });

  it('an answer of 503 with Retry-After is no loss, one without is', async () => {
    failNext({ kind: 'answer', status: 503, headers: [['Retry-After', '30']] });
    const error = await failure(phone.sendMail(mail));
    expect(error).toBeInstanceOf(HttpFailure);
    expect(error).toMatchObject({ status: 503, retryAfterSeconds: 30, unavailable: true });
    expect(phone.report.summary()).toMatchObject({ lost: 0, unavailable: 1 });
    failNext({ kind: 'answer', status: 503 });
    await failure(phone.sendMail(mail));
    expect(phone.report.summary()).toMatchObject({
      lost: 1,
      unavailable: 1,
      lostReasons: { 'SendMail: HTTP 503': 1 },
    });
  });

  it('an answer of 451 sends the phone elsewhere for good', async () => {
    const { url } = exchange.frontEnd('mbx2');
    const headers = [['X-MS-Location', `${url}/Microsoft-Server-ActiveSync`]] as const;
    failNext({ kind: 'answer', status: 451, headers });
    await phone.sendMail(mail);
    expect(exchange.organisation.journal.sentMail).toMatchObject([{ frontEnd: 'mbx2', duplicate: false }]);
    expect(phone.origin).toBe(url);
    expect(phone.report.summary()).toMatchObject({ redirects: 1, lost: 0 });
  });

  it.each([403, 456, 457, 507])('an answer of %i is passed on as it is', async (status) => {
    failNext({ kind: 'answer', status, headers: [['X-MS-Location', 'https://elsewhere.example.com/']] });
    const error = await failure(phone.sendMail(mail));
    expect(error).toMatchObject({ status });
    expect((error as HttpFailure).answer.header('x-ms-location')).toBe('https://elsewhere.example.com/');
  });

  it('an early answer comes while the upload is under way', async () => {
    failNext({ kind: 'early-answer', status: 413, close: true });
    const { promise: more, resolve: goOn } = Promise.withResolvers<void>();
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(1000);
      await more;
    }
    const attempt = phone.send({ command: 'SendMail', content: endless() });
    expect(await failure(attempt)).toMatchObject({ status: 413 });
    goOn();
    await phone.sendMail({ ...mail, body: '' });
  });

  it('a hanging answer never comes', async () => {
    failNext({ kind: 'hang' });
    const signal = AbortSignal.timeout(100);
    expect(await failure(phone.sendMail(mail, signal))).toMatchObject({ name: 'TimeoutError' });
    expect(exchange.organisation.journal.sentMail).toHaveLength(0);
  });

  it('a delayed, a trickling, a slowly read and a chunked exchange are whole in the end', async () => {
    for (const action of [
      { kind: 'delay', milliseconds: 20 },
      { kind: 'slow-answer', chunkBytes: 40, everyMilliseconds: 1 },
      { kind: 'chunked', chunkBytes: 7 },
      { kind: 'slow-request', bytesPerSecond: 1_000_000 },
    ] satisfies FaultAction[]) {
      failNext(action, 'FolderSync');
      await phone.folderSync();
    }
    expect(exchange.organisation.faults.list().map(({ hits }) => hits)).toEqual([1, 1, 1, 1]);
    expect(phone.report.summary().lost).toBe(0);
  });

  it('hit only what they match, after what they skip', async () => {
    const { faults } = exchange.organisation;
    const action: FaultAction = { kind: 'answer', status: 507 };
    faults.add({
      match: { frontEnd: 'mbx2', user: 'ALICE@example.com', command: 'FolderSync' },
      action,
      skip: 1,
    });
    faults.add({ match: { user: 'bob@example.com' }, action });
    faults.add({ match: { deviceId: 'other' }, action });
    await phone.folderSync();
    const other = phoneAt('mbx2');
    await other.provision();
    await other.folderSync();
    expect(await failure(other.folderSync())).toMatchObject({ status: 507 });
    faults.remove();
    await other.folderSync();
    other.close();
  });

  it('a front end that is killed, refuses, stalls and comes back shares its mailboxes with the others', async () => {
    const [mbx1, mbx2] = [exchange.frontEnd('mbx1'), exchange.frontEnd('mbx2')];
    const ping = failure(phone.ping(470));
    await exchange.organisation.journal.until(({ openPolls }) => openPolls.length === 1);
    mbx1.kill();
    expect(await ping).toMatchObject({ code: 'ECONNRESET' });
    expect(await failure(phone.sync())).toMatchObject({ stage: 'connect', code: 'ECONNREFUSED' });
    const other = phoneAt('mbx2');
    await other.folderSync();
    exchange.organisation.deliver(user, { subject: 'shared' });
    expect((await other.sync()).added).toHaveLength(1);
    await mbx1.serve();
    expect((await phone.sync()).added).toHaveLength(1);
    mbx2.refuse();
    await other.sync();
    expect(await failure(phoneAt('mbx2').options())).toMatchObject({ code: 'ECONNREFUSED' });
    await mbx2.stall();
    const signal = AbortSignal.timeout(100);
    expect(await failure(phoneAt('mbx2').options(signal))).toMatchObject({ name: 'TimeoutError' });
    expect([mbx1.state, mbx2.state]).toEqual(['serving', 'stalled']);
    other.close();
  });

  it('a slow phone holds the server back', async () => {
    const { mail: known } = phone;
    exchange.organisation.deliver(user, { subject: 'large', attachmentBytes: [20_000_000] });
    await phone.sync();
    const [item] = known.values();
    let received = 0;
    const answer = await phone.fetchMultipart(item?.attachments[0]?.fileReference ?? '', async (piece) => {
      if (received < 200_000) await sleep(5);
      received += piece.length;
    });
    expect(received).toBe(Number(answer.header('content-length')));
    expect(received).toBeGreaterThan(20_000_000);
  });

  it('the health check answers, and fails on demand', async () => {
    const http = new HttpClient({ ca: authority.certificate });
    const check = async (): Promise<number> => {
      const target = '/Microsoft-Server-ActiveSync/healthcheck.htm';
      return (await http.request(exchange.frontEnd().url, { method: 'GET', target, headers: [] })).status;
    };
    expect(await check()).toBe(200);
    failNext({ kind: 'answer', status: 503 }, 'healthcheck');
    expect(await check()).toBe(503);
    http.close();
    expect(exchange.violations).toEqual([]);
  });
});

async function failure(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(
    () => 'no failure',
    (error: unknown) => error,
  );
}
