// A gateway that was told to step out sends its phones elsewhere; nothing of theirs is lost.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { Phone } from '../../peers/phone/phone.ts';
import { Report } from '../../peers/phone/report.ts';
import { GatewayProcess } from './gateway-process.ts';
import { sketchSnapshot } from './snapshot-sketch.ts';
import { connectTls, exchangeHead } from './tls-client.ts';

const HOST = 'sentry.example.com';
const ALICE = 'alice@example.com';

test('open polls end as if nothing had happened, answers close their connection, and all of it ends with the order', async () => {
  const authority = await CertificateAuthority.create();
  const credentials = await authority.issue({ names: [HOST] });
  using exchange = await Exchange.start({
    authority,
    frontEnds: { mbx1: 0 },
    users: [{ name: ALICE, password: 'secret' }],
  });
  const servers = [{ name: 'mbx1', url: exchange.frontEnd('mbx1').url }];
  await using gateway = await GatewayProcess.start({
    content: sketchSnapshot({
      listeners: [{ credentials: [credentials] }],
      routes: [{ servers, ca: authority.certificate }],
    }),
  });
  const phone = new Phone({
    url: `https://${HOST}:${gateway.port}`,
    hosts: { [HOST]: '127.0.0.1' },
    ca: [authority.certificate],
    user: ALICE,
    password: 'secret',
  });
  await phone.folderSync();
  await phone.sync();
  const ping = phone.ping(3540);
  await exchange.organisation.journal.until(({ openPolls }) => openPolls.length === 1);
  const raw = await connectTls({ port: gateway.port, servername: HOST, ca: authority.certificate });
  expect(await exchangeHead(raw)).not.toMatch(/connection: close/i);

  const expires = new Date(Date.now() + 50_000).toISOString();
  await writeFile(
    join(gateway.folder, 'step-out'),
    JSON.stringify({ reason: 'mbx1 is out of reach', expires }),
  );
  expect((await gateway.probe('/readyz')).status).toBe(503);
  expect(await ping).toMatchObject({ kind: 'expired' });
  expect(await exchangeHead(raw)).toMatch(/connection: close/i);
  const late = await connectTls({ port: gateway.port, servername: HOST, ca: authority.certificate });
  expect(await exchangeHead(late)).toMatch(/connection: close/i);

  await rm(join(gateway.folder, 'step-out'));
  expect((await gateway.probe('/readyz')).status).toBe(200);
  const back = await connectTls({ port: gateway.port, servername: HOST, ca: authority.certificate });
  expect(await exchangeHead(back)).not.toMatch(/connection: close/i);
  const next = phone.ping(3540);
  await exchange.organisation.journal.until(({ openPolls }) => openPolls.length === 1);
  exchange.organisation.deliver(ALICE, { subject: 'after it' });
  expect(await next).toMatchObject({ kind: 'changed' });
  expect(phone.report.summary()).toMatchObject({ lost: 0, unavailable: 0 });
  phone.close();
  back.destroy();
});

test('a request that waits for a server that is down is answered at once, and one whose server answers goes on', async () => {
  const authority = await CertificateAuthority.create();
  const credentials = await authority.issue({ names: [HOST] });
  const users = [
    { name: ALICE, password: 'secret' },
    { name: 'bob@example.org', password: 'secret' },
  ];
  using exchange = await Exchange.start({ authority, frontEnds: { mbx1: 0, mbx2: 0 }, users });
  const route = (name: string, domain: string) => ({
    name: `to-${name}`,
    match: { domains: [domain] },
    servers: [{ name, url: exchange.frontEnd(name).url }],
    ca: authority.certificate,
  });
  await using gateway = await GatewayProcess.start({
    content: sketchSnapshot({
      listeners: [{ credentials: [credentials] }],
      routes: [route('mbx1', 'example.com'), route('mbx2', 'example.org')],
    }),
  });
  const report = new Report();
  const [alice, bob] = users.map(
    ({ name, password }) =>
      new Phone({
        url: `https://${HOST}:${gateway.port}`,
        hosts: { [HOST]: '127.0.0.1' },
        ca: [authority.certificate],
        user: name,
        password,
        report,
      }),
  ) as [Phone, Phone];
  for (const phone of [alice, bob]) {
    await phone.folderSync();
    await phone.sync();
  }
  const { faults, journal } = exchange.organisation;
  faults.add({ match: { command: 'SendMail' }, action: { kind: 'hang' } });
  faults.add({ match: { command: 'FolderSync' }, action: { kind: 'delay', milliseconds: 15_000 } });
  const mail = { to: 'outside@elsewhere.example', subject: 'waits in vain' };
  const sent = alice.sendMail(mail).catch((error: unknown) => error);
  const slow = bob.folderSync();
  await journal.until(
    ({ requests }) => requests.filter(({ command }) => command === 'SendMail').length === 1,
  );
  faults.add({ match: { frontEnd: 'mbx1' }, action: { kind: 'answer', status: 500 } });
  await gateway.until(async () => (await gateway.report()).servers[0]?.reachable === false);
  const expires = new Date(Date.now() + 50_000).toISOString();
  await writeFile(
    join(gateway.folder, 'step-out'),
    JSON.stringify({ reason: 'mbx1 is out of reach', expires }),
  );
  expect((await gateway.probe('/readyz')).status).toBe(503);
  expect(await sent).toMatchObject({ status: 503, unavailable: true });
  await slow;
  expect(report.summary()).toMatchObject({ lost: 0, unavailable: 1 });
  for (const phone of [alice, bob]) phone.close();
});

test('the report tells a server that does not answer from one that is only not healthy yet', async () => {
  const authority = await CertificateAuthority.create();
  const credentials = await authority.issue({ names: [HOST] });
  using exchange = await Exchange.start({ authority, frontEnds: { mbx1: 0 }, users: [] });
  const { url } = exchange.frontEnd('mbx1');
  await using gateway = await GatewayProcess.start({
    content: sketchSnapshot({
      listeners: [{ credentials: [credentials] }],
      routes: [{ servers: [{ name: 'mbx1', url }], ca: authority.certificate }],
    }),
  });
  const server = async () => (await gateway.report()).servers[0];
  expect(await server()).toMatchObject({ healthy: true, reachable: true });
  exchange.frontEnd('mbx1').kill();
  await gateway.until(async () => (await server())?.reachable === false);
  expect(await server()).toMatchObject({ healthy: false });
  await exchange.frontEnd('mbx1').serve();
  await gateway.until(async () => (await server())?.reachable === true);
  await gateway.until(async () => (await server())?.healthy === true);
});
