// TLS of the phones' port, as a phone sees it: names, certificates, versions, sessions.
import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority, type Credentials } from '../../peers/certificates.ts';
import { GatewayProcess } from './gateway-process.ts';
import { sketchSnapshot, type SnapshotSketch } from './snapshot-sketch.ts';
import {
  type ClientOptions,
  connectTls,
  exchangeHead,
  helloBytes,
  outcomeOf,
  sessionOf,
} from './tls-client.ts';

let authority: CertificateAuthority;
let ecdsa: Credentials;
let rsa: Credentials;
let modern: Credentials;
let wildcard: Credentials;
let gateway: GatewayProcess;
const ticketKey = randomBytes(48);

beforeAll(async () => {
  authority = await CertificateAuthority.create();
  ecdsa = await authority.issue({ names: ['sentry.example.com', 'mail.example.com'] });
  rsa = await authority.issue({ names: ['sentry.example.com', 'mail.example.com'], algorithm: 'rsa' });
  modern = await authority.issue({ names: ['modern.example.com'] });
  wildcard = await authority.issue({ names: ['*.example.net'] });
  gateway = await GatewayProcess.start({ content: sketchSnapshot(sketch()) });
});
afterAll(() => gateway[Symbol.asyncDispose]());

function sketch(change: Partial<SnapshotSketch> = {}): SnapshotSketch {
  return {
    listeners: [
      { name: 'phones', hostnames: ['sentry.example.com', 'mail.example.com'], credentials: [ecdsa, rsa] },
      { name: 'modern', hostnames: ['modern.example.com'], credentials: [modern], minVersion: 'TLSv1.3' },
      { name: 'branches', hostnames: ['*.example.net', 'hq.example.net'], credentials: [wildcard] },
    ],
    ticketKey,
    ...change,
  };
}

function client(options: Omit<ClientOptions, 'port'>): ClientOptions {
  return { ca: authority.certificate, ...options, port: gateway.port };
}

/** Common name of the certificate that is shown, and how its key is called. */
async function shown(options: Omit<ClientOptions, 'port'>): Promise<string> {
  const socket = await connectTls(client({ ...options, checkServerIdentity: () => undefined }));
  const certificate = new X509Certificate(socket.getPeerX509Certificate()?.raw ?? '');
  socket.destroy();
  return `${certificate.subject} ${certificate.publicKey.asymmetricKeyType}`;
}

/** A phone has a session; does a new connection resume it? */
async function resumes(session: Buffer, options: Omit<ClientOptions, 'port'>): Promise<boolean> {
  const socket = await connectTls(client({ ...options, session }));
  const reused = socket.isSessionReused();
  await exchangeHead(socket);
  socket.destroy();
  return reused;
}

async function newSession(options: Omit<ClientOptions, 'port'>): Promise<Buffer> {
  const socket = await connectTls(client(options));
  const session = await sessionOf(socket);
  socket.destroy();
  return session;
}

describe('the server name', () => {
  test.each([
    ['sentry.example.com', 'CN=sentry.example.com ec'],
    ['mail.example.com', 'CN=sentry.example.com ec'],
    ['MAIL.Example.com', 'CN=sentry.example.com ec'],
    ['modern.example.com', 'CN=modern.example.com ec'],
    ['branch1.example.net', 'CN=*.example.net ec'],
    ['hq.example.net', 'CN=*.example.net ec'],
  ])('%s leads to the certificate of its listener', async (servername, subject) => {
    expect(await shown({ servername })).toBe(subject);
  });

  test('may be absent: then the first listener answers', async () => {
    expect(await shown({})).toBe('CN=sentry.example.com ec');
  });

  test.each(['other.example.com', 'example.net', 'a.b.example.net', 'xsentry.example.com'])(
    '%s is no listener: alert unrecognized_name, counted',
    async (servername) => {
      const series = 'sentry_handshakes_total{listener="",outcome="unrecognized-name"}';
      const before = (await gateway.metric(series)) ?? 0;
      expect(await outcomeOf(client({ servername }))).toMatch(/UNRECOGNIZED_NAME/);
      await gateway.until(async () => (await gateway.metric(series)) === before + 1);
    },
  );
});

