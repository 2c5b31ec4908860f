import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect, it } from 'vitest';
import type { KeyPair } from '../translate/types.ts';
import { issueAuthority, issueLeaf } from './issue.ts';

const DAY_MS = 24 * 3_600_000;
const gateway = { namespace: 'default', name: 'mail' };
const tenYears = () => ({ now: new Date(), lifetimeMs: 3650 * DAY_MS });
const month = () => ({ now: new Date(), lifetimeMs: 30 * DAY_MS });

interface Handshake {
  readonly server: KeyPair;
  readonly client?: KeyPair;
  readonly ca: string;
  readonly servername: string;
}

/** A real TLS 1.3 handshake; rejects when the client refuses the server, resolves with what the server thinks of the client. */
async function handshake({ server, client, ca, servername }: Handshake) {
  await using listening = createServer({
    cert: server.certificate,
    key: server.key,
    ca,
    requestCert: client !== undefined,
    rejectUnauthorized: false,
  });
  const accepted = once(listening, 'secureConnection') as Promise<[TLSSocket]>;
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address() as { port: number };
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca,
    servername,
    ...(client && { cert: client.certificate, key: client.key }),
  });
  try {
    const failed = once(socket, 'error').then(([error]) => {
      throw error;
    });
    const [peer] = await Promise.race([accepted, failed]);
    const { authorized, authorizationError } = peer;
    peer.destroy();
    return authorized ? 'authorized' : String(authorizationError);
  } finally {
    socket.destroy();
  }
}

it('issues a server certificate that a TLS client with the CA accepts for each of its host names', async () => {
  const authority = await issueAuthority(gateway, tenYears());
  const hostnames = ['sentry.example.com', '*.mail.example.com'];
  const server = await issueLeaf(authority, { usage: 'Server', hostnames }, month());
  for (const servername of ['sentry.example.com', 'eu.mail.example.com']) {
    await handshake({ server, ca: authority.certificate, servername });
  }
  await expect(
    handshake({ server, ca: authority.certificate, servername: 'other.example.com' }),
  ).rejects.toThrow(/ERR_TLS_CERT_ALTNAME_INVALID|does not match/);
});

it('issues a client certificate that the admin port accepts, and never takes a server certificate for one', async () => {
  const authority = await issueAuthority(gateway, tenYears());
  const server = await issueLeaf(authority, { usage: 'Server', hostnames: ['admin.internal'] }, month());
  const client = await issueLeaf(authority, { usage: 'Client', commonName: 'sentry-operator' }, month());
  const ca = authority.certificate;
  expect(await handshake({ server, client, ca, servername: 'admin.internal' })).toBe('authorized');
  const asServer = await handshake({ server, client: server, ca, servername: 'admin.internal' });
  expect(asServer).toBe('INVALID_PURPOSE');
});

it('makes an authority that may sign leaves and no further authority', async () => {
  const certificate = new X509Certificate((await issueAuthority(gateway, tenYears())).certificate);
  expect(certificate.ca).toBe(true);
  expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  expect(certificate.toLegacyObject().subject).toMatchObject({ O: 'default', OU: 'mail' });
});

it('never lets a leaf outlive its authority', async () => {
  const now = new Date();
  const authority = await issueAuthority(gateway, { now, lifetimeMs: 5 * DAY_MS });
  const leaf = await issueLeaf(authority, { usage: 'Server', hostnames: ['a.example.com'] }, month());
  const [end, authorityEnd] = [leaf, authority].map(
    ({ certificate }) => new X509Certificate(certificate).validToDate,
  );
  expect(end).toEqual(authorityEnd);
});

it('names a listener whose only host name is longer than a common name may be', async () => {
  const authority = await issueAuthority(gateway, tenYears());
  const hostname = `${'a'.repeat(60)}.${'b'.repeat(60)}.example.com`;
  const server = await issueLeaf(authority, { usage: 'Server', hostnames: [hostname] }, month());
  const accepted = handshake({ server, ca: authority.certificate, servername: hostname });
  await expect(accepted).resolves.toBeDefined();
});
