// What a drain may end, what it must leave alone, and what happens when its time is over.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import type { HttpAnswer } from '../../peers/phone/http-connection.ts';
import { GatewayFixture } from '../pipeline/gateway-fixture.ts';
import {
  basic,
  deleteCommand,
  pingBody,
  RawPhone,
  type RawRequest,
  syncBody,
} from '../pipeline/raw-phone.ts';

const ALICE = basic('alice@example.com');

/** Status, Retry-After and Connection of an answer. */
const factsOf = (answer: HttpAnswer): unknown[] => [
  answer.status,
  answer.header('retry-after'),
  answer.header('connection'),
];
/** From 30 to 45 seconds, so that they do not all come back at once. */
const UNAVAILABLE = [503, expect.stringMatching(/^(?:3\d|4[0-5])$/), 'close'];

describe('a drain', () => {
  let exchange: Exchange;
  let gateway: GatewayFixture;
  let phones: RawPhone[];

  beforeEach(async () => {
    const authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0 },
      users: [{ name: 'alice@example.com', password: 'secret' }],
    });
    gateway = await GatewayFixture.start({
      authority,
      routes: [{ servers: [{ name: 'mbx1', url: exchange.frontEnd().url }] }],
    });
    phones = [];
  });

  afterEach(async () => {
    for (const phone of phones) phone.close();
    await gateway.stop();
    exchange.close();
  });

  const newPhone = (): RawPhone => {
    const phone = new RawPhone(gateway);
    phones.push(phone);
    return phone;
  };
  /** Sends a request that Exchange never answers; resolves once Exchange has it. */
  const hang = async (request: RawRequest, phone = newPhone()): Promise<{ answer: Promise<HttpAnswer> }> => {
    const { journal, faults } = exchange.organisation;
    const seen = journal.requests.length;
    faults.add({ match: { command: request.command }, action: { kind: 'hang' }, times: 1 });
    const answer = phone.send({ authorization: ALICE, ...request });
    answer.catch(() => undefined);
    await journal.until(({ requests }) =>
      requests.slice(seen).some(({ command }) => command === request.command),
    );
    return { answer };
  };
  const drain = (seconds: number, signal?: AbortSignal): Promise<void> => {
    gateway.server.drain();
    return gateway.pipeline.drain({ seconds, ...(signal && { signal }) });
  };

  test('is over at once when nothing is under way, and leaves idle connections for one more request', async () => {
    const phone = newPhone();
    await phone.send({ method: 'OPTIONS', authorization: ALICE });
    await drain(3600);
    expect(gateway.server.connections).toBe(1);
    const answer = await phone.send({ method: 'OPTIONS', authorization: ALICE });
    expect(answer.status).toBe(200);
    expect(answer.header('connection')).toBe('close');
  });

  test('ends a Ping by Status 1 and a Sync that waits by nothing, both with Connection: close', async () => {
    const { answer: ping } = await hang({ command: 'Ping', body: pingBody(480) });
    const { answer: sync } = await hang({ command: 'Sync', body: syncBody({ heartbeatSeconds: 480 }) });
    const { answer: empty } = await hang({ command: 'Sync' });
    const drained = drain(1);
    expect(await ping).toMatchObject({ status: 200, body: Buffer.from('03016a00000d45470331000101', 'hex') });
    expect((await ping).header('content-type')).toBe('application/vnd.ms-sync.wbxml');
    for (const answer of [await sync, await empty]) {
      expect(answer).toMatchObject({ status: 200, body: Buffer.alloc(0) });
      expect(answer.header('content-length')).toBe('0');
      expect(answer.header('content-type')).toBeUndefined();
      expect(answer.header('connection')).toBe('close');
    }
    await drained;
    expect(gateway.records.map(({ reason, code }) => [reason, code])).toEqual([
      ['drain', 200],
      ['drain', 200],
      ['drain', 200],
    ]);
    await exchange.organisation.journal.until(({ requests }) =>
      requests.every(({ outcome }) => outcome !== 'open'),
    );
  });

  test.each<[string, RawRequest]>([
    [
      'a Sync that waits with Commands',
      { command: 'Sync', body: syncBody({ heartbeatSeconds: 480, commands: [deleteCommand] }) },
    ],
    ['a Sync that does not wait', { command: 'Sync', body: syncBody() }],
    ['a Sync that nobody understands', { command: 'Sync', body: Buffer.from('garbage') }],
    ['a Ping that nobody understands', { command: 'Ping', body: Buffer.from('garbage') }],
    ['a SendMail', { command: 'SendMail', body: Buffer.alloc(1000) }],
    ['a FolderSync', { command: 'FolderSync' }],
  ])('never ends %s: only the deadline does, by 503', async (_, request) => {
    const { answer } = await hang(request);
    await drain(1);
    expect(factsOf(await answer)).toEqual(UNAVAILABLE);
    expect(gateway.records).toMatchObject([{ reason: 'draining', code: 503 }]);
  });

  test('lets a Sync with Commands finish when Exchange answers in time', async () => {
    exchange.organisation.faults.add({
      match: { command: 'Sync' },
      action: { kind: 'answer', status: 200, delayMilliseconds: 500, body: 'done' },
    });
    const body = syncBody({ heartbeatSeconds: 480, commands: [deleteCommand] });
    const answer = newPhone().send({ command: 'Sync', authorization: ALICE, body });
    await exchange.organisation.journal.until(({ requests }) => requests.at(-1)?.command === 'Sync');
    await drain(30);
    expect(await answer).toMatchObject({ status: 200, body: Buffer.from('done') });
  });

  test('ends a poll that comes while it goes on', async () => {
    const late = newPhone();
    await late.send({ method: 'OPTIONS', authorization: ALICE });
    const { answer: held } = await hang({ command: 'FolderSync' });
    const drained = drain(2);
    const { answer } = await hang({ command: 'Ping', body: pingBody(480) }, late);
    expect(await answer).toMatchObject({ status: 200 });
    await drained;
    expect(factsOf(await held)).toEqual(UNAVAILABLE);
  });

  test('is cut short by its signal', async () => {
    const { answer } = await hang({ command: 'FolderSync' });
    const hurry = new AbortController();
    const drained = drain(3600, hurry.signal);
    hurry.abort();
    await drained;
    expect(factsOf(await answer)).toEqual(UNAVAILABLE);
  });

  test('cuts an answer that still flows at the deadline, so that nobody takes it for whole', async () => {
    exchange.organisation.faults.add({
      match: { command: 'FolderSync' },
      action: {
        kind: 'early-answer',
        status: 200,
        headers: [['Content-Length', '100000']],
        body: 'x'.repeat(50_000),
      },
    });
    const answer = newPhone().send({ command: 'FolderSync', authorization: ALICE });
    const lost = answer.catch((error: Error) => error.message);
    await gateway.until(() => gateway.server.active === 1);
    await exchange.organisation.journal.until(({ requests }) => requests.at(-1)?.command === 'FolderSync');
    await drain(1);
    expect(await lost).toContain('connection lost');
    expect(gateway.records).toMatchObject([{ code: 200, reason: 'draining' }]);
  });
});