describe('certificates', () => {
  test.each<[string, Omit<ClientOptions, 'port'>]>([
    ['a phone of TLS 1.2', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }],
    ['a phone of TLS 1.3', { minVersion: 'TLSv1.3', sigalgs: 'rsa_pss_rsae_sha256' }],
  ])('%s that knows RSA alone gets the RSA one of the same listener', async (_, options) => {
    const ca = authority.certificate;
    const rsaOnly = { ...options, servername: 'sentry.example.com', rejectUnauthorized: false, ca };
    expect(await shown(rsaOnly)).toBe('CN=sentry.example.com rsa');
  });
});

describe('the version of TLS', () => {
  test.each<[string, Omit<ClientOptions, 'port'>, RegExp]>([
    ['1.3 is taken where both have it', { servername: 'sentry.example.com' }, /TLSv1\.3/],
    ['1.2 is enough', { servername: 'sentry.example.com', maxVersion: 'TLSv1.2' }, /TLSv1\.2/],
    ['1.3 on the listener that wants it', { servername: 'modern.example.com' }, /TLSv1\.3/],
  ])('%s', async (_, options, version) => {
    const socket = await connectTls(client(options));
    expect(socket.getProtocol()).toMatch(version);
    socket.destroy();
  });

  test.each<[string, Omit<ClientOptions, 'port'>]>([
    ['1.2 on a listener of at least 1.3', { servername: 'modern.example.com', maxVersion: 'TLSv1.2' }],
    [
      '1.1 anywhere',
      {
        servername: 'sentry.example.com',
        minVersion: 'TLSv1.1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT:@SECLEVEL=0',
      },
    ],
  ])('%s is refused', async (_, options) => {
    expect(await outcomeOf(client(options))).toMatch(/PROTOCOL_VERSION/);
  });

  test('1.2 without forward secrecy is refused', async () => {
    const options = {
      servername: 'sentry.example.com',
      maxVersion: 'TLSv1.2',
      ciphers: 'AES128-GCM-SHA256',
    } as const;
    expect(await outcomeOf(client(options))).toMatch(/HANDSHAKE_FAILURE/);
  });
});

describe('the protocol inside', () => {
  test('is http/1.1 where the phone asks, and with a phone that does not ask', async () => {
    const asked = await connectTls(
      client({ servername: 'sentry.example.com', ALPNProtocols: ['h2', 'http/1.1'] }),
    );
    expect(asked.alpnProtocol).toBe('http/1.1');
    expect(await exchangeHead(asked)).toContain('HTTP/1.1 404');
    const silent = await connectTls(client({ servername: 'sentry.example.com' }));
    expect(silent.alpnProtocol).toBe(false);
    expect(await exchangeHead(silent)).toContain('HTTP/1.1 404');
    asked.destroy();
    silent.destroy();
  });

  test('h2 alone is refused by an alert', async () => {
    expect(await outcomeOf(client({ servername: 'sentry.example.com', ALPNProtocols: ['h2'] }))).toMatch(
      /NO_APPLICATION_PROTOCOL/,
    );
  });
});

