// Certificates that grow old while a gateway runs, by a clock that is set forward.
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { pino } from 'pino';
import { expect, it, vi } from 'vitest';
import { runStandalone } from '../../operator/standalone.ts';
import { gateway } from './manifests.ts';
import { freePorts, Standalone } from './standalone-run.ts';

const DAY_MS = 24 * 3_600_000;

/** The certificate that is presented, verified by `ca` for its name but not for its dates, which are of the set clock. */
async function presented(port: number, ca: string): Promise<X509Certificate> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: 'sentry.example.com',
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  const bundle = ca.match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  const issuers = bundle.map((pem) => new X509Certificate(pem));
  expect(issuers.some((issuer) => certificate?.verify(issuer.publicKey))).toBe(true);
  if (certificate === undefined) throw new Error('no certificate was presented');
  return certificate;
}

it('presents a new certificate after two thirds of the life of the old, and one of the next authority in years', async () => {
  const [port = 0, metricsPort = 0] = await freePorts(2);
  await using run = await Standalone.create({ 'a.yaml': gateway('mail', port) });
  const started = Date.now();
  let days = 0;
  const drain = new AbortController();
  const lines: string[] = [];
  const running = runStandalone({
    directory: run.directory,
    address: '127.0.0.1',
    metrics: { host: '127.0.0.1', port: metricsPort },
    environment: process.env,
    clock: { now: () => new Date(Date.now() + days * DAY_MS) },
    log: pino({ level: 'silent' }),
    print: (line) => lines.push(line),
    drain: drain.signal,
    kill: new AbortController().signal,
  });
  const authority = () => run.state('default', 'mail', 'ca.crt');
  /** The next edit, whatever it is, looks at the certificates too. */
  const pass = async (target: number) => {
    days = target;
    await run.write('note.yaml', `# day ${target}\n`);
  };
  try {
    await until(() => expect(lines).toHaveLength(1));
    const ca = await authority();
    const first = await presented(port, ca);

    await pass(61);
    await until(async () => {
      const { validFromDate, fingerprint256 } = await presented(port, ca);
      expect(fingerprint256).not.toBe(first.fingerprint256);
      expect(validFromDate.getTime()).toBeGreaterThan(started + 60 * DAY_MS);
    });
    expect(await authority()).toBe(ca);

    await pass(2440);
    await until(async () => expect((await authority()).length).toBeGreaterThan(ca.length * 1.5));
    const both = await authority();
    expect(both.startsWith(ca)).toBe(true);

    await pass(2440 + 610);
    const next = both.slice(ca.length);
    await until(async () => expect(await authority()).toBe(next + ca));
    await until(async () => {
      const certificate = await presented(port, next);
      expect(certificate.checkIssued(new X509Certificate(next))).toBe(true);
    });
    expect(lines).toEqual([`SentryGateway default/mail programmed: https://127.0.0.1:${port}`]);
  } finally {
    drain.abort();
    expect(await running).toBe(0);
  }
});

async function until(check: () => Promise<void> | void): Promise<void> {
  await vi.waitFor(check, { timeout: 60_000, interval: 50 });
}
