// What probes find out about a server, and what the status says when something is wrong: with real servers that have the fault.
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { GatewayReport } from '../../../gateway/config/report.ts';
import type { SnapshotHealth } from '../../../gateway/config/health.ts';
import { DnsSource } from '../../../gateway/upstream/names/dns-source.ts';
import { NameSources } from '../../../gateway/upstream/names/name-sources.ts';
import { CertificateAuthority, type Credentials } from '../../peers/certificates.ts';
import { DnsServer, type DnsVerdict } from '../../peers/dns-server.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import type { RouteSketch } from '../shell/snapshot-sketch.ts';
import { GatewayFixture } from './gateway-fixture.ts';

const DAY = 86_400_000;
const TWO_DAYS_AGO = new Date(Date.now() - 2 * DAY);
const dayOf = (date: Date): string => date.toISOString().slice(0, 10);

let authority: CertificateAuthority;
let good: Credentials;
let gateway: GatewayFixture | undefined;
let closing: (() => void)[] = [];

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  good = await authority.issue({ names: ['localhost'] });
});

afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  for (const close of closing) close();
  closing = [];
});

/** The port of a server that runs until the end of the test. */
async function serve(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)));
  });
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const answer: RequestListener = (_, response) => response.writeHead(401).end();

const https = (options: ServerOptions = {}, listener = answer): Promise<number> =>
  serve(createHttpsServer({ ...good, ...options }, listener));

interface Probed {
  readonly url: string;
  readonly health?: SnapshotHealth;
  readonly route?: RouteSketch;
  readonly names?: DnsVerdict;
}

async function start({ url, health, route, names }: Probed): Promise<void> {
  const dns = await DnsServer.start({ otherwise: names ?? 'NXDOMAIN' });
  closing.push(() => dns.stop());
  const clock = { now: () => performance.now() };
  gateway = await GatewayFixture.start({
    authority,
    routes: [
      {
        servers: [{ name: 'mbx1', url }],
        timeouts: { connectSeconds: 1 },
        ...(health && { health }),
        ...route,
      },
    ],
    pipeline: {
      probes: { intervalMs: 100, firstWithinMs: 1, unhealthyIntervalMs: 100, timeoutMs: 1_000 },
      ...(names && {
        names: new NameSources({
          clock,
          dns: new DnsSource({ clock, servers: [dns.address], resolvConf: '/nonexistent' }),
        }),
      }),
    },
  });
}

const server = (): GatewayReport['servers'][number] | undefined => gateway?.pipeline.status().servers[0];

/** What the status says once the server is down. */
async function errorOf(probed: Probed): Promise<string> {
  await start(probed);
  await gateway?.until(() => server()?.reachable === false, 'the server is down');
  return server()?.lastError ?? '';
}

