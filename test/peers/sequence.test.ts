// A phone straight at the simulated Exchange: the whole sequence of an account, in every version and both encodings.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CertificateAuthority } from './certificates.ts';
import { Exchange } from './exchange/exchange.ts';
import { attachmentDigest } from './exchange/mailbox.ts';
import { Phone, type PhoneOptions } from './phone/phone.ts';

describe('a phone at the simulated Exchange', () => {
  let authority: CertificateAuthority;
  let exchange: Exchange;
  const phones: Phone[] = [];

  beforeEach(async () => {
    authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      users: [
        { name: 'alice@example.com', password: 'secret' },
        { name: 'bob@example.com', password: 'other' },
      ],
    });
  });
  afterEach(() => {
    for (const phone of phones.splice(0)) phone.close();
    exchange.close();
  });

  function phoneOf(options: Partial<PhoneOptions> = {}): Phone {
    const phone = new Phone({
      url: exchange.frontEnd().url,
      ca: authority.certificate,
      user: 'alice@example.com',
      password: 'secret',
      ...options,
    });
    phones.push(phone);
    return phone;
  }

  it.each([
    ['16.1', 'plain'],
    ['16.1', 'base64'],
    ['14.1', 'plain'],
    ['14.0', 'base64'],
    ['12.1', 'plain'],
    ['12.1', 'base64'],
  ] as const)(
    'goes from OPTIONS to a Ping that mail wakes in version %s with a %s query',
    async (protocolVersion, query) => {
      const phone = phoneOf({ protocolVersion, query });
      expect((await phone.options()).versions).toContain(protocolVersion);
      await phone.folderSync();
      expect(phone.policyKey).toBeGreaterThan(0);
      exchange.organisation.deliver('alice@example.com', { subject: 'first' });
      expect((await phone.sync()).added.map(({ subject }) => subject)).toEqual(['first']);
      const ping = phone.ping(470);
      await exchange.organisation.journal.until(({ openPolls }) => openPolls.length === 1);
      exchange.organisation.deliver('alice@example.com', { subject: 'second', body: 'Grüße' });
      expect(await ping).toEqual({ kind: 'changed', folderIds: [phone.inbox] });
      expect((await phone.sync()).added.map(({ subject, body }) => [subject, body])).toEqual([
        ['second', 'Grüße'],
      ]);
      await phone.sendMail({ to: 'bob@example.com', subject: 'hello', body: 'Bob' });
      expect(exchange.organisation.mailboxOf('bob@example.com')?.inbox.items.size).toBe(1);
      expect(exchange.organisation.journal.sentMail).toMatchObject([{ subject: 'hello', duplicate: false }]);
      expect(exchange.violations).toEqual([]);
      expect(phone.report.summary()).toMatchObject({
        lost: 0,
        unavailable: 0,
        mailReceived: 2,
        mailSent: 1,
        provisionings: 1,
      });
    },
  );

  it('is told of changes made elsewhere, and makes some of its own', async () => {
    const phone = phoneOf();
    await phone.folderSync();
    const { serverId } = exchange.organisation.deliver('alice@example.com', { subject: 'one' });
    exchange.organisation.deliver('alice@example.com', { subject: 'two' });
    await phone.sync();
    await phone.markRead(serverId);
    const mailbox = exchange.organisation.mailboxOf('alice@example.com');
    expect(mailbox?.inbox.items.get(serverId)?.read).toBe(true);
    await phone.deleteMail(serverId);
    expect(mailbox?.inbox.items.has(serverId)).toBe(false);
    expect(mailbox?.deletedItems.items.size).toBe(1);
    expect(await phone.estimate()).toBe(0);
    if (mailbox) mailbox.delete(mailbox.inbox, [...mailbox.inbox.items.keys()][0] ?? '');
    expect(await phone.estimate()).toBe(1);
    expect((await phone.sync()).deleted).toHaveLength(1);
    expect(exchange.violations).toEqual([]);
  });

  it('takes a large folder in windows', async () => {
    const phone = phoneOf();
    await phone.folderSync();
    for (let count = 0; count < 25; count += 1)
      exchange.organisation.deliver('alice@example.com', { subject: `${count}` });
    expect((await phone.sync(phone.inbox, { window: 10 })).added).toHaveLength(25);
    expect(phone.report.summary()).toMatchObject({ mailReceived: 25, mailDoubled: 0 });
  });

  it('fetches attachments inline and as multipart', async () => {
    const phone = phoneOf();
    await phone.folderSync();
    exchange.organisation.deliver('alice@example.com', { subject: 'large', attachmentBytes: [200_000] });
    const [mail] = (await phone.sync()).added;
    const attachment = mail?.attachments[0];
    expect(attachment?.bytes).toBe(200_000);
    const found = exchange.organisation
      .mailboxOf('alice@example.com')
      ?.findAttachment(attachment?.fileReference ?? '');
    if (!attachment || !found) throw new Error('no attachment');
    const bytes = await phone.fetchAttachment(attachment.fileReference);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(attachmentDigest(found));
    const multipart = await phone.fetchMultipart(attachment.fileReference);
    const part = multipart.body.subarray(multipart.body.readUInt32LE(12));
    expect(multipart.header('content-type')).toBe('application/vnd.ms-sync.multipart');
    expect(createHash('sha256').update(part).digest('hex')).toBe(attachmentDigest(found));
    expect(exchange.violations).toEqual([]);
  });

  it('searches, moves, answers, forwards and asks for settings', async () => {
    const phone = phoneOf();
    await phone.folderSync();
    const { serverId } = exchange.organisation.deliver('alice@example.com', { subject: 'needle' });
    await phone.sync();
    expect(await phone.search('needle')).toEqual([serverId]);
    expect(await phone.settings()).toBe('alice@example.com');
    await phone.smartSend('SmartReply', serverId, { to: 'bob@example.com' });
    await phone.smartSend('SmartForward', serverId, { to: 'bob@example.com' });
    const sent = phone.folders.find(({ name }) => name === 'Drafts');
    expect(await phone.moveMail(serverId, phone.inbox, sent?.id ?? '')).toMatch(/^4:/);
    expect(exchange.organisation.journal.sentMail.map(({ command, subject }) => [command, subject])).toEqual([
      ['SmartReply', 'Re: needle'],
      ['SmartForward', 'Fwd: needle'],
    ]);
    expect(exchange.violations).toEqual([]);
  });
});
