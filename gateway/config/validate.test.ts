import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority, type Credentials } from '../../test/peers/certificates.ts';
import { parseCertificates } from './certificates.ts';
import type { Snapshot, SnapshotFiles, SnapshotRoute } from './snapshot.ts';
import { validateSnapshot } from './validate.ts';

let ca: CertificateAuthority;
let ecdsa: Credentials;
let rsa: Credentials;
let files: Map<string, Buffer>;

beforeAll(async () => {
  ca = await CertificateAuthority.create();
  ecdsa = await ca.issue({ names: ['sentry.example.com'] });
  rsa = await ca.issue({ names: ['sentry.example.com'], algorithm: 'rsa' });
  files = new Map(
    Object.entries({
      'ec.crt': ecdsa.cert,
      'ec.key': ecdsa.key,
      'rsa.crt': rsa.cert,
      'rsa.key': rsa.key,
      'ca.crt': ca.certificate,
    }).map(([name, pem]) => [name, Buffer.from(pem)]),
  );
  files.set('ticket.key', randomBytes(48));
});

const ecPair = { certificateFile: 'ec.crt', keyFile: 'ec.key' };
const rsaPair = { certificateFile: 'rsa.crt', keyFile: 'rsa.key' };
const listener = {
  name: 'phones',
  hostnames: ['sentry.example.com'],
  certificates: [ecPair, rsaPair],
  minVersion: 'TLSv1.2' as const,
};
const route: SnapshotRoute = {
  namespace: 'default',
  name: 'example-com',
  listeners: ['phones'],
  match: { users: [], deviceTypes: [], domains: [] },
  servers: [{ name: 'mbx1', url: 'https://mbx1.corp.example.com', priority: 0 }],
  serverTLS: { caFile: 'ca.crt' },
  authentication: { type: 'PassThrough' },
  redirects: { policy: 'Rewrite' },
  limits: { maxRequestBytes: 1 },
  timeouts: {
    connectSeconds: 5,
    firstByteSeconds: 120,
    idleSeconds: 60,
    pollSeconds: 3600,
    keepAliveSeconds: 120,
  },
};
const good: Snapshot = {
  version: 2,
  gateway: { namespace: 'default', name: 'mail' },
  listeners: [listener],
  routes: [route],
  ticketKeyFile: 'ticket.key',
  admin: { ...ecPair, clientCAFile: 'ca.crt' },
  drain: { seconds: 60, propagationSeconds: 5 },
  logging: { access: 'All', samplePercent: 10, identifiers: 'Hashed' },
};
const { admin: _, ...withoutAdmin } = good;
const withFile = (name: string, content: string | Buffer): SnapshotFiles =>
  new Map(files).set(name, Buffer.from(content));
const withListener = (change: Partial<Snapshot['listeners'][number]>): Snapshot => ({
  ...good,
  listeners: [{ ...listener, ...change }],
});

describe('a snapshot is good', () => {
  test('with an ECDSA and an RSA certificate side by side', () => {
    expect(validateSnapshot(good, files)).toEqual([]);
  });

  test('with an expired certificate: phones that accept it are better than none', async () => {
    const expired = await ca.issue({ names: ['sentry.example.com'], notAfter: new Date(Date.now() - 1000) });
    const changed = new Map(files)
      .set('ec.crt', Buffer.from(expired.cert))
      .set('ec.key', Buffer.from(expired.key));
    expect(validateSnapshot(good, changed)).toEqual([]);
  });
});

describe('a snapshot is refused', () => {
  test.each<[string, Snapshot, () => SnapshotFiles, string]>([
    [
      'whose certificate is missing',
      good,
      () => without('ec.crt'),
      'listener phones: file ec.crt is missing',
    ],
    ['whose key is missing', good, () => without('rsa.key'), 'listener phones: file rsa.key is missing'],
    [
      'whose key is that of another certificate',
      good,
      () => withFile('ec.key', rsa.key),
      'the private key is not that of the certificate',
    ],
    [
      'whose certificate is rubbish',
      good,
      () => withFile('ec.crt', 'rubbish'),
      'holds no whole PEM certificate',
    ],
    [
      'whose certificate is cut short',
      good,
      () => withFile('ec.crt', ecdsa.cert.slice(0, -60)),
      'holds no whole PEM certificate',
    ],
    [
      'whose certificate is PEM of nothing',
      good,
      () => withFile('ec.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      'certificate 1 of 1 does not parse',
    ],
    ['whose key is rubbish', good, () => withFile('ec.key', 'rubbish'), 'the private key does not parse'],
    [
      'whose server CA is rubbish, which createSecureContext would accept',
      withoutAdmin,
      () => withFile('ca.crt', 'rubbish'),
      'route default/example-com: ca.crt: holds no whole PEM certificate',
    ],
    [
      'whose second CA does not parse',
      good,
      () =>
        withFile('ca.crt', `${ca.certificate}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`),
      'certificate 2 of 2 does not parse',
    ],
    [
      'whose ticket key is too short',
      good,
      () => withFile('ticket.key', 'short'),
      'must be a file of 48 bytes',
    ],
    [
      'with two certificates of one key type',
      withListener({ certificates: [ecPair, ecPair] }),
      () => files,
      'key type ec occurs more than once',
    ],
    [
      'with a route on a listener that is not there',
      { ...good, routes: [{ ...route, listeners: ['tablets'] }] },
      () => files,
      'there is no listener tablets',
    ],
    [
      'with a listener twice',
      { ...good, listeners: [listener, listener] },
      () => files,
      'listener phones occurs',
    ],
    [
      'with a route twice',
      { ...good, routes: [route, route] },
      () => files,
      'route default/example-com occurs',
    ],
  ])('%s', (_, snapshot, contents, message) => {
    const problems = validateSnapshot(snapshot, contents());
    expect(problems.join('\n')).toContain(message);
  });

  test('in words that hold nothing of a private key', () => {
    const problems = validateSnapshot(good, withFile('ec.key', ecdsa.key.replace('PRIVATE', 'PUBLIC')));
    expect(problems).not.toEqual([]);
    expect(problems.join('\n')).not.toContain(ecdsa.key.split('\n')[1]);
  });
});

test('a bundle is parsed certificate by certificate, whatever text stands between', async () => {
  const other = await CertificateAuthority.create('Another');
  const bundle = `# ours\n${ca.certificate}\nand another\n${other.certificate}`;
  expect(parseCertificates(bundle).map(({ subject }) => subject)).toEqual([
    'CN=Simulated peers CA',
    'CN=Another',
  ]);
});

function without(name: string): SnapshotFiles {
  return new Map([...files].filter(([key]) => key !== name));
}
