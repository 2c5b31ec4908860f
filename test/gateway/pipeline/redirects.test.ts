// Mailboxes that moved: two organisations, the old one redirects (451) to the new one.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import type { HttpAnswer } from '../../peers/phone/http-connection.ts';
import type { RouteSketch } from '../shell/snapshot-sketch.ts';
import { GatewayFixture, HOSTNAME } from './gateway-fixture.ts';
import { basic, PATH, RawPhone, unsignedToken } from './raw-phone.ts';

const ALICE = 'alice@example.com';
const ROUTE = 'default/example-com';

describe('a mailbox that moved', () => {
  let authority: CertificateAuthority;
  let old: Exchange;
  let online: Exchange;
  let gateway: GatewayFixture;
  let phone: RawPhone;

  beforeEach(async () => {
    authority = await CertificateAuthority.create();
    const users = [ALICE, 'bob@example.com'].map((name) => ({ name, password: 'secret' }));
    [old, online] = await Promise.all([
      Exchange.start({ authority, users }),
      Exchange.start({ authority, users }),
    ]);
    old.organisation.faults.add({ match: { user: ALICE }, action: moved(online.frontEnd().url) });
  });

  afterEach(async () => {
    phone.close();
    await gateway.stop();
    old.close();
    online.close();
  });

  const moved = (url: string) => ({
    kind: 'answer' as const,
    status: 451,
    headers: [['X-MS-Location', `${url}${PATH}`] as const],
  });
  const onlineHost = (): string => new URL(online.frontEnd().url).host;
  const start = async (redirects: RouteSketch['redirects'] = {}): Promise<void> => {
    gateway = await GatewayFixture.start({
      authority,
      routes: [{ servers: [{ name: 'mbx1', url: old.frontEnd().url }], redirects }],
    });
    phone = new RawPhone(gateway);
  };
  const ask = (authorization = basic(ALICE), command = 'FolderSync', user = ALICE): Promise<HttpAnswer> =>
    phone.send({ command, user, authorization });
  /** Commands that reached it: no probes. */
  const askedAt = ({ organisation }: Exchange) =>
    organisation.journal.requests.filter(({ method }) => method === 'POST');
  const last = () => gateway.records.at(-1);
  const countedUsers = () => gateway.pipeline.status().redirects;

  test('is found at once by a redirect that names the gateway, and asked for at the new server from then on', async () => {
    await start({ allowedHosts: [onlineHost()], allowBasicCredentials: true });
    const answer = await ask();
    expect(answer.status).toBe(451);
    expect(answer.header('x-ms-location')).toBe(`https://${HOSTNAME}:${new URL(gateway.url).port}${PATH}`);
    expect(last()).toMatchObject({ server: 'mbx1', redirect: 'rewritten' });
    expect((await ask()).status).toBe(200);
    expect(last()).toMatchObject({ server: onlineHost(), route: ROUTE });
    expect(countedUsers()).toEqual([{ route: ROUTE, moved: 1, stuck: 0 }]);
    await ask(basic('bob@example.com'), 'FolderSync', 'bob@example.com');
    expect(last()).toMatchObject({ server: 'mbx1' });
  });

  test('is followed with the body of the request, and the phone sees nothing of it', async () => {
    await start({ policy: 'Follow', allowedHosts: [onlineHost()], allowBasicCredentials: true });
    expect((await ask()).status).toBe(200);
    expect(last()).toMatchObject({ server: onlineHost(), redirect: 'followed', code: 200 });
    const journal = askedAt(online).at(-1);
    expect(journal).toMatchObject({ command: 'FolderSync' });
    await ask();
    expect(askedAt(old).length).toBe(1);
  });

  test('is followed once for a request, also where two servers send it to each other', async () => {
    await start();
    const third = await Exchange.start({ authority, users: [] });
    const thirdHost = new URL(third.frontEnd().url).host;
    const servers = [{ name: 'mbx1', url: old.frontEnd().url }];
    const redirects = {
      policy: 'Follow' as const,
      allowedHosts: [onlineHost(), thirdHost],
      allowBasicCredentials: true as const,
    };
    gateway.apply([{ servers, redirects }]);
    online.organisation.faults.add({ match: { user: ALICE }, action: moved(third.frontEnd().url) });
    third.organisation.faults.add({ match: { user: ALICE }, action: moved(online.frontEnd().url) });
    for (let n = 0; n < 3; n++) {
      const answer = await ask();
      expect(answer.status).toBe(451);
      expect(answer.header('x-ms-location')).toContain(HOSTNAME);
    }
    expect(askedAt(online).length + askedAt(third).length).toBeLessThanOrEqual(6);
    third.close();
  });

  test('is left to the phone where the route passes redirects', async () => {
    await start({ policy: 'Pass' });
    const answer = await ask();
    expect(answer.header('x-ms-location')).toBe(`${online.frontEnd().url}${PATH}`);
    expect(last()).toMatchObject({ redirect: 'passed' });
    expect(countedUsers()).toEqual([]);
  });

  test('is not followed to a host that the route does not allow, and its user is counted', async () => {
    await start({ policy: 'Follow', allowedHosts: ['outlook.office365.com'], allowBasicCredentials: true });
    for (let n = 0; n < 2; n++) {
      const answer = await ask();
      expect(answer.status).toBe(451);
      expect(answer.header('x-ms-location')).toContain(HOSTNAME);
      expect(last()).toMatchObject({ server: 'mbx1', redirect: 'host-refused' });
    }
    expect(countedUsers()).toEqual([{ route: ROUTE, moved: 0, stuck: 1 }]);
    expect(askedAt(online)).toEqual([]);
  });

  test('never gets a password of its user unless the route allows it', async () => {
    await start({ policy: 'Follow', allowedHosts: [onlineHost()] });
    for (let n = 0; n < 2; n++) {
      expect((await ask()).status).toBe(451);
      expect(last()).toMatchObject({ server: 'mbx1', redirect: 'basic-refused' });
    }
    expect(countedUsers()).toEqual([{ route: ROUTE, moved: 0, stuck: 1 }]);
    expect(askedAt(online)).toEqual([]);
  });

  test('costs a user with a token one 401 and one new sign-in', async () => {
    await start({ policy: 'Follow', allowedHosts: [onlineHost()] });
    const [first, second] = [1, 2].map((jti) => unsignedToken({ upn: ALICE, jti }));
    const answer = await ask(first);
    expect(answer.status).toBe(401);
    expect(answer.header('www-authenticate')).toBeDefined();
    expect(last()).toMatchObject({ server: onlineHost(), redirect: 'followed' });
    online.organisation.faults.add({ match: { user: ALICE }, action: { kind: 'answer', status: 200 } });
    expect((await ask(second)).status).toBe(200);
    expect(last()).toMatchObject({ server: onlineHost() });
    expect(askedAt(old).length).toBe(1);
    expect(countedUsers()).toEqual([{ route: ROUTE, moved: 1, stuck: 0 }]);
  });

  test('is forgotten when the new server refuses the password that the old one took', async () => {
    await start({ allowedHosts: [onlineHost()], allowBasicCredentials: true });
    await ask();
    online.organisation.faults.add({ match: { user: ALICE }, action: { kind: 'answer', status: 401 } });
    expect((await ask()).status).toBe(401);
    expect(last()).toMatchObject({ server: onlineHost(), redirect: 'refused' });
    expect(countedUsers()).toEqual([{ route: ROUTE, moved: 0, stuck: 1 }]);
    await ask();
    expect(last()).toMatchObject({ server: 'mbx1' });
  });

  test('is forgotten when the new server sends the user back', async () => {
    await start({ allowedHosts: [onlineHost()], allowBasicCredentials: true });
    await ask();
    await ask();
    online.organisation.faults.add({ match: { user: ALICE }, action: moved(old.frontEnd().url) });
    const answer = await ask();
    expect(answer.header('x-ms-location')).toContain(HOSTNAME);
    expect(countedUsers()).toEqual([{ route: ROUTE, moved: 0, stuck: 1 }]);
    old.organisation.faults.remove();
    await ask();
    expect(last()).toMatchObject({ server: 'mbx1' });
    expect((await phone.send({ method: 'OPTIONS', authorization: basic(ALICE) })).status).toBe(200);
    expect(countedUsers()).toEqual([]);
  });

  test('teaches nothing where nobody signed in', async () => {
    await start({ policy: 'Follow', allowedHosts: [onlineHost()], allowBasicCredentials: true });
    old.organisation.faults.remove();
    old.organisation.faults.add({ action: moved(online.frontEnd().url) });
    const anonymous = await phone.send({ command: 'FolderSync', user: ALICE });
    expect(anonymous.status).toBe(451);
    expect(last()).toMatchObject({ server: 'mbx1', redirect: 'contained' });
    await ask('Bearer opaque');
    expect(last()).toMatchObject({ server: 'mbx1', redirect: 'contained' });
    expect(countedUsers()).toEqual([]);
    expect(askedAt(online)).toEqual([]);
  });

  test('of a forged name does not lead the real user away', async () => {
    await start({ allowedHosts: [onlineHost()], allowBasicCredentials: true });
    old.organisation.faults.remove();
    expect((await phone.send({ method: 'OPTIONS', authorization: basic(ALICE) })).status).toBe(200);
    old.organisation.faults.add({ match: { command: 'Search' }, action: moved(online.frontEnd().url) });
    const forger = new RawPhone(gateway);
    const forged = await forger.send({ command: 'Search', authorization: unsignedToken({ upn: ALICE }) });
    expect(forged.status).toBe(451);
    forger.close();
    await ask();
    expect(last()).toMatchObject({ server: 'mbx1' });
  });

  test('keeps its connections over a change of the configuration, and loses them when its host is no longer allowed', async () => {
    await start({ allowedHosts: [onlineHost()], allowBasicCredentials: true });
    await ask();
    await ask();
    const servers = [{ name: 'mbx1', url: old.frontEnd().url }];
    const redirects = {
      allowedHosts: [onlineHost(), 'other.example.com'],
      allowBasicCredentials: true as const,
    };
    gateway.apply([{ servers, redirects }]);
    await ask();
    expect(last()).toMatchObject({ server: onlineHost() });
    gateway.apply([{ servers }]);
    await ask();
    expect(last()).toMatchObject({ server: 'mbx1', redirect: 'host-refused' });
  });

  test('has its mail sent there too, once, while the body is still coming', async () => {
    await start({ policy: 'Follow', allowedHosts: [onlineHost()], allowBasicCredentials: true });
    old.organisation.faults.remove();
    old.organisation.faults.add({
      match: { user: ALICE },
      action: {
        kind: 'early-answer',
        status: 451,
        headers: [['X-MS-Location', `${online.frontEnd().url}${PATH}`]],
      },
    });
    const answer = await phone.send({ command: 'SendMail', authorization: basic(ALICE), body: slowly() });
    expect(answer.status).not.toBe(451);
    expect(last()).toMatchObject({ server: onlineHost(), redirect: 'followed', bytesIn: 5 });
    expect(askedAt(online).length).toBe(1);
  });

  test('is asked for anew by the phone where the request was too long to be sent again', async () => {
    await start({ policy: 'Follow', allowedHosts: [onlineHost()], allowBasicCredentials: true });
    const body = Buffer.alloc(100_000, 7);
    const answer = await phone.send({ command: 'SendMail', authorization: basic(ALICE), body });
    expect(answer.status).toBe(451);
    expect(answer.header('x-ms-location')).toContain(HOSTNAME);
    expect(last()).toMatchObject({ redirect: 'rewritten' });
    expect(askedAt(online)).toEqual([]);
    await phone.send({ command: 'SendMail', authorization: basic(ALICE), body });
    expect(last()).toMatchObject({ server: onlineHost() });
  });
});

async function* slowly(): AsyncGenerator<Buffer> {
  for (const byte of [1, 2, 3, 4, 5]) {
    yield Buffer.of(byte);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
