// SOGo, an ActiveSync server of another origin: a phone behind the gateway is answered what a phone without it is answered.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import * as requests from '../../peers/phone/requests.ts';
import { element } from '../../peers/wbxml/element.ts';
import { GatewayProcess } from '../shell/gateway-process.ts';
import { sketchSnapshot } from '../shell/snapshot-sketch.ts';
import { PASSWORD } from './mail-store.ts';
import { SogoPhone } from './sogo-phone.ts';
import { SogoServer } from './sogo-server.ts';
import { Twins } from './twins.ts';

const CASES = [
  { user: 'alice', version: '14.1', query: 'plain' },
  { user: 'bob', version: '14.1', query: 'base64' },
  { user: 'carol', version: '12.1', query: 'plain' },
] as const;

let authority: CertificateAuthority;
let sogo: SogoServer;
let gateway: GatewayProcess;

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  sogo = await SogoServer.start({
    credentials: await authority.issue({ names: ['localhost'] }),
    users: CASES.map(({ user }) => user),
    domain: 'example.com',
  });
  const content = sketchSnapshot({
    listeners: [{ credentials: [await authority.issue({ names: ['sentry.example.com'] })] }],
    routes: [
      { ca: authority.certificate, servers: [{ name: 'sogo', url: `https://localhost:${sogo.port}` }] },
    ],
  });
  gateway = await GatewayProcess.start({ content });
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await sogo?.[Symbol.asyncDispose]();
});

test.concurrent.for(CASES)(
  'SOGo is the same through the gateway and direct: $version, $query queries',
  async (one) => {
    const address = `${one.user}@example.com`;
    const deliver = (subject: string) =>
      sogo.mail.deliver({ from: 'dave@example.com', to: address, subject, text: `the body of ${subject}` });
    await deliver('first');
    await sogo.mail.countChanges(one.user, 'INBOX');
    const twins = twinsOf(address, one);

    const offer = await twins.ask((phone) => phone.offer());
    expect(offer.answer.header('ms-asprotocolversions')).toBe('2.5,12.0,12.1,14.0,14.1');
    const refused = await twins.ask((phone) => phone.offer('wrong'));
    expect([refused.answer.status, refused.answer.header('www-authenticate')]).toEqual([
      401,
      'basic realm="SOGo"',
    ]);
    const noDocument = await twins.ask((phone) => phone.send('FolderSync', Buffer.from('no WBXML')));
    expect(noDocument.answer.status).toBeGreaterThanOrEqual(400);

    const policy = await twins.ask((phone) => phone.send('Provision', requests.policyRequest(undefined)));
    expect(policy.xml).toContain('<PolicyType>MS-EAS-Provisioning-WBXML</PolicyType>');
    const folders = await twins.ask((phone) => phone.send('FolderSync', requests.folderSyncRequest('0')));
    const inbox = idOfInbox(folders.xml);

    let key = '0';
    /** Until there is nothing new, as phones do; the documents that were not empty. */
    const sync = async (): Promise<string[]> => {
      const documents: string[] = [];
      for (;;) {
        const document = requests.syncRequest([{ id: inbox, key }], {});
        const { xml } = await twins.ask((phone) => phone.send('Sync', document));
        if (xml === '') return documents;
        documents.push(xml);
        key = textOf(xml, 'SyncKey');
      }
    };
    expect(subjectsOf(await sync())).toEqual(['first']);

    const ping = requests.pingRequest(60, [inbox]);
    const woken = await twins.askTogether(
      (phone) => phone.send('Ping', ping),
      async () => {
        await bothPollsAreOpen(one.user);
        await deliver('second');
      },
    );
    expect(textOf(woken.xml, 'Status')).toBe('2');
    expect(subjectsOf(await sync())).toEqual(['second']);

    const long = 'a line of a long mail\r\n'.repeat(10_000);
    const mime = Buffer.from(
      `From: ${address}\r\nTo: ${address}\r\nSubject: sent\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n${long}`,
    );
    const sent = await twins.ask((phone) =>
      one.version === '12.1'
        ? phone.send('SendMail', mime, 'message/rfc822')
        : phone.send('SendMail', requests.composeRequest('SendMail', 'mail-1', mime)),
    );
    expect([sent.answer.status, sent.answer.body.length]).toEqual([200, 0]);
    const arrived = await sync();
    expect(subjectsOf(arrived)).toEqual(['sent', 'sent']);

    const serverId = textOf(arrived.at(0) ?? '', 'ServerId');
    const whole = await twins.ask((phone) => phone.send('ItemOperations', wholeMail(inbox, serverId)));
    expect(whole.answer.body.length).toBeGreaterThan(long.length);
    await twins.ask((phone) => phone.send('GetItemEstimate', requests.estimateRequest(inbox, key)));
    twins.close();
  },
);

function twinsOf(user: string, { version, query }: (typeof CASES)[number]): Twins {
  const common = { ca: authority.certificate, user, password: PASSWORD, version, query };
  const direct = { origin: `https://localhost:${sogo.port}`, hosts: { localhost: '127.0.0.1' } };
  const through = {
    origin: `https://sentry.example.com:${gateway.port}`,
    hosts: { 'sentry.example.com': '127.0.0.1' },
  };
  return new Twins(
    new SogoPhone({ ...common, ...direct, deviceId: 'DIRECT' }),
    new SogoPhone({ ...common, ...through, deviceId: 'THROUGH' }),
  );
}

async function bothPollsAreOpen(user: string): Promise<void> {
  while (sogo.pollsOf(user) < 2) await sleep(20);
}

/** The folder of type 2 (MS-ASCMD 2.2.3.187.3). */
function idOfInbox(xml: string): string {
  const inbox = xml.split('<Add>').find((folder) => folder.includes('<Type>2</Type>')) ?? '';
  return textOf(inbox, 'ServerId');
}

/** Text of the first element of this name. */
function textOf(xml: string, name: string): string {
  const text = new RegExp(`<${name}(?: [^>]*)?>([^<]+)</${name}>`).exec(xml)?.[1];
  if (text === undefined) throw new Error(`no ${name} in ${xml}`);
  return text;
}

function subjectsOf(documents: readonly string[]): string[] {
  return [...documents.join('').matchAll(/<Subject[^>]*>([^<]*)</g)].map(([, subject = '']) => subject);
}

function wholeMail(folder: string, serverId: string) {
  return element(
    'ItemOperations:ItemOperations',
    element(
      'ItemOperations:Fetch',
      element('ItemOperations:Store', 'Mailbox'),
      element('AirSync:CollectionId', folder),
      element('AirSync:ServerId', serverId),
      element(
        'ItemOperations:Options',
        element('AirSyncBase:BodyPreference', element('AirSyncBase:Type', 1)),
      ),
    ),
  );
}
