// Names of servers: those that do not resolve cost the others nothing, and every address of a name is tried.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DnsSource } from '../../../gateway/upstream/names/dns-source.ts';
import { NameSources } from '../../../gateway/upstream/names/name-sources.ts';
import { CertificateAuthority } from '../../peers/certificates.ts';
import { DnsServer, type DnsVerdict } from '../../peers/dns-server.ts';
import { Exchange } from '../../peers/exchange/exchange.ts';
import type { RouteSketch } from '../shell/snapshot-sketch.ts';
import { GatewayFixture } from './gateway-fixture.ts';
import { basic, RawPhone } from './raw-phone.ts';

const ALICE = basic('alice@example.com');

let authority: CertificateAuthority;
let exchange: Exchange;
let dns: DnsServer;
let gateway: GatewayFixture;
let phone: RawPhone;
let port: string;

beforeEach(async () => {
  authority = await CertificateAuthority.create();
  exchange = await Exchange.start({
    authority,
    frontEnds: { mbx1: 0 },
    users: [{ name: 'alice@example.com', password: 'secret' }],
  });
  const credentials = await authority.issue({ names: ['good.test'] });
  exchange.frontEnd('mbx1').replaceCredentials(credentials);
  ({ port } = new URL(exchange.frontEnd('mbx1').url));
});

afterEach(async () => {
  phone.close();
  await gateway.stop();
  exchange.close();
  dns.stop();
});

const good = (): RouteSketch => ({
  name: 'good',
  match: { domains: ['example.com'] },
  servers: [{ name: 'mbx1', url: `https://good.test:${port}` }],
  timeouts: { connectSeconds: 5 },
});

async function start(
  addresses: readonly string[],
  otherwise: DnsVerdict,
  routes: RouteSketch[],
): Promise<void> {
  dns = await DnsServer.start({ names: { 'good.test': addresses }, otherwise, ttlSeconds: 1 });
  const clock = { now: () => performance.now() };
  gateway = await GatewayFixture.start({
    authority,
    routes,
    pipeline: {
      names: new NameSources({
        clock,
        dns: new DnsSource({ clock, servers: [dns.address], resolvConf: '/nonexistent' }),
      }),
      probes: { intervalMs: 10_000, firstWithinMs: 100, unhealthyIntervalMs: 500, timeoutMs: 5_000 },
    },
  });
  phone = new RawPhone(gateway);
}

const ask = async (): Promise<number> =>
  (await phone.send({ command: 'FolderSync', authorization: ALICE })).status;

describe('a server', () => {
  test.each(['silence', 'NXDOMAIN', 'SERVFAIL'] as const)(
    'is served although the names of 1,000 others do not resolve (%s)',
    async (verdict) => {
      const bad = Array.from({ length: 1_000 }, (_, i) => ({
        name: `bad${i}`,
        match: { domains: [`bad${i}.com`] },
        servers: [{ name: 'mbx1', url: `https://bad${i}.test` }],
      }));
      await start(['127.0.0.1'], verdict, [...bad, good()]);
      await gateway.until(() => new Set(dns.questions).size > 100);
      for (let i = 0; i < 5; i++) {
        expect(await ask()).not.toBe(503);
        exchange.frontEnd('mbx1').resetConnections();
      }
      expect(gateway.records.map(({ reason }) => reason)).toEqual(['', '', '', '', '']);
    },
  );

  test('for sign-ins is found in the same way', async () => {
    await start(['127.0.0.1'], 'NXDOMAIN', [
      {
        ...good(),
        authentication: {
          type: 'OAuth',
          oauth: {
            authorizationEndpoint: `https://good.test:${port}/authorize`,
            tokenEndpoint: `https://good.test:${port}/token`,
            gatewayResource: 'https://sentry.example.com',
            destinationResource: 'https://outlook.office365.com/',
            allowPasswordGrant: false,
            otherResources: 'Pass',
          },
        },
      },
    ]);
    const answer = await phone.send({
      target: '/proxyservice/oauth2/token',
      headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      body: Buffer.from('grant_type=refresh_token&refresh_token=x'),
    });
    expect(answer.status).toBe(404);
    expect(gateway.log.filter((line) => line.includes('did not answer'))).toEqual([]);
  });

  test('is reached by any of the addresses of its name', async () => {
    await start(['127.0.0.7', '127.0.0.8', '127.0.0.1'], 'NXDOMAIN', [good()]);
    for (let i = 0; i < 4; i++) {
      expect(await ask()).not.toBe(503);
      exchange.frontEnd('mbx1').resetConnections();
    }
    expect(gateway.pipeline.status().servers[0]?.healthy).toBe(true);
  });

  test('is reached while the name servers are silent, once it was reached', async () => {
    await start(['127.0.0.1'], 'NXDOMAIN', [good()]);
    expect(await ask()).not.toBe(503);
    dns.silent = true;
    phone.close();
    gateway.aheadMs += 3_600_000;
    phone = new RawPhone(gateway);
    exchange.frontEnd('mbx1').resetConnections();
    expect(await ask()).not.toBe(503);
  });
});