describe('the status of a server says', () => {
  test('that its connections are refused', async () => {
    const port = await https();
    for (const close of closing.splice(0)) close();
    expect(await errorOf({ url: `https://localhost:${port}` })).toBe(
      `connection refused by localhost:${port}`,
    );
  });

  test('that its name does not resolve', async () => {
    expect(await errorOf({ url: 'https://mbx1.test', names: 'NXDOMAIN' })).toBe(
      'the name mbx1.test does not resolve',
    );
  });

  test.each<DnsVerdict>(['SERVFAIL', 'silence'])('that name servers fail (%s)', async (names) => {
    await start({ url: 'https://mbx1.test', names });
    const words = 'the name mbx1.test cannot be resolved: the name servers do not answer, or fail';
    await gateway?.until(() => server()?.lastError === words, words);
  });

  test('since when its certificate is expired', async () => {
    const expired = await authority.issue({
      names: ['localhost'],
      notBefore: new Date(Date.now() - 90 * DAY),
      notAfter: TWO_DAYS_AGO,
    });
    const port = await https(expired);
    expect(await errorOf({ url: `https://localhost:${port}` })).toBe(
      `certificate of localhost expired on ${dayOf(TWO_DAYS_AGO)}`,
    );
  });

  test('since when the certificate of its CA is expired', async () => {
    const old = await authority.intermediate('Old CA', {
      notBefore: new Date(Date.now() - 90 * DAY),
      notAfter: TWO_DAYS_AGO,
    });
    const leaf = await old.issue({ names: ['localhost'] });
    const port = await https({ key: leaf.key, cert: leaf.cert + old.certificate });
    expect(await errorOf({ url: `https://localhost:${port}` })).toBe(
      `certificate of the CA "Old CA", which issued that of localhost, expired on ${dayOf(TWO_DAYS_AGO)}`,
    );
  });

  test('from when on its certificate is valid', async () => {
    const notBefore = new Date(Date.now() + 2 * DAY);
    const port = await https(await authority.issue({ names: ['localhost'], notBefore }));
    expect(await errorOf({ url: `https://localhost:${port}` })).toBe(
      `certificate of localhost is valid only from ${dayOf(notBefore)} on`,
    );
  });

  test('which names its certificate has', async () => {
    const port = await https(
      await authority.issue({ names: ['a.example.com', 'b.example.com', '10.0.0.7'] }),
    );
    expect(await errorOf({ url: `https://localhost:${port}` })).toBe(
      'certificate is for a.example.com, b.example.com, 10.0.0.7, not for localhost',
    );
  });

  test('whose certificate it is that is not trusted', async () => {
    const stranger = await CertificateAuthority.create('Somebody else');
    const port = await https(await stranger.issue({ names: ['localhost'] }));
    expect(await errorOf({ url: `https://localhost:${port}` })).toBe(
      'certificate of localhost is issued by "Somebody else", a CA that serverTLS.caRef does not hold',
    );
  });

  test('that it does not speak TLS', async () => {
    const port = await serve(createHttpServer(answer));
    expect(await errorOf({ url: `https://localhost:${port}` })).toBe(`localhost:${port} does not speak TLS`);
  });

  test('that it takes connections and says nothing', async () => {
    const port = await serve(createTcpServer());
    expect(await errorOf({ url: `https://localhost:${port}` })).toBe(
      `localhost:${port} takes connections, but the TLS handshake was not complete within 1 s`,
    );
  });

  test('that it speaks an old TLS only', async () => {
    const port = await serve(
      createTlsServer({
        ...(await authority.issue({ names: ['localhost'], algorithm: 'rsa' })),
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      }),
    );
    expect(await errorOf({ url: `https://localhost:${port}` })).toBe(
      `localhost:${port} speaks no TLS version from 1.2 on`,
    );
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'that it requires a client certificate (%s)',
    async (version) => {
      const port = await https({
        requestCert: true,
        rejectUnauthorized: true,
        ca: authority.certificate,
        minVersion: version,
        maxVersion: version,
      });
      expect(await errorOf({ url: `https://localhost:${port}` })).toMatch('client certificate');
    },
  );

  test('that it answers 403 for want of a client certificate, as IIS does', async () => {
    const port = await https({}, (_, response) => {
      response.writeHead(403, { 'Content-Type': 'text/html' });
      response.end('<h2>HTTP Error 403.7 - Forbidden</h2> The page requires a client certificate.');
    });
    expect(await errorOf({ url: `https://localhost:${port}` })).toBe('403 with client certificate required');
  });

  test('how it answers probes', async () => {
    const port = await https({}, (_, response) => response.writeHead(500).end());
    expect(await errorOf({ url: `https://localhost:${port}` })).toBe(
      'OPTIONS /Microsoft-Server-ActiveSync was answered by 500',
    );
  });

  test('that it does not answer', async () => {
    const port = await https({}, () => {});
    expect(await errorOf({ url: `https://localhost:${port}` })).toBe(
      `localhost:${port} did not begin its answer in time`,
    );
  });
});

describe('a probe', () => {
  const asked: string[] = [];
  const answering =
    (status: number): RequestListener =>
    ({ method, url, headers }, response) => {
      asked.push(`${method} ${url} ${headers.authorization ?? '-'}`);
      response.writeHead(status).end();
    };

  test.each<[NonNullable<NonNullable<SnapshotHealth['active']>['type']>, string, number[], number[]]>([
    ['Options', 'OPTIONS /Microsoft-Server-ActiveSync -', [200, 401, 403, 404, 451], [500, 503]],
    ['HealthCheckPage', 'GET /Microsoft-Server-ActiveSync/healthcheck.htm -', [200], [401, 403, 404, 503]],
    ['EmptyBearer', 'OPTIONS /Microsoft-Server-ActiveSync Bearer', [200, 401, 451], [403, 404, 503]],
  ])('%s', async (type, line, alive, dead) => {
    for (const status of [...alive, ...dead]) {
      asked.length = 0;
      const port = await https({}, answering(status));
      await start({ url: `https://localhost:${port}`, health: { active: { type, unhealthyThreshold: 1 } } });
      await gateway?.until(() => asked.length >= 2, 'two probes');
      expect([status, new Set(asked)]).toEqual([status, new Set([line])]);
      expect([status, server()?.reachable]).toEqual([status, alive.includes(status)]);
      await gateway?.stop();
    }
  });

  test.each([
    ['Options', '2019'],
    ['HealthCheckPage', '2019'],
    ['Options', 'online'],
    ['EmptyBearer', 'online'],
  ] as const)('%s finds Exchange %s alive', async (type, kind) => {
    const exchange = await Exchange.start({ authority, kind, users: [] });
    closing.push(() => exchange.close());
    await start({ url: exchange.frontEnd().url, health: { active: { type, unhealthyThreshold: 1 } } });
    await gateway?.until(() => exchange.organisation.journal.requests.length >= 2, 'two probes');
    expect(server()).toMatchObject({ healthy: true, lastError: null });
  });

  test('takes a server out of service and back after as many as are said', async () => {
    let status = 401;
    let probes = 0;
    const port = await https({}, (_, response) => {
      probes++;
      response.writeHead(status).end();
    });
    await start({
      url: `https://localhost:${port}`,
      health: { active: { unhealthyThreshold: 3, healthyThreshold: 4 } },
    });
    await gateway?.until(() => probes > 0, 'a probe');
    status = 500;
    probes = 0;
    await gateway?.until(() => server()?.healthy === false, 'unhealthy');
    expect(probes).toBe(3);
    status = 401;
    probes = 0;
    gateway!.aheadMs += 10_000;
    await gateway?.until(() => server()?.healthy === true, 'healthy');
    expect(probes).toBe(4);
    expect(gateway?.log.filter((line) => line.includes('a server is'))).toHaveLength(3);
  });
});
