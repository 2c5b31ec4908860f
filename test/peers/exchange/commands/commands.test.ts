// Commands that phones seldom send: folders of users' own, invitations, certificates, Find, GetAttachment.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertificateAuthority } from '../../certificates.ts';
import { COMMANDS } from '../../phone/clients/commands.ts';
import { Phone } from '../../phone/phone.ts';
import { element, find, textOf, type Element } from '../../wbxml/element.ts';
import { Exchange } from '../exchange.ts';
import { attachmentDigest } from '../mailbox.ts';
import { handlers } from './command-table.ts';
import { createHash } from 'node:crypto';

const user = 'alice@example.com';

describe('the simulated Exchange', () => {
  let exchange: Exchange;
  let phone: Phone;
  let authority: CertificateAuthority;

  beforeAll(async () => {
    authority = await CertificateAuthority.create();
    exchange = await Exchange.start({ authority, kind: '2019', users: [{ name: user, password: 'secret' }] });
    phone = phoneOf('16.1');
    await phone.folderSync();
  });
  afterAll(() => {
    phone.close();
    exchange.close();
  });

  function phoneOf(protocolVersion: string): Phone {
    const { url } = exchange.frontEnd();
    return new Phone({ url, ca: authority.certificate, user, password: 'secret', protocolVersion });
  }

  async function ask(command: string, content: Element): Promise<Element> {
    const { document } = await phone.send({ command, content });
    if (!document) throw new Error(`${command} without a document`);
    return document;
  }

  it('carries out all commands', () => {
    expect(Object.keys(handlers).toSorted()).toEqual(COMMANDS.toSorted());
  });

  it('makes, renames and deletes folders, and tells other devices', async () => {
    const other = phoneOf('16.1');
    await other.folderSync();
    let key = exchange.organisation.devicesOf(user)[0]?.folderSyncKey ?? '';
    const change = async (
      command: 'FolderCreate' | 'FolderDelete' | 'FolderUpdate',
      ...children: Element[]
    ) => {
      const root = await ask(
        command,
        element(`FolderHierarchy:${command}`, element('FolderHierarchy:SyncKey', key), ...children),
      );
      key = textOf(root, 'FolderHierarchy:SyncKey') ?? key;
      return root;
    };
    const parent = element('FolderHierarchy:ParentId', '0');
    const name = (text: string): Element => element('FolderHierarchy:DisplayName', text);
    const type = element('FolderHierarchy:Type', 12);
    const made = await change('FolderCreate', parent, name('Projekte'), type);
    const id = textOf(made, 'FolderHierarchy:ServerId') ?? '';
    expect(
      textOf(await change('FolderCreate', parent, name('Projekte'), type), 'FolderHierarchy:Status'),
    ).toBe('2');
    expect((await other.folderSync()).map((folder) => folder.name)).toContain('Projekte');
    const serverId = element('FolderHierarchy:ServerId', id);
    expect(
      textOf(await change('FolderUpdate', serverId, parent, name('Alt')), 'FolderHierarchy:Status'),
    ).toBe('1');
    expect(textOf(await change('FolderDelete', serverId), 'FolderHierarchy:Status')).toBe('1');
    expect(textOf(await change('FolderDelete', serverId), 'FolderHierarchy:Status')).toBe('4');
    const inbox = element('FolderHierarchy:ServerId', phone.inbox);
    expect(textOf(await change('FolderDelete', inbox), 'FolderHierarchy:Status')).toBe('3');
    key = 'wrong';
    expect(textOf(await change('FolderDelete', serverId), 'FolderHierarchy:Status')).toBe('9');
    other.close();
  });

  it('finds mail, takes an invitation out of the inbox and looks at certificates', async () => {
    const { serverId } = exchange.organisation.deliver(user, { subject: 'Einladung zur Sitzung' });
    const criterion = element(
      'Find:MailBoxSearchCriterion',
      element('Find:Query', element('Find:FreeText', 'sitzung')),
    );
    const found = await ask(
      'Find',
      element('Find:Find', element('Find:SearchId', 's1'), element('Find:ExecuteSearch', criterion)),
    );
    expect(textOf(found, 'Find:Response', 'Find:Result', 'AirSync:ServerId')).toBe(serverId);
    const accept = element(
      'MeetingResponse:MeetingResponse',
      element(
        'MeetingResponse:Request',
        element('MeetingResponse:UserResponse', 1),
        element('MeetingResponse:CollectionId', phone.inbox),
        element('MeetingResponse:RequestId', serverId),
      ),
    );
    const status = async (): Promise<string | undefined> =>
      textOf(await ask('MeetingResponse', accept), 'MeetingResponse:Result', 'MeetingResponse:Status');
    expect([await status(), await status()]).toEqual(['1', '2']);
    const checked = await ask(
      'ValidateCert',
      element(
        'ValidateCert:ValidateCert',
        element('ValidateCert:Certificates', element('ValidateCert:Certificate', 'MAA=')),
      ),
    );
    expect(textOf(find(checked, 'ValidateCert:Certificate'), 'ValidateCert:Status')).toBe('1');
  });

  it('gives an attachment by GetAttachment up to 12.1, and no longer', async () => {
    const { attachments } = exchange.organisation.deliver(user, { subject: 'x', attachmentBytes: [70_000] });
    const [attachment] = attachments;
    if (!attachment) throw new Error('no attachment');
    const old = phoneOf('12.1');
    await old.folderSync();
    const hash = createHash('sha256');
    const parameters = { AttachmentName: attachment.fileReference };
    await old.send({
      command: 'GetAttachment',
      parameters,
      onBody: (piece) => {
        hash.update(piece);
      },
    });
    expect(hash.digest('hex')).toBe(attachmentDigest(attachment));
    await expect(phone.send({ command: 'GetAttachment', parameters })).rejects.toMatchObject({ status: 500 });
    old.close();
    expect(exchange.violations).toEqual([]);
  });
});
