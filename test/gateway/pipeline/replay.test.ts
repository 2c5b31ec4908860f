// What is sent to a second server after the first had it: only what changes nothing when done twice, and only when held whole.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import type { FaultAction } from '../../peers/faults.ts';
import { ConnectionLost } from '../../peers/phone/http-connection.ts';
import { Phone } from '../../peers/phone/phone.ts';
import { attachmentRequest } from '../../peers/phone/requests.ts';
import { element } from '../../peers/wbxml/element.ts';
import { encode } from '../../peers/wbxml/encode.ts';
import { GatewayFixture } from './gateway-fixture.ts';
import { basic, deleteCommand, pingBody, RawPhone, type RawRequest, syncBody } from './raw-phone.ts';

const ALICE = basic('alice@example.com');
const body = Buffer.from(
  encode(element('FolderHierarchy:FolderSync', element('FolderHierarchy:SyncKey', '0'))),
);
const emptyFolder = encode(
  element(
    'ItemOperations:ItemOperations',
    element('ItemOperations:EmptyFolderContents', element('AirSync:CollectionId', '5')),
  ),
);

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const MAY: readonly [string, RawRequest][] = [
  ['OPTIONS', { method: 'OPTIONS' }],
  ['GET', { method: 'GET' }],
  ['Ping', { command: 'Ping', body: pingBody(480) }],
  ['an empty Ping', { command: 'Ping' }],
  ['a Ping that nobody understands', { command: 'Ping', body: Buffer.from('garbage') }],
  ['FolderSync', { command: 'FolderSync', body }],
  ['FolderSync in chunks', { command: 'FolderSync', body: inPieces(body, 3) }],
  ['GetItemEstimate', { command: 'GetItemEstimate', body }],
  ['Search', { command: 'Search', body }],
  ['Find', { command: 'Find', body }],
  ['Settings', { command: 'Settings', body }],
  ['ResolveRecipients', { command: 'ResolveRecipients', body }],
  ['ItemOperations that fetch', { command: 'ItemOperations', body: encode(attachmentRequest('5:1:0')) }],
  ['Sync', { command: 'Sync', body: syncBody() }],
  ['a Sync that waits', { command: 'Sync', body: syncBody({ heartbeatSeconds: 480 }) }],
  ['an empty Sync', { command: 'Sync' }],
  ['a request of just 64 KiB', { command: 'Search', body: Buffer.alloc(65_536) }],
];

const MUST_NOT: readonly [string, RawRequest][] = [
  ['SendMail', { command: 'SendMail', body }],
  ['SmartForward', { command: 'SmartForward', body }],
  ['SmartReply', { command: 'SmartReply', body }],
  ['a SendMail in chunks', { command: 'SendMail', body: inPieces(body, 3) }],
  ['MoveItems', { command: 'MoveItems', body }],
  ['MeetingResponse', { command: 'MeetingResponse', body }],
  ['FolderCreate', { command: 'FolderCreate', body }],
  ['FolderDelete', { command: 'FolderDelete', body }],
  ['FolderUpdate', { command: 'FolderUpdate', body }],
  ['Provision', { command: 'Provision', body }],
  ['GetAttachment', { command: 'GetAttachment' }],
  ['ValidateCert', { command: 'ValidateCert', body }],
  ['an unknown command', { command: 'CreateCollection', body }],
  ['a Sync with Commands', { command: 'Sync', body: syncBody({ commands: [deleteCommand] }) }],
  ['a Sync that nobody understands', { command: 'Sync', body: Buffer.from('garbage') }],
  ['ItemOperations that empty a folder', { command: 'ItemOperations', body: emptyFolder }],
  ['ItemOperations that nobody understands', { command: 'ItemOperations', body: Buffer.from('garbage') }],
  ['a request above 64 KiB', { command: 'Search', body: Buffer.alloc(65_537) }],
  ['a Sync above 64 KiB', { command: 'Sync', body: Buffer.concat([syncBody(), Buffer.alloc(65_536)]) }],
];

