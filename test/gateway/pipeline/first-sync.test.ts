// A phone's whole day through the gateway, judged by the simulated Exchange.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { Phone } from '../../peers/phone/phone.ts';
import { GatewayFixture } from './gateway-fixture.ts';

describe('a phone behind the gateway', () => {
  let exchange: Exchange;
  let gateway: GatewayFixture;

  beforeAll(async () => {
    const authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0, mbx2: 0 },
      users: [
        { name: 'alice@example.com', password: 'secret' },
        { name: 'bob@example.com', password: 'secret' },
      ],
      timeScale: 0.01,
    });
    const servers = ['mbx1', 'mbx2'].map((name) => ({ name, url: exchange.frontEnd(name).url }));
    gateway = await GatewayFixture.start({ authority, routes: [{ servers }] });
  });

  afterAll(async () => {
    await gateway.stop();
    exchange.close();
  });

  test.each(['plain', 'base64'] as const)(
    'provisions, syncs, polls and sends mail with a %s query',
    async (query) => {
      const phone = new Phone({ ...gateway.forPhones, user: 'alice@example.com', password: 'secret', query });
      expect((await phone.options()).versions).toContain('16.1');
      await phone.folderSync();
      await phone.sync();
      expect(await phone.ping(60)).toEqual({ kind: 'expired' });
      const poll = phone.ping(3540);
      await exchange.organisation.journal.until(({ openPolls }) => openPolls.length === 1);
      exchange.organisation.deliver('alice@example.com', { subject: `hello ${query}`, body: 'x' });
      expect(await poll).toMatchObject({ kind: 'changed' });
      await phone.sync();
      expect([...phone.mail.values()].map(({ subject }) => subject)).toContain(`hello ${query}`);
      await phone.sendMail({ to: 'bob@example.com', subject: `to bob ${query}`, body: 'x' });
      await phone.syncWait(60);
      phone.close();
      const sent = exchange.organisation.journal.sentMail.filter(
        ({ subject }) => subject === `to bob ${query}`,
      );
      expect(sent).toHaveLength(1);
      expect(phone.report.summary()).toMatchObject({ lost: 0, unavailable: 0 });
      expect(exchange.violations).toEqual([]);
    },
  );

  test('is told of in records that name command, version, route and server', async () => {
    await gateway.until(() => gateway.records.some(({ command }) => command === 'SendMail'));
    const ping = gateway.records.find(({ command }) => command === 'Ping');
    expect(ping).toMatchObject({
      listener: 'phones',
      method: 'POST',
      version: '16.1',
      code: 200,
      route: 'default/example-com',
      server: 'mbx1',
      reason: '',
      poll: true,
      heartbeatSeconds: 60,
      replays: 0,
      identityMismatch: false,
      user: 'alice@example.com',
      clientAddress: '127.0.0.1',
    });
    expect(gateway.pipeline.status()).toMatchObject({ openPolls: 0, devicesSeen: 2 });
  });
});
