// Edits while gateways run: what is good is served at once, what is bad is refused alone, and open polls live on.
import { connect, type PeerCertificate } from 'node:tls';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CertificateAuthority } from '../peers/certificates.ts';
import { Exchange } from '../peers/exchange/exchange.ts';
import { Phone } from '../peers/phone/phone.ts';
import { configMap, documents, gateway, route, tlsSecret } from './manifests.ts';
import { freePorts, Standalone } from './standalone-run.ts';

const USERS = ['alice@example.com', 'bob@example.com'];
const HOSTS = { 'sentry.example.com': '127.0.0.1' };

let authority: CertificateAuthority;
let first: Exchange;
let second: Exchange;
let run: Standalone;
let port: number;
let otherPort: number;
const phones: Phone[] = [];

beforeEach(async () => {
  authority = await CertificateAuthority.create();
  const users = USERS.map((name) => ({ name, password: 'secret' }));
  first = await Exchange.start({ authority, users });
  second = await Exchange.start({ authority, users });
  [port = 0, otherPort = 0] = await freePorts(2);
  run = await Standalone.create({
    'gateway.yaml': gateway('mail', port),
    'route.yaml': route('all', 'mail', first.frontEnd().port),
    'ca.yaml': configMap('exchange-ca', authority.certificate),
  });
  run.start();
  await run.programmed('default/mail', port);
});

afterEach(async () => {
  for (const phone of phones.splice(0)) phone.close();
  await run[Symbol.asyncDispose]();
  first.close();
  second.close();
});

async function phone(user = USERS[0] ?? '', options: { port?: number; ca?: string } = {}): Promise<Phone> {
  const ca = options.ca ?? (await run.state('default', 'mail', 'ca.crt'));
  const url = `https://sentry.example.com:${options.port ?? port}`;
  const phone = new Phone({ url, hosts: HOSTS, ca, user, password: 'secret' });
  phones.push(phone);
  return phone;
}

/** A phone with an open Ping on the first Exchange. */
async function pinging() {
  const waiting = await phone();
  await waiting.folderSync();
  await waiting.sync();
  const answer = waiting.ping(470);
  await first.organisation.journal.until(({ openPolls }) => openPolls.length === 1);
  return { answer, inbox: waiting.inbox, report: waiting.report };
}

/** Waits until requests of bob reach the Exchange. */
async function reached(exchange: Exchange, at = port): Promise<void> {
  const requests = () =>
    exchange.organisation.journal.requests.filter(({ user }) => user === USERS[1]).length;
  const before = requests();
  await run.until(async () => {
    const asking = await phone(USERS[1], { port: at });
    await asking.options().catch(() => undefined);
    return requests() > before;
  }, 'the other Exchange');
}

