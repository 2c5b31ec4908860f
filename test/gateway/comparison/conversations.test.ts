// Whole conversations: each kind of client sets its account up, polls, is sent mail and sends some, at an Exchange of each kind that
// it can speak to, directly and through the gateway. Both Exchanges draw the same keys and have the same time.
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import { type ExchangeKind, KINDS } from '../../peers/exchange/kinds.ts';
import { CLIENTS } from '../../peers/phone/clients/clients.ts';
import type { ClientProfile } from '../../peers/phone/clients/profile.ts';
import type { HttpAnswer } from '../../peers/phone/http-connection.ts';
import { misbehave } from '../../peers/phone/misbehave.ts';
import { Phone } from '../../peers/phone/phone.ts';
import { setUp } from '../../peers/phone/set-up.ts';
import { GatewayFixture, HOSTNAME } from '../pipeline/gateway-fixture.ts';
import { differences, type Outcome } from './comparison.ts';
import type { AnswerMessage, Exchanged, Line, RequestMessage } from './message.ts';

const ALICE = 'alice@example.com';
const NOW = new Date('2026-11-23T22:00:00Z');

interface Site {
  readonly exchange: Exchange;
  /** Host that the phone names. */
  readonly authority: string;
  readonly url: string;
  readonly hosts: Record<string, string>;
}

const pairs = CLIENTS.flatMap((client) =>
  (Object.keys(KINDS) as ExchangeKind[])
    .filter((kind) => speaks(client, kind))
    .map((kind) => [client.name, kind, client] as const),
);

function speaks({ versions, authentication }: ClientProfile, kind: ExchangeKind): boolean {
  const { acceptedVersions, basic } = KINDS[kind];
  const signsIn = basic.value || authentication.value.includes('Bearer');
  return signsIn && versions.value.some((version) => acceptedVersions.value.includes(version));
}

