// certificate-rotation: the Secret of `certificateRefs` is replaced under load; polls stay open, new connections get the new
// certificate; one that is no good changes nothing but the status.
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CertificateAuthority, type Credentials, type LeafOptions } from '../peers/certificates.ts';
import type { HttpConnection } from '../peers/phone/http-connection.ts';
import { presentedByPods, resolvedRefs, resumesAtAnotherPod } from './certificate-presented.ts';
import { eventually, HOSTNAME, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

const names = { ecdsa: 'sentry-ecdsa', rsa: 'sentry-rsa' } as const;
const DAY_MS = 86_400_000;

let authority: CertificateAuthority;
let setup: MailSetup;

async function replaceSecret(
  algorithm: keyof typeof names,
  validity: Pick<LeafOptions, 'notBefore' | 'notAfter'> = {},
): Promise<string> {
  const credentials = await authority.issue({ names: [HOSTNAME], algorithm, ...validity });
  await setup.kubectl(['apply', '--server-side', '-f', '-'], secret(names[algorithm], credentials));
  return new X509Certificate(credentials.cert).fingerprint256;
}

function secret(name: string, { cert, key }: Credentials): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': cert, 'tls.key': key },
  });
}

async function presentedFingerprints(): Promise<string[]> {
  return (await presentedByPods(setup)).map(({ fingerprint256 }) => fingerprint256);
}

/** Until both pods present it. */
async function untilPresented(fingerprint: string): Promise<void> {
  await eventually('both pods present the new certificate', async () => {
    const presented = await presentedFingerprints();
    return presented.length === 2 && presented.every((one) => one === fingerprint);
  });
}

beforeAll(async () => {
  authority = await CertificateAuthority.create('Public authority');
  const certificateRefs = Object.values(names).map((name) => ({ name }));
  setup = await MailSetup.make(await sharedCluster(), 'certificate-rotation', {
    gateway: { listeners: [{ name: 'phones', hostnames: [HOSTNAME], tls: { certificateRefs } }] },
    listenerCA: authority.certificate,
  });
  await replaceSecret('rsa');
  await replaceSecret('ecdsa');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

test('new connections get the new certificate, and nobody else notices', async () => {
  await using traffic = await Traffic.start(setup, { name: 'certificate-rotation' });
  const connections: HttpConnection[] = [];
  const witness = setup.phone('bob@example.com', 'Basic', {
    onConnection: (connection) => connections.push(connection),
  });
  await witness.folderSync();
  await witness.sync();
  const poll = witness.ping(470);
  const connected = connections.length;

  await replaceSecret('rsa');
  await untilPresented(await replaceSecret('ecdsa'));
  await traffic.answered(200);
  await untilPresented(await replaceSecret('ecdsa'));
  await traffic.answered(200);

  expect(connections.at(-1)?.closed).toBe(false);
  setup.exchange.organisation.deliver('bob@example.com', { subject: 'for a poll of before' });
  expect(await poll).toMatchObject({ kind: 'changed' });
  expect(connections).toHaveLength(connected);
  expect(await traffic.finish()).toMatchObject(nothingLost);
});

test('a session of one pod is resumed by the other', async () => {
  expect(await resumesAtAnotherPod(setup)).toBe(true);
});

test('an expired replacement is told and not served', async () => {
  const before = await presentedFingerprints();
  const notAfter = new Date(Date.now() - DAY_MS);
  await replaceSecret('ecdsa', { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter });
  const { message } = await resolvedRefs(setup, 'CertificateExpired');
  expect(message).toContain('sentry-ecdsa expired at');
  expect(message).toContain('its last good certificates stay in service');
  expect((await presentedFingerprints()).toSorted()).toEqual(before.toSorted());
  await eventually('there is an event', async () => {
    const events = await setup.kubectl(['get', 'events', '-o', 'jsonpath={.items[*].reason}']);
    return events.includes('CertificateExpired');
  });

  await untilPresented(await replaceSecret('ecdsa'));
  await setup.waitReady();
});