async function presented(at: number, servername = 'sentry.example.com'): Promise<PeerCertificate> {
  const socket = connect({ host: '127.0.0.1', port: at, servername, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerCertificate();
  socket.destroy();
  return certificate;
}

async function hash(): Promise<string> {
  return /hash: ([0-9a-f]{64})/.exec(await gatewayStatusText())?.[1] ?? '';
}

async function statusFiles(): Promise<string[]> {
  const names = await readdir(join(run.directory, '.sentry', 'status'));
  return names.filter((name) => !name.startsWith('.')).toSorted();
}

async function gatewayStatusText(): Promise<string> {
  return await run.state('status', 'sentrygateway.default.mail.yaml');
}

const isStatus = async (kind: string, type: string, status: string) => {
  const text = await run.state('status', `${kind}.yaml`).catch(() => '');
  return new RegExp(`type: ${type}\\n\\s+status: "?${status}"?`).test(text);
};

describe('a good edit', () => {
  it('of a route sends the next request elsewhere while an open Ping lives on', async () => {
    const { answer, inbox, report } = await pinging();
    const { port: there } = second.frontEnd();
    await run.edit('route.yaml', (text) => text.replace(/localhost:\d+/, `localhost:${there}`));
    await reached(second);
    expect(first.organisation.journal.openPolls).toHaveLength(1);
    first.organisation.deliver(USERS[0] ?? '', { subject: 'for the Ping', body: '' });
    expect(await answer).toEqual({ kind: 'changed', folderIds: [inbox] });
    expect(report.summary()).toMatchObject({ lost: 0 });
  });

  it('of the host names presents another certificate of the same CA while an open Ping lives on', async () => {
    const { answer } = await pinging();
    const before = await presented(port);
    await run.edit('gateway.yaml', (text) =>
      text.replace('[sentry.example.com]', '[sentry.example.com, new.example.com]'),
    );
    await run.until(
      async () => (await presented(port)).fingerprint256 !== before.fingerprint256,
      'a new certificate',
    );
    const after = await presented(port, 'new.example.com');
    expect(after.subjectaltname).toBe('DNS:sentry.example.com, DNS:new.example.com');
    await (await phone()).options();
    first.organisation.deliver(USERS[0] ?? '', { subject: 'for the Ping', body: '' });
    expect(await answer).toMatchObject({ kind: 'changed' });
  });

  it('of a Secret presents its certificate, also when it is replaced', async () => {
    const certificates = ['rsa', 'ecdsa'] as const;
    await run.edit('gateway.yaml', (text) =>
      text.replace('{selfSigned: {}}', '{certificateRefs: [{name: own}]}'),
    );
    for (const algorithm of certificates) {
      const own = await authority.issue({ names: ['sentry.example.com'], algorithm });
      await run.write('secret.yaml', tlsSecret('own', own));
      const bits = algorithm === 'rsa' ? 2048 : 256;
      await run.until(async () => (await presented(port)).bits === bits, `the ${algorithm} certificate`);
      const trusting = await phone(USERS[0], { ca: authority.certificate });
      await expect(trusting.options()).resolves.toBeDefined();
      const key = own.key.trim().split('\n')[1] ?? '';
      for (const shown of [
        run.stdout,
        run.stderr,
        (await run.get('/metrics')).text,
        await gatewayStatusText(),
      ]) {
        expect(shown).not.toContain(key);
      }
    }
  });

  it('of the port moves the gateway: new connections there, open ones drain here', async () => {
    const { answer } = await pinging();
    await run.edit('gateway.yaml', (text) => text.replace(`port: ${port}`, `port: ${otherPort}`));
    await run.programmed('default/mail', otherPort);
    await reached(first, otherPort);
    expect(await answer).toEqual({ kind: 'expired' });
    await run.until(async () => (await run.gatewayProcesses()).length === 1, 'the end of the first process');
  });

  it('that adds a gateway starts it, and one that removes a gateway ends it and leaves no status', async () => {
    await run.write(
      'more.yaml',
      documents(gateway('more', otherPort), route('more', 'more', first.frontEnd().port)),
    );
    await run.programmed('default/more', otherPort);
    expect((await run.get('/readyz')).text).toBe('default/mail ok\ndefault/more ok\n');
    await run.remove('more.yaml');
    await run.until(async () => (await run.gatewayProcesses()).length === 1, 'the end of its process');
    await run.until(async () => (await run.get('/readyz')).text === 'default/mail ok\n', 'one gateway');
    await run.until(
      async () => !(await statusFiles()).includes('sentrygateway.default.more.yaml'),
      'no status',
    );
    expect(await statusFiles()).toEqual([
      'exchangeroute.default.all.yaml',
      'sentrygateway.default.mail.yaml',
    ]);
  });
});

describe('a bad edit', () => {
  it('of one object is refused with file and line, and its last good version serves', async () => {
    const before = await hash();
    await run.edit('route.yaml', (text) => text.replace('https://localhost', 'http://localhost'));
    await run.until(() => run.stderr.includes(`${run.directory}/route.yaml:8: `), 'the refusal');
    expect(run.stderr).toContain('ExchangeRoute default/all: spec.servers[0].url: ');
    await run.edit('gateway.yaml', (text) =>
      text.replace('[sentry.example.com]', '[sentry.example.com, new.example.com]'),
    );
    await run.until(async () => (await hash()) !== before, 'the good edit of the gateway');
    await (await phone()).options();
    const { text } = await run.get('/metrics');
    expect(text).toContain('sentry_manifests_refused_total 1\n');
    expect(text).toContain('sentry_manifest_problems{severity="Error"} 1\n');

    await run.edit('route.yaml', (text) => text.replace('http://localhost', 'https://localhost'));
    await run.until(
      async () => (await run.get('/metrics')).text.includes('sentry_manifest_problems{severity="Error"} 0\n'),
      'the good manifest',
    );
  });

  it('that breaks the YAML of a file changes nothing of what it held', async () => {
    await run.edit('route.yaml', (text) => `${text}  servers: [`);
    await run.until(() => run.stderr.includes(`${run.directory}/route.yaml:`), 'the refusal');
    await expect((await phone()).options()).resolves.toBeDefined();
  });

  it('that takes away what a route refers to is a condition, and the route serves on', async () => {
    await run.remove('ca.yaml');
    await run.until(() => isStatus('exchangeroute.default.all', 'ResolvedRefs', 'False'), 'the condition');
    await expect((await phone()).options()).resolves.toBeDefined();
    await run.write('ca.yaml', configMap('exchange-ca', authority.certificate));
    await run.until(() => isStatus('exchangeroute.default.all', 'Ready', 'True'), 'the condition');
  });

  it('to a port that is taken is a condition, and goes away when the port is free', async () => {
    const more = gateway('more', port);
    await run.write('more.yaml', more);
    await run.until(() => isStatus('sentrygateway.default.more', 'Accepted', 'False'), 'the condition');
    await expect((await phone()).options()).resolves.toBeDefined();
    await run.write('more.yaml', more.replace(`port: ${port}`, `port: ${otherPort}`));
    await run.programmed('default/more', otherPort);
    await run.until(() => isStatus('sentrygateway.default.more', 'Accepted', 'True'), 'the condition');
  });
});

it('shows which servers are reached', async () => {
  first.frontEnd().kill();
  const healthy = async (count: number) =>
    (await run.state('status', 'exchangeroute.default.all.yaml').catch(() => '')).includes(
      `healthyPods: ${count}\n`,
    );
  await run.until(() => healthy(0), 'a server that is not reached');
  await first.frontEnd().serve();
  await run.until(() => healthy(1), 'a server that is reached');
  await expect((await phone()).options()).resolves.toBeDefined();
});