describe('a conversation', () => {
  let authority: CertificateAuthority;
  let keys: { privateKey: CryptoKey; jwk: JWK };
  let token: string;
  const closing: (() => void | Promise<void>)[] = [];

  beforeAll(async () => {
    authority = await CertificateAuthority.create();
    const { privateKey, publicKey } = await generateKeyPair('RS256');
    keys = { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256' } };
    token = await new SignJWT({ upn: ALICE })
      .setProtectedHeader({ alg: 'RS256', kid: 'one' })
      .setAudience('https://outlook.office365.com/')
      .setExpirationTime('1h')
      .sign(privateKey);
  });

  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  async function start(kind: ExchangeKind): Promise<Exchange> {
    const exchange = await Exchange.start({
      authority,
      kind,
      seed: 'the same',
      now: () => NOW,
      // A poll must outlast a stall of the machine; the one that is to expire is shortened.
      timeScale: 0.005,
      users: [{ name: ALICE, password: 'secret' }],
      tokens: {
        keys: () => ({ keys: [keys.jwk] }),
        audiences: ['https://outlook.office365.com/'],
        authorizationUri: 'https://login.windows.net/common/oauth2/authorize',
      },
    });
    closing.push(() => exchange.close());
    return exchange;
  }

  async function direct(kind: ExchangeKind): Promise<Site> {
    const exchange = await start(kind);
    const { url } = exchange.frontEnd();
    return { exchange, url, authority: new URL(url).host, hosts: {} };
  }

  async function behindGateway(kind: ExchangeKind): Promise<Site> {
    const exchange = await start(kind);
    const gateway = await GatewayFixture.start({
      authority,
      routes: [{ servers: [{ name: 'mbx1', url: exchange.frontEnd().url }] }],
    });
    closing.push(() => gateway.stop());
    return {
      exchange,
      url: gateway.url,
      authority: new URL(gateway.url).host,
      hosts: { [HOSTNAME]: '127.0.0.1' },
    };
  }

  /** Everything a client does in its first minutes; what both sides saw of it. */
  async function converse(site: Site, client: ClientProfile, kind: ExchangeKind): Promise<Exchanged[]> {
    const { exchange, url, hosts } = site;
    const answers: HttpAnswer[] = [];
    const phone = new Phone({
      url,
      hosts,
      ca: authority.certificate,
      user: ALICE,
      client,
      number: 7,
      seed: 'the same',
      onAnswer: (answer) => answers.push(answer),
      ...(KINDS[kind].basic.value ? { password: 'secret' } : { authorization: `Bearer ${token}` }),
    });
    closing.push(() => phone.close());
    const { organisation } = exchange;
    await setUp(phone, client);
    const ping = phone.ping(3000);
    await organisation.journal.until(({ openPolls }) => openPolls.length === 1);
    const { serverId } = organisation.deliver(ALICE, {
      subject: 'Gr\u00fc\u00dfe',
      body: 'Text',
      attachmentBytes: [70_000],
    });
    await ping;
    const { added } = await phone.sync();
    await phone.markRead(serverId);
    await phone.sendMail({ to: ALICE, subject: 'An mich', body: 'x'.repeat(100_000) });
    await phone.smartSend('SmartReply', serverId, { to: 'bob@example.com', body: 'Antwort' });
    await phone.fetchMultipart(added[0]?.attachments[0]?.fileReference ?? '');
    await phone.sync();
    organisation.timeScale = 0.00001;
    await phone.ping(client.heartbeatSeconds.value, { empty: client.emptyPing.value });
    await phone.search('Gr\u00fc\u00dfe');
    await phone.estimate();
    expect(answers.some((answer) => answer.header('content-encoding') === 'gzip')).toBe(takesGzip(client));
    const requests = organisation.journal.requests.filter(
      ({ rawHeaders }) => !rawHeaders.includes('sentry-gateway-probe'),
    );
    expect(answers).toHaveLength(requests.length);
    return requests.map((request, at) => ({
      request: requestOf(request.method, request.target, request.rawHeaders, request.bodySha256 ?? ''),
      answer: answerOf(answers[at] as HttpAnswer),
    }));
  }

  test.each(pairs)('of %s with Exchange %s is the same through the gateway', async (_, kind, client) => {
    const [near, far] = [await direct(kind), await behindGateway(kind)];
    const seen = await converse(near, client, kind);
    const seenBehind = await converse(far, client, kind);
    expect(seenBehind.length).toBe(seen.length);
    const found = seen.flatMap((exchanged, at) =>
      differences(outcomeOf(exchanged, seenBehind[at] as Exchanged, far)).map(
        (difference) => `${at}, ${exchanged.request.target.slice(0, 80)}: ${difference}`,
      ),
    );
    expect(found).toEqual([]);
    const breaches = far.exchange.violations.filter(({ rule }) => !client.breaches.value.includes(rule));
    expect(breaches).toEqual([]);
  });

  // A poll is read whole before it is passed on: one that never ends does not reach Exchange.
  test.each([
    ['abort', ['Ping aborted'], ['Ping aborted']],
    ['second ping', ['Ping answered', 'Ping aborted'], ['Ping answered', 'Ping aborted']],
    ['wrong length', ['Ping aborted'], []],
  ] as const)(
    'of a rude client that does «%s» ends at Exchange by %j directly and by %j through the gateway, and harms nobody',
    async (way, near, far) => {
      const client = CLIENTS.find(({ name }) => name === 'rude') as ClientProfile;
      const ends: string[][] = [];
      for (const site of [await direct('2019'), await behindGateway('2019')]) {
        const { exchange, url, hosts } = site;
        const options = { url, hosts, ca: authority.certificate, user: ALICE, password: 'secret', client };
        const phone = new Phone({ ...options, number: 1 });
        const other = new Phone({ ...options, client: CLIENTS[0] as ClientProfile, number: 2 });
        closing.push(
          () => phone.close(),
          () => other.close(),
        );
        await setUp(phone, client);
        await setUp(other, CLIENTS[0] as ClientProfile);
        const { journal } = exchange.organisation;
        const mine = () => journal.requests.filter(({ deviceId }) => deviceId === phone.deviceId);
        const before = mine().length;
        await misbehave(phone, way);
        await journal.until(({ openPolls }) => openPolls.length === 0);
        await journal.until(() => mine().every(({ outcome }) => outcome !== 'open'));
        ends.push(
          mine()
            .slice(before)
            .map(({ command, outcome }) => `${command} ${outcome}`),
        );
        await other.folderSync();
        await phone.folderSync();
      }
      expect(ends).toEqual([near, far]);
    },
  );

  test('of all kinds at once through one gateway mixes nothing of one with another', async () => {
    const { exchange, url, hosts } = await behindGateway('2019');
    const others = CLIENTS.filter(({ name }) => name !== 'rude');
    const phones = others.flatMap((client) =>
      [1, 2, 3].map((number) => {
        const name = `${client.name}${number}@example.com`;
        exchange.organisation.addUser({ name, password: 'secret' });
        const options = { url, hosts, ca: authority.certificate, user: name, password: 'secret' };
        const phone = new Phone({ ...options, client, number });
        closing.push(() => phone.close());
        return phone;
      }),
    );
    await Promise.all(phones.map((phone) => setUp(phone, phone.client as ClientProfile)));
    await Promise.all(
      phones.map(async (phone) => {
        for (let i = 0; i < 3; i++) {
          exchange.organisation.deliver(phone.user, { subject: `${phone.user} ${i}` });
          const { added } = await phone.sync();
          expect(added.map(({ subject }) => subject)).toEqual([`${phone.user} ${i}`]);
          await phone.settings();
        }
      }),
    );
    const allowed = new Set(others.flatMap(({ breaches }) => breaches.value));
    expect(exchange.violations.filter(({ rule }) => !allowed.has(rule))).toEqual([]);
  });
});

const takesGzip = ({ headers }: ClientProfile): boolean =>
  headers.value.some(([name, value]) => name === 'Accept-Encoding' && value?.includes('gzip'));

function requestOf(
  method: string,
  target: string,
  rawHeaders: readonly string[],
  sha256: string,
): RequestMessage {
  return { method, target, lines: linesOf(rawHeaders), body: Buffer.from(sha256) };
}

function answerOf({ status, reason, rawHeaders, body }: HttpAnswer): AnswerMessage {
  return { status, reason, lines: linesOf(rawHeaders), body };
}

const linesOf = (rawHeaders: readonly string[]): Line[] =>
  rawHeaders.flatMap((name, at): Line[] => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? '']] : []));

function outcomeOf(direct: Exchanged, through: Exchanged, far: Site): Outcome {
  const { host } = new URL(far.exchange.frontEnd().url);
  const places = {
    serverAuthority: host,
    gatewayAuthority: far.authority,
    clientAddress: '127.0.0.1',
    request: direct.request,
  };
  return { direct, through, places, configured: [] };
}