describe('a request whose server dies', () => {
  let exchange: Exchange;
  let gateway: GatewayFixture;

  beforeAll(async () => {
    const authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0, mbx2: 0 },
      users: [{ name: 'alice@example.com', password: 'secret' }],
    });
    const servers = ['mbx1', 'mbx2'].map((name) => ({ name, url: exchange.frontEnd(name).url }));
    gateway = await GatewayFixture.start({
      authority,
      routes: [{ servers, limits: { maxReplayPercent: 100 } }],
    });
  });

  afterEach(() => {
    exchange.organisation.faults.remove();
    exchange.organisation.journal.clear();
    gateway.records.length = 0;
  });

  afterAll(async () => {
    await gateway.stop();
    exchange.close();
  });

  /** Sends it on a connection of its own, while mbx1 does that and mbx2 answers 207. */
  const send = async (request: RawRequest, action: FaultAction): Promise<number | string> => {
    const { faults } = exchange.organisation;
    const user = 'alice@example.com'; // leaves the probes alone
    faults.add({ match: { frontEnd: 'mbx1', user }, action });
    faults.add({ match: { frontEnd: 'mbx2', user }, action: { kind: 'answer', status: 207 } });
    const phone = new RawPhone(gateway);
    try {
      return (await phone.send({ authorization: ALICE, ...request })).status;
    } catch (error) {
      if (error instanceof ConnectionLost) return error.stage;
      throw error;
    } finally {
      phone.close();
    }
  };
  const askedFor = (frontEnd: string): number =>
    exchange.organisation.journal.requests.filter(
      (request) => request.frontEnd === frontEnd && !request.rawHeaders.includes('sentry-gateway-probe'),
    ).length;

  const DEATHS: readonly [string, FaultAction][] = [
    ['at its head', { kind: 'reset-request', afterBytes: 0 }],
    ['after it was done', { kind: 'reset-answer', afterBytes: 0 }],
    ['in order, after it was done', { kind: 'close-answer', afterBytes: 0 }],
    ['in the middle of a status line', { kind: 'reset-answer', afterBytes: 7 }],
    ['and talks nonsense', { kind: 'garbage', text: 'SSH-2.0-OpenSSH_9.2\r\n' }],
  ];

  describe.each(DEATHS)('%s', (_, death) => {
    test.each(MAY)('is sent again if it is %s', async (name, request) => {
      expect([name, await send(request, death)]).toEqual([name, 207]);
      expect(askedFor('mbx2')).toBe(1);
      expect(gateway.records).toMatchObject([{ code: 207, server: 'mbx2', replays: askedFor('mbx1') }]);
    });

    test.each(MUST_NOT)('is answered with 503 and never sent again if it is %s', async (name, request) => {
      expect([name, await send(request, death)]).toEqual([name, 503]);
      expect(askedFor('mbx1')).toBe(1);
      expect(askedFor('mbx2')).toBe(0);
      expect(gateway.records).toMatchObject([
        { code: 503, reason: 'server-lost', server: 'mbx1', replays: 0 },
      ]);
    });
  });

  test.each(['FolderSync', 'SendMail'])(
    'after a part of its answer came is cut off, never completed by another server: %s',
    async (command) => {
      exchange.organisation.faults.add({
        match: { command },
        action: {
          kind: 'early-answer',
          status: 200,
          headers: [['Content-Length', '300000']],
          body: 'x'.repeat(200_000),
          close: true,
        },
      });
      const phone = new RawPhone(gateway);
      await expect(phone.send({ command, body, authorization: ALICE })).rejects.toThrow(ConnectionLost);
      phone.close();
      await gateway.until(() => gateway.records.length === 1);
      expect(gateway.records).toMatchObject([{ code: 200, reason: 'server-lost', server: 'mbx1' }]);
      expect(askedFor('mbx2')).toBe(0);
    },
  );

  test('is a mail that arrives once, whenever the first server dies', async () => {
    const phone = new Phone({ ...gateway.forPhones, user: 'alice@example.com', password: 'secret' });
    await phone.folderSync();
    const deaths: FaultAction[] = [
      { kind: 'reset-request', afterBytes: 0 },
      { kind: 'reset-request', afterBytes: 100 },
      { kind: 'reset-answer', afterBytes: 0 },
      { kind: 'reset-answer', afterBytes: 50 },
      { kind: 'garbage' },
    ];
    for (const [at, action] of deaths.entries()) {
      exchange.organisation.faults.add({ match: { command: 'SendMail' }, action, times: 1 });
      await phone
        .sendMail({ to: 'bob@example.com', subject: `mail ${at}`, body: 'y'.repeat(500) })
        .catch(() => undefined);
      exchange.organisation.faults.remove();
    }
    exchange.frontEnd('mbx1').kill();
    await phone.sendMail({ to: 'bob@example.com', subject: 'over the second', body: 'x' });
    await exchange.frontEnd('mbx1').serve();
    phone.close();
    const { sentMail } = exchange.organisation.journal;
    expect(sentMail.filter(({ duplicate }) => duplicate)).toEqual([]);
    expect(sentMail.map(({ subject }) => subject)).toEqual(['mail 2', 'mail 3', 'mail 4', 'over the second']);
    expect(sentMail.at(-1)?.frontEnd).toBe('mbx2');
  });
});