describe('a session', () => {
  const versions = [{ maxVersion: 'TLSv1.2' }, { minVersion: 'TLSv1.3' }] as const;

  test.each(versions)('of %j is resumed, also after new certificates', async (version) => {
    const options = { ...version, servername: 'sentry.example.com' };
    const session = await newSession(options);
    expect(await resumes(session, options)).toBe(true);
    const renewed = await authority.issue({ names: ['sentry.example.com'] });
    const [phones, ...others] = sketch().listeners;
    await gateway.serve(
      sketchSnapshot(sketch({ listeners: [{ ...phones, credentials: [renewed] }, ...others] })),
    );
    expect(await resumes(session, options)).toBe(true);
    await gateway.serve(sketchSnapshot(sketch()));
  });

  test.each(versions)('of %j is resumed by another process with the same key', async (version) => {
    const options = { ...version, servername: 'sentry.example.com' };
    const session = await newSession(options);
    await using replica = await GatewayProcess.start({ content: sketchSnapshot(sketch()) });
    const socket = await connectTls({ ...client(options), port: replica.port, session });
    expect(socket.isSessionReused()).toBe(true);
    socket.destroy();
  });

  test.each(versions)('of %j is not resumed once the key is another', async (version) => {
    const options = { ...version, servername: 'sentry.example.com' };
    const session = await newSession(options);
    await gateway.serve(sketchSnapshot(sketch({ ticketKey: randomBytes(48) })));
    expect(await resumes(session, options)).toBe(false);
    await gateway.serve(sketchSnapshot(sketch()));
  });

  test('of one listener is not resumed at another', async () => {
    const session = await newSession({ servername: 'sentry.example.com' });
    const elsewhere = { servername: 'branch1.example.net' };
    expect(await resumes(session, elsewhere)).toBe(false);
  });

  test('is counted as resumed', async () => {
    const resumed = 'sentry_handshakes_total{listener="phones",outcome="resumed"}';
    const before = (await gateway.metric(resumed)) ?? 0;
    const options = { servername: 'sentry.example.com' };
    expect(await resumes(await newSession(options), options)).toBe(true);
    await gateway.until(async () => (await gateway.metric(resumed)) === before + 1);
  });
});

describe('what looks like no TLS', () => {
  test.each([
    ['HTTP in the clear', Buffer.from('GET / HTTP/1.1\r\nHost: sentry.example.com\r\n\r\n')],
    ['rubbish in a handshake record', Buffer.concat([Buffer.from([22, 3, 1, 0, 100]), Buffer.alloc(100, 7)])],
  ])('%s is closed, and the gateway goes on', async (_, bytes) => {
    const socket = connectTcp(gateway.port, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    socket.write(bytes);
    await once(socket, 'close');
    expect(await outcomeOf(client({ servername: 'sentry.example.com' }))).toBe('connected');
  });

  test('a ClientHello in small pieces is one in the end', async () => {
    const raw = connectTcp({ port: gateway.port, host: '127.0.0.1', noDelay: true });
    await once(raw, 'connect');
    const trickle = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => sendSlowly(raw, chunk, done),
    });
    raw.on('data', (bytes) => trickle.push(bytes));
    const socket = connect({ socket: trickle, ca: authority.certificate, servername: 'sentry.example.com' });
    await once(socket, 'secureConnect');
    expect(socket.authorized).toBe(true);
    raw.destroy();
  });
});

describe('a handshake that does not end well', () => {
  test('gives its place free, whatever went wrong', async () => {
    const hello = await helloBytes();
    for (let i = 0; i < 300; i++) {
      const raw = connectTcp({ port: gateway.port, host: '127.0.0.1' });
      raw.on('error', () => undefined).resume();
      await once(raw, 'connect');
      if (i % 3 === 0) raw.write(hello);
      if (i % 3 === 1) raw.write(hello.subarray(0, i));
      if (i % 3 === 2) raw.write(Buffer.concat([hello, Buffer.alloc(i, 1)]));
      if (i % 2 === 0) raw.resetAndDestroy();
      else setImmediate(() => raw.destroy());
    }
    for (const options of [{ maxVersion: 'TLSv1.2' }, { ALPNProtocols: ['h2'] }] as const) {
      await outcomeOf(client({ servername: 'modern.example.com', ...options }));
    }
    for (const state of ['arriving', 'queued', 'in-flight']) {
      const series = `sentry_pending_handshakes{state="${state}"}`;
      await gateway.until(async () => (await gateway.metric(series)) === 0);
    }
    expect(await outcomeOf(client({ servername: 'sentry.example.com' }))).toBe('connected');
  });
});

function sendSlowly(raw: Socket, bytes: Buffer, done: () => void): void {
  if (bytes.length === 0) {
    done();
    return;
  }
  raw.write(bytes.subarray(0, 97));
  setImmediate(() => sendSlowly(raw, bytes.subarray(97), done));
}
