// The stage of the demonstration: two Exchange servers, an identity provider, a folder of manifests, the gateway.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CertificateAuthority } from '../peers/certificates.ts';
import { Exchange } from '../peers/exchange/exchange.ts';
import { IdentityProvider } from '../peers/identity-provider/identity-provider.ts';
import { Phone } from '../peers/phone/phone.ts';
import { Report } from '../peers/phone/report.ts';
import { certificateSecret, exchangeRoute, sentryGateway } from './manifests.ts';

export const HOSTNAME = 'sentry.example.com';
const USERS = 24;
const RESOURCE = 'https://outlook.office365.com/';
const START_DEADLINE_MS = 30_000;

export interface Urls {
  readonly gateway: string;
  readonly metrics: string;
  readonly exchanges: readonly string[];
  readonly identityProvider: string;
}

interface Peers {
  readonly authority: CertificateAuthority;
  readonly exchange: Exchange;
  readonly identityProvider: IdentityProvider;
}

/** Everything that runs; `clear` ends it and removes the folder. */
export class Stage {
  readonly directory: string;
  readonly urls: Urls;
  readonly report = new Report();
  readonly #peers: Peers;
  readonly #gateway: ChildProcess;

  private constructor(directory: string, urls: Urls, peers: Peers, gateway: ChildProcess) {
    this.directory = directory;
    this.urls = urls;
    this.#peers = peers;
    this.#gateway = gateway;
  }

  /** Starts the peers, writes the manifests and starts the gateway; resolves when it serves. */
  static async set(): Promise<Stage> {
    const directory = await mkdtemp(join(tmpdir(), 'sentry-demo-'));
    const peers = await startPeers();
    const [port, metricsPort] = [await freePort(), await freePort()];
    const urls: Urls = {
      gateway: `https://${HOSTNAME}:${port}`,
      metrics: `http://127.0.0.1:${metricsPort}`,
      exchanges: [...peers.exchange.frontEnds.values()].map(({ url }) => url),
      identityProvider: peers.identityProvider.url,
    };
    await writeFile(join(directory, 'ca.pem'), peers.authority.certificate);
    await writeFile(join(directory, 'sentry-gateway.yaml'), sentryGateway({ port, hostname: HOSTNAME }));
    const stage = new Stage(directory, urls, peers, startGateway(directory, metricsPort));
    await stage.replaceCertificate();
    await stage.writeRoute(['mbx1', 'mbx2']);
    await stage.#serving();
    return stage;
  }

  get exchange(): Exchange {
    return this.#peers.exchange;
  }

  get caFile(): string {
    return join(this.directory, 'ca.pem');
  }

  get users(): readonly string[] {
    return userNames();
  }

  /** A phone that signs in with OAuth through the gateway; all phones share one report. */
  phone(user: string): Phone {
    const { gateway } = this.urls;
    return new Phone({
      url: gateway,
      hosts: { [HOSTNAME]: '127.0.0.1' },
      ca: this.#peers.authority.certificate,
      user,
      report: this.report,
      oauth: {
        signInUrl: `${gateway}/proxyservice/oauth2/authorize`,
        tokenUrl: `${gateway}/proxyservice/oauth2/token`,
        resource: `https://${HOSTNAME}/`,
      },
    });
  }

  /** Rewrites the route: the servers in order of priority. */
  async writeRoute(servers: readonly string[]): Promise<void> {
    const { exchange, identityProvider, authority } = this.#peers;
    await this.#write(
      'exchange-route.yaml',
      exchangeRoute({
        servers: servers.map((name) => ({ name, url: exchange.frontEnd(name).url })),
        authorizationEndpoint: `${identityProvider.url}/common/oauth2/authorize`,
        tokenEndpoint: `${identityProvider.url}/common/oauth2/token`,
        gatewayResource: `https://${HOSTNAME}`,
        destinationResource: RESOURCE,
        ca: authority.certificate,
      }),
    );
  }

  /** Issues a new certificate for the phones' listener; returns the PEM. */
  async replaceCertificate(): Promise<string> {
    const { cert, key } = await this.#peers.authority.issue({ names: [HOSTNAME] });
    await this.#write('certificate.yaml', certificateSecret({ cert, key }));
    return cert;
  }

  /** Sends SIGTERM and waits for the exit. Returns exit code and milliseconds. */
  async drain(): Promise<{ code: number | null; milliseconds: number }> {
    const started = performance.now();
    const exited = once(this.#gateway, 'exit');
    this.#gateway.kill('SIGTERM');
    const [code] = (await exited) as [number | null];
    return { code, milliseconds: performance.now() - started };
  }

  async clear(): Promise<void> {
    if (this.#gateway.exitCode === null && this.#gateway.signalCode === null) await this.drain();
    this.#peers.exchange.close();
    await this.#peers.identityProvider.close();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #serving(): Promise<void> {
    const { stdout } = this.#gateway;
    if (stdout === null) throw new Error('the gateway has no standard output');
    const lines = createInterface(stdout);
    const deadline = AbortSignal.timeout(START_DEADLINE_MS);
    const ended = once(this.#gateway, 'exit', { signal: deadline }).then(() => {
      throw new Error(`bin/sentry standalone ended: see ${join(this.directory, 'gateway.log')}`);
    });
    const programmed = (async () => {
      for await (const line of lines) if (line.includes(' programmed: ')) return;
    })();
    await Promise.race([programmed, ended]);
    ended.catch(() => undefined);
  }

  async #write(name: string, text: string): Promise<void> {
    await writeFile(join(this.directory, `.${name}`), text);
    await rename(join(this.directory, `.${name}`), join(this.directory, name));
  }
}

async function startPeers(): Promise<Peers> {
  const authority = await CertificateAuthority.create('Demonstration CA');
  const users = userNames();
  const identityProvider = await IdentityProvider.start({ authority, users, resources: [RESOURCE] });
  const exchange = await Exchange.start({
    authority,
    frontEnds: { mbx1: 0, mbx2: 0 },
    users: users.map((name) => ({ name, password: 'secret' })),
    tokens: identityProvider.tokenRules([RESOURCE]),
  });
  return { authority, exchange, identityProvider };
}

function startGateway(directory: string, metricsPort: number): ChildProcess {
  return spawn(
    join(import.meta.dirname, '../../bin/sentry'),
    ['standalone', directory, '--metrics-address', `127.0.0.1:${metricsPort}`],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
}

function userNames(): string[] {
  return ['alice@example.com', ...Array.from({ length: USERS - 1 }, (_, i) => `user${i + 1}@example.com`)];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
