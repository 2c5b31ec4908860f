// What of a message's head reaches the other side: everything but what a proxy must change.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import type { CannedAnswer } from '../../peers/faults.ts';
import { valuesOf } from '../../peers/phone/http-answer.ts';
import { GatewayFixture, HOSTNAME } from './gateway-fixture.ts';
import { basic, type HeaderLine, PATH, RawPhone, targetOf } from './raw-phone.ts';

const ALICE = basic('alice@example.com');

describe('the head', () => {
  let exchange: Exchange;
  let gateway: GatewayFixture;
  let phone: RawPhone;

  beforeAll(async () => {
    const authority = await CertificateAuthority.create();
    exchange = await Exchange.start({
      authority,
      frontEnds: { mbx1: 0 },
      users: [{ name: 'alice@example.com', password: 'secret' }],
    });
    gateway = await GatewayFixture.start({
      authority,
      routes: [
        { servers: [{ name: 'mbx1', url: exchange.frontEnd().url }], throttling: { retryAfter: 'Pass' } },
      ],
    });
    phone = new RawPhone(gateway);
  });

  afterEach(() => {
    exchange.organisation.faults.remove();
    exchange.organisation.journal.clear();
  });

  afterAll(async () => {
    phone.close();
    await gateway.stop();
    exchange.close();
  });

  /** What Exchange got: target and header lines without those that a client connection sets. */
  const received = (): { target: string; lines: HeaderLine[] } => {
    const record = exchange.organisation.journal.requests.at(-1);
    if (record === undefined) throw new Error('Exchange got nothing');
    const lines = record.rawHeaders.flatMap((name, at, all) =>
      at % 2 === 0 ? [[name, all[at + 1] ?? ''] as const] : [],
    );
    return { target: record.target, lines };
  };
  const answerWith = (answer: CannedAnswer): void => {
    exchange.organisation.faults.add({
      match: { command: 'FolderSync' },
      action: { kind: 'answer', ...answer },
    });
  };

  describe('of a request', () => {
    test('keeps its lines, their order, case, values and duplicates', async () => {
      answerWith({ status: 200 });
      const headers: HeaderLine[] = [
        ['MS-ASProtocolVersion', '16.1'],
        ['x-ms-policykey', '1234567890'],
        ['Content-Type', 'application/vnd.ms-sync.wbxml'],
        ['MS-ASAcceptMultiPart', 'T'],
        ['User-Agent', 'Apple-iPhone16C2/2201.53'],
        ['Accept-Language', 'de-de'],
        ['Accept-Encoding', 'gzip, deflate'],
        ['Cookie', 'ClientId=ABC; X-BackEndCookie=S-1-5=u56Lnp2ejJqB'],
        ['X-User-Identity', 'alice@example.com'],
        ['X-Odd', 'one'],
        ['x-odd', 'two, "three"'],
        ['X-Latin', 'M\u00fcller \u00e9'],
        ['client-request-id', '{11111111}'],
      ];
      await phone.send({ command: 'FolderSync', authorization: ALICE, headers });
      const { lines } = received();
      const kept = lines.filter(
        ([name]) => !/^(?:host|content-length|connection|x-forwarded-.*)$/i.test(name),
      );
      expect(kept).toEqual([['Authorization', ALICE], ...headers]);
    });

    test('names the server as host, and the client and nobody else as its origin', async () => {
      answerWith({ status: 200 });
      await phone.send({
        command: 'FolderSync',
        authorization: ALICE,
        headers: [
          ['X-Forwarded-For', '10.1.2.3'],
          ['X-Forwarded-For', '10.1.2.4'],
          ['X-Forwarded-Proto', 'http'],
          ['X-Forwarded-Host', 'evil.example.com'],
          ['Forwarded', 'for=10.1.2.3'],
        ],
      });
      const { lines } = received();
      const named = (wanted: string): string[] =>
        lines.flatMap(([name, value]) => (name.toLowerCase() === wanted ? [value] : []));
      expect(named('host')).toEqual([new URL(exchange.frontEnd().url).host]);
      expect(named('x-forwarded-for')).toEqual(['127.0.0.1']);
      expect(named('x-forwarded-proto')).toEqual(['https']);
      expect(named('x-forwarded-host')).toEqual([]);
      expect(named('forwarded')).toEqual([]);
    });

    test.each([
      ['plain', `Cmd=FolderSync&User=alice%40example.com&DeviceId=d1&DeviceType=iPhone&X='"<>%7e`],
      ['odd order', 'DeviceType=SP&&DeviceId=d1&User=EXAMPLE%5Calice&Cmd=foldersync&Empty'],
      ['base64', 'oQkJBCBBQkNERUYwMTIzNDU2Nzg5QUJDREVGMDEyMzQ1Njc4OQTSApZJBmlQaG9uZQ%3D%3D'],
    ])('carries the bytes of a %s query', async (_, query) => {
      answerWith({ status: 200 });
      await phone.send({ target: `${PATH}?${query}`, authorization: ALICE });
      expect(received().target).toBe(`${PATH}?${query}`);
    });

    test('carries our spelling of the path, whatever the client chose', async () => {
      answerWith({ status: 200 });
      const query = targetOf({ command: 'FolderSync' }).slice(PATH.length);
      await phone.send({ target: `/microsoft-server-activesync/Default.eas${query}`, authorization: ALICE });
      expect(received().target).toBe(`${PATH}${query}`);
    });

    test('of an empty POST says that it is empty and names no type', async () => {
      answerWith({ status: 200 });
      await phone.send({ command: 'FolderSync', authorization: ALICE, headers: [] });
      const names = received().lines.map(([name]) => name.toLowerCase());
      expect(received().lines).toContainEqual(['Content-Length', '0']);
      expect(names).not.toContain('content-type');
      expect(names).not.toContain('transfer-encoding');
    });
  });

  describe('of an answer', () => {
    test('keeps status, reason, lines, order and duplicates', async () => {
      const headers: HeaderLine[] = [
        ['Cache-Control', 'private'],
        ['Set-Cookie', 'X-BackEndCookie=a; expires=Wed, 01-Jan-2031 00:00:00 GMT; path=/; secure; HttpOnly'],
        ['Server', 'Microsoft-IIS/10.0'],
        ['Set-Cookie', 'ClientId=b; path=/'],
        ['set-cookie', 'X-BackEndCookie=a; expires=Wed, 01-Jan-2031 00:00:00 GMT; path=/; secure; HttpOnly'],
        ['MS-Server-ActiveSync', '15.2'],
        ['X-MS-RP', '2.0,2.5,12.0,12.1,14.0,14.1,16.0,16.1'],
        ['X-MS-Credential-Service-Url', 'https://x.example.com/?a=b&c'],
        ['X-MS-Credentials-Expire', '7'],
        ['x-ms-diagnostics', '2000003;reason="The hostname component…"'.replace('…', '\u00e9')],
        ['X-BEServer', 'EX01'],
        ['X-FEServer', 'EX02'],
        ['request-id', 'b9f2b6a1'],
        ['Content-Type', 'application/vnd.ms-sync.multipart'],
        ['Date', 'Mon, 23 Nov 2026 16:00:00 GMT'],
      ];
      answerWith({ status: 456, reason: 'Account Blocked', headers, body: 'x' });
      const answer = await phone.send({ command: 'FolderSync', authorization: ALICE });
      expect(answer).toMatchObject({ status: 456, reason: 'Account Blocked' });
      const lines = answer.rawHeaders.flatMap((name, at, all) =>
        at % 2 === 0 && !/^(?:content-length|connection)$/i.test(name) ? [[name, all[at + 1]]] : [],
      );
      expect(lines).toEqual(headers);
    });

    test('keeps every challenge, claims included, but those that authenticate a connection', async () => {
      const bearer =
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", ' +
        'error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="';
      answerWith({
        status: 401,
        headers: [
          ['WWW-Authenticate', 'Negotiate'],
          ['WWW-Authenticate', bearer],
          ['WWW-Authenticate', 'NTLM'],
          ['www-authenticate', 'Basic realm="mail"'],
          ['WWW-Authenticate', 'Negotiate, Basic realm="second"'],
        ],
      });
      const answer = await phone.send({ command: 'FolderSync', authorization: ALICE });
      expect(valuesOf(answer, 'www-authenticate')).toEqual([
        bearer,
        'Basic realm="mail"',
        'Basic realm="second"',
      ]);
    });

    test.each([200, 401, 403, 449, 451, 456, 457, 500, 502, 503, 504, 507])(
      'of status %i passes, and the server stays healthy',
      async (status) => {
        answerWith({
          status,
          headers: [
            ['Retry-After', '77'],
            ['X-MS-ASThrottle', 'CommandFrequency'],
          ],
        });
        for (const user of ['a@b.c', 'b@b.c', 'c@b.c', 'd@b.c']) {
          const answer = await phone.send({ command: 'FolderSync', user, authorization: basic(user) });
          expect(answer.status).toBe(status);
          expect(answer.header('retry-after')).toBe('77');
        }
        expect(gateway.pipeline.status().servers).toMatchObject([{ healthy: true }]);
      },
    );

    test('with a redirect names the gateway instead of the other server', async () => {
      const location = 'https://outlook.office365.com/Microsoft-Server-ActiveSync';
      answerWith({ status: 451, headers: [['X-MS-Location', location]] });
      for (const authorization of [ALICE, 'Bearer', undefined]) {
        const answer = await phone.send({
          command: 'FolderSync',
          ...(authorization !== undefined && { authorization }),
        });
        expect(answer.status).toBe(451);
        const { port } = new URL(gateway.url);
        expect(valuesOf(answer, 'x-ms-location')).toEqual([`https://${HOSTNAME}:${port}${PATH}`]);
        expect(JSON.stringify(answer.rawHeaders)).not.toContain('office365');
      }
    });
  });
});
