// What the gateway answers by itself, and that nothing of it reaches Exchange.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { GatewayFixture } from './gateway-fixture.ts';
import { basic, PATH, RawPhone, targetOf } from './raw-phone.ts';

const ALICE = basic('alice@example.com');

async function* pieces(): AsyncGenerator<Buffer> {
  for (let i = 0; i < 30; i++) yield Buffer.alloc(10_000, i);
}

describe('the gateway itself', () => {
  let authority: CertificateAuthority;
  let exchange: Exchange;
  let gateway: GatewayFixture;
  let phone: RawPhone;

  beforeAll(async () => {
    authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0 },
      users: [{ name: 'alice@example.com', password: 'secret' }],
    });
  });

  beforeEach(async () => {
    gateway = await GatewayFixture.start({
      authority,
      routes: [
        {
          match: { domains: ['example.com'] },
          servers: [{ name: 'mbx1', url: exchange.frontEnd().url }],
          maxRequestBytes: 100_000,
        },
      ],
      limits: { maxUnacceptedRequestsPerAddress: 3 },
    });
    phone = new RawPhone(gateway);
    exchange.organisation.journal.clear();
  });

  afterEach(async () => {
    phone.close();
    await gateway.stop();
    exchange.organisation.faults.remove();
  });

  afterAll(() => exchange.close());

  const reached = (): number =>
    exchange.organisation.journal.requests.filter(({ method }) => method !== 'OPTIONS').length;

  test.each(['PUT', 'DELETE', 'HEAD', 'PATCH', 'PROPFIND', 'post'])('refuses %s with 501', async (method) => {
    const answer = await phone.send({ method, target: targetOf({ command: 'Sync' }), authorization: ALICE });
    expect(answer.status).toBe(501);
    expect(reached()).toBe(0);
  });

  test.each([
    '/',
    '/owa',
    '/powershell',
    '/EWS/Exchange.asmx',
    `${PATH}/`,
    `${PATH}/healthcheck.htm`,
    `${PATH}/../owa`,
    `/owa/..${PATH}`,
    `${PATH}%2f`,
    `/%4dicrosoft-Server-ActiveSync`,
    `/${PATH}`,
    `${PATH};x`,
    '/autodiscover/autodiscover.svc',
  ])('knows nothing of %s', async (path) => {
    const answer = await phone.send({
      target: `${path}?${targetOf({ command: 'Sync' })}`,
      authorization: ALICE,
    });
    expect(answer.status).toBe(404);
    expect(reached()).toBe(0);
  });

  test.each([
    '',
    '?',
    '?Cmd=Sync',
    '?Cmd=Sync&Cmd=SendMail&User=a&DeviceId=1&DeviceType=P',
    '?AAAA',
    '?Cmd=%&DeviceId=1&DeviceType=P',
  ])('refuses a POST with the query %j by 400', async (query) => {
    expect((await phone.send({ target: PATH + query, authorization: ALICE })).status).toBe(400);
    expect(reached()).toBe(0);
  });

  test('lets OPTIONS and GET through without a query, and with any', async () => {
    for (const method of ['OPTIONS', 'GET']) {
      for (const query of ['', '?anything']) {
        const answer = await phone.send({ method, target: PATH + query, authorization: ALICE });
        expect(answer.status).not.toBe(400);
      }
    }
    expect(exchange.organisation.journal.requests.filter(({ method }) => method === 'GET')).toHaveLength(2);
  });

  test.each(['NTLM TlRMTVNTUAABAAAA', 'Negotiate YIIC', 'ntlm'])(
    'answers %s with 401, names no scheme of that kind, and does not forward it',
    async (authorization) => {
      const answer = await phone.send({ command: 'Sync', authorization });
      expect(answer.status).toBe(401);
      expect(answer.header('www-authenticate')).toBe('Basic realm="ActiveSync"');
      expect(reached()).toBe(0);
    },
  );

  test('refuses a known user without a route by 403 and says why', async () => {
    const answer = await phone.send({
      command: 'Sync',
      user: 'x@evil.com',
      authorization: basic('x@evil.com'),
    });
    expect(answer.status).toBe(403);
    expect(answer.body.toString()).toBe('This user has no route on this gateway.\n');
    expect(reached()).toBe(0);
    expect(gateway.records.at(-1)).toMatchObject({ code: 403, reason: 'no-route', route: '', server: '' });
  });

  test('refuses a body that says it is too large by 413, and never asks a server for it', async () => {
    const answer = await phone.send({
      command: 'SendMail',
      authorization: ALICE,
      body: Buffer.alloc(100_001),
    });
    expect(answer.status).toBe(413);
    expect(reached()).toBe(0);
    expect(gateway.records.at(-1)).toMatchObject({
      code: 413,
      reason: 'body-too-large',
      command: 'SendMail',
    });
  });

  test('refuses a chunked body once it is too large by 413, before the server sees its end', async () => {
    const answer = await phone.send({ command: 'SendMail', authorization: ALICE, body: pieces() });
    expect(answer.status).toBe(413);
    await gateway.until(() =>
      exchange.organisation.journal.requests.every(({ outcome }) => outcome === 'aborted'),
    );
    expect(exchange.organisation.journal.sentMail).toEqual([]);
  });

  test('takes a body of exactly the largest size', async () => {
    exchange.organisation.faults.add({
      match: { command: 'SendMail' },
      action: { kind: 'answer', status: 200 },
    });
    const answer = await phone.send({
      command: 'SendMail',
      authorization: ALICE,
      body: Buffer.alloc(100_000),
    });
    expect(answer.status).toBe(200);
  });

  test('answers 503 with Retry-After to one request of which a stage throws, and to no other', async () => {
    await gateway.stop();
    gateway = await GatewayFixture.start({
      authority,
      routes: [{ servers: [{ name: 'mbx1', url: exchange.frontEnd().url }] }],
      pipeline: {
        responseTransforms: [
          (_, { request }) => {
            if (request.target.includes('Cmd=Settings')) throw new TypeError('broken by alice@example.com');
          },
        ],
      },
    });
    phone = new RawPhone(gateway);
    const other = new RawPhone(gateway);
    const waiting = other.send({ command: 'FolderSync', authorization: ALICE });
    const answer = await phone.send({ command: 'Settings', authorization: ALICE });
    expect(answer.status).toBe(503);
    expect(answer.header('retry-after')).toBe('30');
    expect((await waiting).status).not.toBe(503);
    expect((await phone.send({ command: 'FolderSync', authorization: ALICE })).status).not.toBe(503);
    other.close();
    const failure = gateway.log.find((line) => line.includes('a stage of the pipeline failed'));
    expect(failure).toContain('TypeError');
    expect(failure).not.toContain('alice');
  });

  test('answers 503 with Retry-After where no route is configured', async () => {
    gateway.apply([]);
    const answer = await phone.send({ command: 'Sync', authorization: ALICE });
    expect(answer).toMatchObject({ status: 503 });
    expect(answer.header('retry-after')).toBe('30');
  });

  test('keeps what it serves when a snapshot cannot be used', async () => {
    const { snapshot } = gateway.snapshotOf([{ servers: [{ name: 'other', url: 'https://localhost:1' }] }]);
    expect(() => gateway.pipeline.apply(snapshot, new Map())).toThrow(
      /^route default\/example-com: the file file-[0-9a-f]+ is missing$/,
    );
    expect((await phone.send({ method: 'OPTIONS', authorization: ALICE })).status).toBe(200);
    expect(gateway.pipeline.status().servers).toMatchObject([{ server: 'mbx1' }]);
  });

  test('holds at most so many requests of one address whose credentials nobody has accepted', async () => {
    exchange.organisation.faults.add({ match: { command: 'FolderSync' }, action: { kind: 'hang' } });
    const hanging = Array.from({ length: 3 }, () => new RawPhone(gateway));
    const gone = new AbortController();
    const waits = hanging.map((each) =>
      each.send({ command: 'FolderSync', authorization: ALICE, signal: gone.signal }),
    );
    const settled = Promise.allSettled(waits);
    await exchange.organisation.journal.until(() => reached() === 3);
    const refused = await phone.send({ method: 'OPTIONS', authorization: ALICE });
    expect(refused.status).toBe(503);
    expect(refused.header('retry-after')).toMatch(/^(?:3\d|4[0-5])$/);
    gone.abort();
    await settled;
    await gateway.until(() => gateway.records.length === 4);
    expect((await phone.send({ method: 'OPTIONS', authorization: ALICE })).status).toBe(200);
    for (const each of hanging) each.close();
  });

  test('does not count requests of a connection whose credential was accepted', async () => {
    const phones = Array.from({ length: 5 }, () => new RawPhone(gateway));
    for (const each of phones) await each.send({ method: 'OPTIONS', authorization: ALICE });
    exchange.organisation.faults.add({ match: { command: 'FolderSync' }, action: { kind: 'hang' } });
    const gone = new AbortController();
    const settled = Promise.allSettled(
      phones.map((each) => each.send({ command: 'FolderSync', authorization: ALICE, signal: gone.signal })),
    );
    await exchange.organisation.journal.until(() => reached() === 5);
    expect(reached()).toBe(5);
    gone.abort();
    await settled;
    for (const each of phones) each.close();
  });

  test('learns of no device before Exchange has accepted its credential', async () => {
    for (let i = 0; i < 20; i++) {
      const authorization = basic('alice@example.com', 'wrong');
      expect((await phone.send({ command: 'FolderSync', deviceId: `guess${i}`, authorization })).status).toBe(
        401,
      );
    }
    expect(gateway.pipeline.status()).toMatchObject({ devicesSeen: 0, devicesByVersion: {} });
    await phone.send({ command: 'FolderSync', deviceId: 'real', authorization: ALICE });
    await phone.send({ command: 'Settings', deviceId: 'real', authorization: ALICE });
    expect(gateway.pipeline.status()).toMatchObject({ devicesSeen: 1, devicesByVersion: { '14.1': 1 } });
    const headers = [['MS-ASProtocolVersion', '16.1']] as const;
    await phone.send({ command: 'FolderSync', deviceId: 'real', authorization: ALICE, headers });
    expect(gateway.pipeline.status()).toMatchObject({
      devicesSeen: 1,
      devicesByVersion: { '14.1': 1, '16.1': 1 },
    });
  });

  test('tells of requests that were no HTTP for us', async () => {
    const answer = await phone.send({ command: 'Sync', authorization: ALICE, headers: [['Host', 'second']] });
    expect(answer.status).toBe(400);
    await gateway.until(() => gateway.records.length > 0);
    expect(gateway.records.at(-1)).toMatchObject({
      method: '',
      code: 400,
      reason: 'BadHost',
      listener: 'phones',
    });
  });
});
